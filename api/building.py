"""Putting the services of a process together from its settings."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.imports.runner import ImportRunner
from api.keyring import Keyring
from api.once import CALLS_AT_ONCE
from api.secret_keys import load_personal_data, load_sealing_keys
from api.services import Services
from api.statement_files import StatementFiles
from clearing.card_check import CardChecks
from clearing.directory import DirectoryCache
from clearing.linking import Linker
from clearing.members import Enroller
from clearing.queue import PostingQueue
from clearing.writer import Writer
from config import Settings
from database import make_engine
from webhooks.addresses import AddressPolicy

IMPORTS_FOLDER = "imports"
STATEMENTS_FOLDER = "statements"

#: Beside the request threads: posting, card checks, enrolment, linking, and an import with three writers and
#: its lock; and what holds the keys of calls.
CONNECTIONS_BESIDE_THREADS = 9 + CALLS_AT_ONCE
CONNECTIONS_MAX = 40


def build_services(settings: Settings, database_url: str) -> Services:
    """Services on a database that `prepare` has made ready."""
    pool_size = min(settings.threads, CONNECTIONS_MAX) + CONNECTIONS_BESIDE_THREADS
    # No ping before each use: it would be a round trip on every request, and a connection that broke
    # is replaced after the one request that found it.
    engine = make_engine(database_url, pool_size=pool_size, application_name="tongdui", pre_ping=False)
    personal_data = load_personal_data(settings)
    sealing_keys = load_sealing_keys(settings)

    directory_cache, posting_directory = DirectoryCache(), DirectoryCache()

    def make_writer() -> Writer:
        return Writer(engine)

    def make_enroller() -> Enroller:
        return Enroller(Writer(engine), personal_data)

    def make_linker() -> Linker:
        return Linker(engine, Writer(engine))

    files = settings.data_dir / IMPORTS_FOLDER
    return Services(
        engine=engine,
        personal_data=personal_data,
        sealing_keys=sealing_keys,
        files=files,
        keyring=Keyring(engine),
        posting=PostingQueue(lambda: Writer(engine, directory=posting_directory)),
        posting_directory=posting_directory,
        card_checks=CardChecks(engine, directory_cache),
        directory_cache=directory_cache,
        enroller=make_enroller(),
        linker=make_linker(),
        imports=ImportRunner(engine, files, make_writer, make_enroller, make_linker),
        statements=StatementFiles(engine, settings.data_dir / STATEMENTS_FOLDER, sealing_keys),
        webhook_addresses=AddressPolicy(settings.webhook_allow),
    )


@contextmanager
def opened_services(settings: Settings, database_url: str) -> Iterator[Services]:
    """`build_services` for the duration of a command."""
    services = build_services(settings, database_url)
    try:
        yield services
    finally:
        services.close()
