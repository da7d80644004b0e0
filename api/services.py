"""What the requests of one server process share. Made once by the entry point and passed in."""

from dataclasses import dataclass, field
from pathlib import Path

from flask import current_app
from sqlalchemy import Connection, Engine

from api.imports.runner import ImportRunner
from api.keyring import Keyring
from api.statement_files import StatementFiles
from clearing.core.directory import Directory
from clearing.directory import DirectoryCache
from clearing.members import Enroller
from clearing.privacy import PersonalData
from clearing.queue import PostingQueue


@dataclass
class Services:
    """`engine` reads and administers; `posting` posts, and `posting_directory` is what it last judged by;
    `files` is the folder for spooled imports.
    """

    engine: Engine
    personal_data: PersonalData
    files: Path
    keyring: Keyring
    posting: PostingQueue
    enroller: Enroller
    imports: ImportRunner
    statements: StatementFiles
    posting_directory: DirectoryCache
    directory_cache: DirectoryCache = field(default_factory=DirectoryCache)

    def directory(self, connection: Connection) -> Directory:
        return self.directory_cache.current(connection)

    def close(self) -> None:
        """Finish what is under way and stop the threads."""
        self.statements.close()
        self.imports.close()
        self.posting.close()
        self.enroller.close()
        self.engine.dispose()


def services() -> Services:
    """The services of the app that handles this request."""
    found: Services = current_app.extensions["tongdui"]
    return found
