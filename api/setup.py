"""Putting a process together from its settings: database, keys, services."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, func, select

from api.imports.runner import ImportRunner
from api.key_file import make_key_file, read_key_file
from api.keyring import Keyring
from api.services import Services
from api.statement_files import StatementFiles
from clearing.alliance import found_alliance
from clearing.core.commands import Scope
from clearing.core.rulebook import AllianceSettings
from clearing.directory import DirectoryCache, read_rulebook
from clearing.keys import accept_bootstrap_key, has_operator_key, make_key
from clearing.members import Enroller
from clearing.periods import open_period_for, read_periods
from clearing.privacy import PersonalData
from clearing.queue import PostingQueue
from clearing.writer import Writer
from config import Settings, SettingsError
from database import make_engine, migrations

KEYS_FILE = "keys/personal-data.json"
IMPORTS_FOLDER = "imports"
STATEMENTS_FOLDER = "statements"

#: Beside the request threads: the posting thread, enrolment, and an import with two writers and its lock.
CONNECTIONS_BESIDE_THREADS = 6
CONNECTIONS_MAX = 40


def build_services(settings: Settings, database_url: str) -> Services:
    """Services on a database that `prepare` has made ready."""
    pool_size = min(settings.threads, CONNECTIONS_MAX) + CONNECTIONS_BESIDE_THREADS
    # No ping before each use: it would be a round trip on every request, and a connection that broke
    # is replaced after the one request that found it.
    engine = make_engine(database_url, pool_size=pool_size, application_name="tongdui", pre_ping=False)
    personal_data = load_personal_data(settings)

    posting_directory = DirectoryCache()

    def make_writer() -> Writer:
        return Writer(engine)

    def make_enroller() -> Enroller:
        return Enroller(Writer(engine), personal_data)

    files = settings.data_dir / IMPORTS_FOLDER
    return Services(
        engine=engine,
        personal_data=personal_data,
        files=files,
        keyring=Keyring(engine),
        posting=PostingQueue(lambda: Writer(engine, directory=posting_directory)),
        posting_directory=posting_directory,
        enroller=make_enroller(),
        imports=ImportRunner(engine, files, make_writer, make_enroller),
        statements=StatementFiles(engine, settings.data_dir / STATEMENTS_FOLDER),
    )


@contextmanager
def opened_services(settings: Settings, database_url: str) -> Iterator[Services]:
    """`build_services` for the duration of a command."""
    services = build_services(settings, database_url)
    try:
        yield services
    finally:
        services.close()


def prepare(settings: Settings, database_url: str) -> str | None:
    """Bring the tables up to date, found the alliance, let an operator in.

    Returns the text of an operator key if one was made, to be shown this once: at the first start without
    TONGDUI_BOOTSTRAP_KEY. Raises SettingsError for a bootstrap key or keys of personal data that are none.
    """
    migrations.upgrade(database_url)
    load_personal_data(settings)
    engine = make_engine(database_url, pool_size=1, application_name="tongdui-setup")
    try:
        return _prepare(settings, engine)
    finally:
        engine.dispose()


def load_personal_data(settings: Settings) -> PersonalData:
    """The keys of names and phones: from the settings, or from a file of the data folder, made if absent.

    Raises SettingsError if they are none.
    """
    path = settings.data_dir / KEYS_FILE
    try:
        if settings.personal_data_keys is not None:
            return PersonalData.from_text(settings.personal_data_keys)
        if not path.exists():
            make_key_file(path)
        return PersonalData.from_text(read_key_file(path), reread=lambda: read_key_file(path))
    except ValueError as error:
        place = path if settings.personal_data_keys is None else "TONGDUI_PERSONAL_DATA_KEYS"
        raise SettingsError(
            f"{place}: {error}. Restore what was there; without it no name is readable."
        ) from error


def _prepare(settings: Settings, engine: Engine) -> str | None:
    with engine.begin() as connection:
        found_alliance(connection, AllianceSettings(time_zone=settings.timezone), made_by="setup")
        if not read_periods(connection):
            zone = read_rulebook(connection).settings.time_zone
            open_period_for(connection, connection.execute(select(func.now())).scalar_one(), zone)
        if settings.bootstrap_key is not None:
            try:
                accept_bootstrap_key(connection, settings.bootstrap_key)
            except ValueError as error:
                raise SettingsError(f"TONGDUI_BOOTSTRAP_KEY: {error}.") from error
        elif not has_operator_key(connection):
            return make_key(connection, Scope.OPERATOR, "first operator", made_by="setup")[0]
    return None
