"""The database of a command."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Engine

from api.cli.context import notices, settings_or_fail
from config import Settings
from database import EmbeddedServerError, make_engine, open_database
from database.places import find_places


@contextmanager
def opened_url(*, make: bool = False) -> Iterator[tuple[Settings, str]]:
    """The settings and a database that can be used: by URL, running already, or started for the occasion.

    Only with `make` is an embedded one made where there is none: a mistyped folder must not look empty.
    """
    settings = settings_or_fail()
    if not make and settings.database_url is None and find_places(settings.data_dir) is None:
        raise click.ClickException(
            f"There is no database in {settings.data_dir}. Set TONGDUI_DATA to the folder that `tongdui run`"
            " uses, or DATABASE_URL; `tongdui db upgrade` makes a new database."
        )
    try:
        with open_database(
            settings.database_url, settings.data_dir, archive_to=settings.backups, on_wait=notices.print
        ) as database:
            yield settings, database.url
    except EmbeddedServerError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def opened_engine() -> Iterator[Engine]:
    with opened_url() as (_, url):
        engine = make_engine(url, pool_size=4, application_name="tongdui-cli")
        try:
            yield engine
        finally:
            engine.dispose()
