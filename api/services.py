"""What the requests of one server process share. Made once by the entry point and passed in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flask import current_app, g
from sqlalchemy import Connection, Engine

from api.imports.runner import ImportRunner
from api.keyring import Keyring
from api.statement_files import StatementFiles
from clearing.card_check import CardChecks
from clearing.core.directory import Directory
from clearing.directory import DirectoryCache
from clearing.linking import Linker
from clearing.members import Enroller
from clearing.privacy import PersonalData
from clearing.proof.keys import SealingKeys
from clearing.queue import PostingQueue
from webhooks.addresses import AddressPolicy


@dataclass
class Services:
    """`engine` reads and administers; `posting` posts, and `posting_directory` is what it last judged by;
    `sealing_keys` gives the keys that sign as they are now; `files` is the folder for spooled imports;
    `webhook_addresses` says where webhooks may go.
    """

    engine: Engine
    personal_data: PersonalData
    sealing_keys: Callable[[], SealingKeys]
    files: Path
    keyring: Keyring
    posting: PostingQueue
    card_checks: CardChecks
    enroller: Enroller
    linker: Linker
    imports: ImportRunner
    statements: StatementFiles
    posting_directory: DirectoryCache
    directory_cache: DirectoryCache
    webhook_addresses: AddressPolicy = field(default_factory=AddressPolicy)

    def directory(self, connection: Connection) -> Directory:
        return self.directory_cache.current(connection)

    def close(self) -> None:
        """Finish what is under way and stop the threads."""
        self.statements.close()
        self.imports.close()
        self.posting.close()
        self.card_checks.close()
        self.enroller.close()
        self.linker.close()
        self.engine.dispose()


def services() -> Services:
    """The services of the app that handles this request."""
    found: Services = current_app.extensions["tongdui"]
    return found


@contextmanager
def transaction() -> Iterator[Connection]:
    """An act's transaction: its own, or the one in which `api.once` keeps the answer to this request."""
    under_way: Connection | None = g.get("transaction")
    if under_way is not None:
        yield under_way
        return
    with services().engine.begin() as connection:
        yield connection
