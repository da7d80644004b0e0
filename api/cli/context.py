"""What commands share: settings, the database, and errors that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from sqlalchemy import Engine

from config import Settings, SettingsError, load_settings
from config.logs import configure_logging
from database import EmbeddedServerError, make_engine, open_database
from database.places import find_places

console = Console()
notices = Console(stderr=True)


def settings_or_fail() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    # A person reads along: warnings only, in plain lines. Servers log what they are told to.
    configure_logging("warning", "console")
    return settings


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
        with open_database(settings.database_url, settings.data_dir, on_wait=notices.print) as database:
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
