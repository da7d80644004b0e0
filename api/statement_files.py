"""Large statements as files: made once in a process of their own, kept for a while, and sent from the disk.

A file lies under the statement's id, the version of the formats and the extension, and appears under that
name when it is complete. Whoever makes it holds a lock, so that several servers on one data folder do the
work once; the lock of a process that died is free.
"""

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from zlib import crc32

import structlog
from sqlalchemy import Engine

from api.processors import go_anywhere
from clearing.proof.keys import SealingKeys
from config.logs import configure_logging
from database import make_engine
from settlement.liabilities import write_liabilities
from settlement.proof.made import NotProvable, prove
from settlement.query import read_statement
from settlement.render import VERSION, render
from settlement.statement import DoesNotTieOut, open_statement

log = structlog.get_logger(__name__)

#: Statements with more lines than this are made in the background.
LARGE_LINES = 20_000
#: How long a file is kept after it was last asked for.
KEPT_SECONDS = 7 * 24 * 3600
#: So many locks are there for all files; two files that share one are made one after the other.
LOCKS = 64
#: Making files must not slow down those who post.
NICENESS = 10
_URL = "STATEMENT_DATABASE_URL"
_DOES_NOT_TIE_OUT, _NOT_PROVABLE = 3, 4
_FAILURES = {_DOES_NOT_TIE_OUT: DoesNotTieOut, _NOT_PROVABLE: NotProvable}


class NotMade(Exception):
    """The process that made the file ended before it was complete; its log tells why."""


class StatementFiles:
    """Makes files one after another, in a process each; a thread watches over them."""

    def __init__(self, engine: Engine, folder: Path, sealing_keys: Callable[[], SealingKeys]) -> None:
        self._engine = engine
        self._folder = folder
        self._sealing_keys = sealing_keys
        self._queue: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: set[tuple[str, str]] = set()
        self._failed: dict[tuple[str, str], Exception] = {}
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def find(self, statement_id: str, extension: str) -> Path | None:
        """The file, if it is there; it is kept for another while."""
        path = self._folder / file_name(statement_id, extension)
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def prepare(self, statement_id: str, extension: str) -> None:
        """Have the file made, unless that is under way. Raises what `make` raised if the last try failed."""
        wanted = (statement_id, extension)
        with self._lock:
            if (failure := self._failed.pop(wanted, None)) is not None:
                raise failure
            if wanted in self._waiting or self._stopping:
                return
            self._waiting.add(wanted)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="statements", daemon=True)
                self._thread.start()
        self._queue.put(wanted)

    def close(self) -> None:
        """Stop at once; what is left is begun anew when it is asked for again."""
        with self._lock:
            self._stopping = True
            if self._process is not None:
                self._process.terminate()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        # A server process stays on one processor; what it starts here has work for another.
        go_anywhere()
        while (wanted := self._queue.get()) is not None and not self._stopping:
            try:
                self._make(*wanted)
                remove_old(self._folder, time.time() - KEPT_SECONDS)
            except Exception as error:
                # Whatever it was, the next file is not to wait for ever. Who asks for this one is told; it is
                # tried again when it is asked for after that.
                log.error("statement_not_made", statement=wanted[0], exc_info=error)
                self._failed[wanted] = NotMade(".".join(wanted))
            finally:
                with self._lock:
                    self._waiting.discard(wanted)

    def _make(self, statement_id: str, extension: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with held(lock_of(self._folder / file_name(statement_id, extension))) as free:
            if not free:
                return  # another server process is at it; a program to find that out would take a second
        # The address of the database holds a password; arguments can be read by others. What is needed of
        # the keys is sent where nobody else reads.
        environment = os.environ | {_URL: self._engine.url.render_as_string(hide_password=False)}
        arguments = [sys.executable, "-m", __name__, str(self._folder), statement_id, extension]
        keys = self._sealing_keys().as_text().encode()
        with self._lock:
            if self._stopping:
                return
            self._process = subprocess.Popen(arguments, env=environment, stdin=subprocess.PIPE)
        self._process.communicate(keys)
        status = self._process.returncode
        if status in _FAILURES:
            self._failed[statement_id, extension] = _FAILURES[status](statement_id)
        elif status and not self._stopping:
            log.error("statement_not_made", statement=statement_id, status=status)
            self._failed[statement_id, extension] = NotMade(f"{statement_id}.{extension}")


def file_name(statement_id: str, extension: str) -> str:
    return f"{statement_id}.v{VERSION}.{extension}"


def lock_of(path: Path) -> Path:
    return path.with_name(f"{crc32(path.name.encode()) % LOCKS}.lock")


def make(
    engine: Engine, folder: Path, statement_id: str, extension: str, keys: Callable[[], SealingKeys]
) -> bool:
    """Make the file here and now; False if somebody else is at it or it is there.

    Raises DoesNotTieOut, and NotProvable if it should have a proof.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(statement_id, extension)
    with held(lock_of(path)) as mine:
        if not mine or path.exists():
            return False
        with engine.begin() as connection:
            header = read_statement(connection, statement_id)
            assert header is not None, "it was asked for by its id"
            write_liabilities(connection, header.period)
        draft = path.with_name(f"{path.name}.part")
        with engine.connect() as connection, draft.open("wb") as out:
            statement = open_statement(connection, statement_id)
            assert statement is not None, "its header was just read"
            if extension == "json":
                statement = statement._replace(proof=prove(engine, connection, header, keys))
            render(connection, statement, {extension: out})
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    return True


def remove_old(folder: Path, before: float) -> int:
    """Remove files that nobody has asked for since `before` (seconds since 1970), drafts too; how many."""
    removed = 0
    for path in folder.iterdir():
        try:
            # To remove a lock that somebody holds would let two in.
            if path.suffix != ".lock" and path.stat().st_mtime < before:
                path.unlink()
                removed += 1
        except FileNotFoundError:
            continue  # another process cleans up too
    return removed


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Whether the lock is ours for the duration; it ends with the process at the latest."""
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _main(folder: str, statement_id: str, extension: str) -> int:
    configure_logging("warning", "json")
    os.nice(NICENESS)
    keys = SealingKeys.from_text(sys.stdin.read())
    # One connection reads the lines; with the other the rest of the period is sealed.
    engine = make_engine(os.environ[_URL], pool_size=2, application_name="tongdui-statements")
    try:
        make(engine, Path(folder), statement_id, extension, lambda: keys)
    except NotProvable as error:
        log.error("statement_not_provable", statement=statement_id, error=str(error))
        return _NOT_PROVABLE
    except DoesNotTieOut as error:
        log.error("statement_does_not_tie_out", statement=statement_id, error=str(error))
        return _DOES_NOT_TIE_OUT
    finally:
        engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
