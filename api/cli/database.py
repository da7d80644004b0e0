"""`tongdui db`: the tables, a client for them, backups."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import click

from api.backups import KEYS_BUNDLE, folder_of, make_backup, put_keys_back
from api.cli.context import console, notices, settings_or_fail
from api.cli.numbers import shared_numbers
from api.cli.opened import opened_engine, opened_url
from api.cli.phones import told_of_phones
from api.cli.times import Instant
from api.cli.verify import report_differences
from api.key_bundle import WrongPassphrase
from api.setup import prepare
from config import Settings
from database import EmbeddedServerError, make_engine, migrations, open_database
from database.backup import Backup, list_backups, without_password
from database.binaries import find_binaries
from database.errors import BackupError
from database.restore import choose_backup, restore_logical, restore_physical


@click.group("db")
def database() -> None:
    """Look after the database."""


@database.command()
def upgrade() -> None:
    """Bring the tables up to date; safe to run again."""
    with opened_url(make=True) as (settings, url):
        operator_key = prepare(settings, url)
        _tell_of_old_data(url)
    console.print("The tables are up to date.")
    if operator_key is not None:
        console.print("Operator key, shown this once:")
        console.print(f"  {operator_key}", soft_wrap=True)


def _tell_of_old_data(url: str) -> None:
    engine = make_engine(url, pool_size=1, application_name="tongdui-db")
    try:
        with engine.connect() as connection:
            sentences = [*told_of_phones(connection), *shared_numbers(connection)]
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


@database.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open PostgreSQL's client on the database; ARGUMENTS are psql's own, such as -c SQL."""
    with opened_url() as (_, url):
        place, password = without_password(url)
        command = [str(find_binaries().program("psql")), f"--dbname={place}", *arguments]
        environment = os.environ | ({"PGPASSWORD": password} if password else {})
        status = subprocess.run(command, env=environment, check=False).returncode
    raise SystemExit(status)


@database.command()
@click.option("--to", "place", type=click.Path(path_type=Path, file_okay=False), help="Folder of backups.")
def backup(place: Path | None) -> None:
    """Make a backup while everything goes on: a base backup of the embedded database, a dump of any other.

    It goes to TONGDUI_BACKUPS, or to `backups` in the data folder. With TONGDUI_BACKUP_PASSPHRASE it holds
    the keys, encrypted.
    """
    with opened_url() as (settings, url):
        backups = (place or folder_of(settings)).absolute()
        try:
            made = make_backup(settings, url, backups, datetime.now(UTC))
        except BackupError as error:
            raise click.ClickException(str(error)) from error
    console.print(
        f"{made.folder}  {_size(made)}, complete at {made.ended_at:%Y-%m-%dT%H:%M:%S+00:00}", soft_wrap=True
    )
    if settings.backup_passphrase is None:
        notices.print(
            "The keys are not in it: set TONGDUI_BACKUP_PASSPHRASE, or keep a copy of the folder `keys`."
        )


@database.command()
@click.option("--in", "place", type=click.Path(path_type=Path, file_okay=False), help="Folder of backups.")
def backups(place: Path | None) -> None:
    """List the backups there are, oldest first."""
    folder = (place or folder_of(settings_or_fail())).absolute()
    found = list_backups(folder)
    for one in found:
        keys = "with keys" if (one.folder / KEYS_BUNDLE).exists() else "without keys"
        complete = f"complete at {one.ended_at:%Y-%m-%d %H:%M:%S} UTC"
        console.print(
            f"{one.folder.name}  {complete}  {one.kind}  {_size(one)}  {keys}",
            highlight=False,
            soft_wrap=True,
        )
    if not found:
        console.print(f"There is no backup in {folder}.", soft_wrap=True)


@database.command()
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--at", type=Instant(), help="As it was at this time; default: as late as possible.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="An empty data folder; default: TONGDUI_DATA.",
)
def restore(source: Path, at: datetime | None, into: Path | None) -> None:
    """Restore the backup FROM, or the fitting one of a folder of them, and verify it; exit 1 if it differs.

    Nothing is written over: the data folder, or the database of DATABASE_URL (for dumps), must be empty.
    """
    settings = settings_or_fail()
    data_dir = (into or settings.data_dir).absolute()
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=settings.timezone)
    try:
        chosen = choose_backup(source.absolute(), at)
        url = _restored(chosen, settings, data_dir, at, elsewhere=into is not None)
    except (BackupError, EmbeddedServerError) as error:
        raise click.ClickException(str(error)) from error
    console.print(
        f"Restored {chosen.folder} into {data_dir if url is None else 'the database'}.", soft_wrap=True
    )
    _restore_keys(chosen, settings, data_dir)
    with open_database(url, data_dir, on_wait=notices.print) as opened:
        engine = make_engine(opened.url, pool_size=4, application_name="tongdui-cli")
        try:
            report_differences(engine, None)
        finally:
            engine.dispose()


def _restored(
    chosen: Backup, settings: Settings, data_dir: Path, at: datetime | None, *, elsewhere: bool
) -> str | None:
    """Restore; the URL of the database, or None for the embedded one of the data folder."""
    if chosen.kind == "physical":
        restore_physical(chosen, data_dir, at=at, on_wait=notices.print)
        return None
    if at is not None:
        raise BackupError("A dump is restored as it is; leave --at out, or take a base backup.")
    url = None if elsewhere else settings.database_url
    with open_database(url, data_dir, on_wait=notices.print) as opened:
        restore_logical(chosen, opened.url)
    return url


def _restore_keys(chosen: Backup, settings: Settings, data_dir: Path) -> None:
    if not (chosen.folder / KEYS_BUNDLE).exists():
        notices.print(
            f"It holds no keys: put the folder `keys` back into {data_dir} before you start.", soft_wrap=True
        )
        return
    passphrase = settings.backup_passphrase or click.prompt("Passphrase of the keys", hide_input=True)
    try:
        written = put_keys_back(chosen, data_dir, passphrase)
    except WrongPassphrase as error:
        raise click.ClickException(
            f"The database is restored, but {error}. Put the folder `keys` back before you start."
        ) from error
    for path in written:
        console.print(f"Put back {path}.", soft_wrap=True)


def _size(made: Backup) -> str:
    return f"{made.size_bytes / 2**20:,.1f} MiB"
