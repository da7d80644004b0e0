"""`tongdui db`: the tables."""

import click

from api.cli.context import console
from api.cli.opened import opened_engine, opened_url
from api.cli.phones import told_of_phones
from api.setup import prepare
from database import make_engine, migrations


@click.group("db")
def database() -> None:
    """Look after the database."""


@database.command()
def upgrade() -> None:
    """Bring the tables up to date; safe to run again."""
    with opened_url(make=True) as (settings, url):
        operator_key = prepare(settings, url)
        _tell_of_phones(url)
    console.print("The tables are up to date.")
    if operator_key is not None:
        console.print("Operator key, shown this once:")
        console.print(f"  {operator_key}", soft_wrap=True)


def _tell_of_phones(url: str) -> None:
    engine = make_engine(url, pool_size=1, application_name="tongdui-db")
    try:
        with engine.connect() as connection:
            sentences = told_of_phones(connection)
    finally:
        engine.dispose()
    for sentence in sentences:
        console.print(sentence, style="yellow", markup=False, highlight=False, soft_wrap=True)


@database.command()
def check() -> None:
    """Compare the tables with what this program expects; exit 1 if they differ."""
    with opened_engine() as engine:
        faults = migrations.check(engine)
    for fault in faults:
        console.print(fault, markup=False)
    if faults:
        raise click.ClickException("The database differs. Run `tongdui db upgrade`.")
    console.print("The tables are as they should be.")
