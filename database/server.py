"""The embedded PostgreSQL: one child process that we start, watch over and stop."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import psycopg2
from psycopg2 import sql
from sqlalchemy.engine import URL

from database.archive import prepare_archive
from database.binaries import Binaries, find_binaries, reachable_binaries
from database.cluster import make_password, prepare_cluster, read_password, set_password
from database.configuration import DATABASE, MAX_CONNECTIONS, SUPERUSER, write_configuration
from database.errors import EmbeddedServerError
from database.lock import ServerLock
from database.places import PORT, SYSTEM_DIR, Places, prepare_places, socket_folder
from database.privileges import ServerUser, die_with_parent, run_as
from database.processes import read_postmaster_file, remove_stale_socket, stop_orphans

_POLL_SECONDS = 0.02
_NOTICE_SECONDS = 2.0


class EmbeddedServer:
    """PostgreSQL on the data in `data_dir`, for as long as this process lives.

    `shared_buffers_mb` and `max_wal_size_mb` are chosen to fit the machine if None. Its write-ahead log is
    kept below the folder of backups `archive_to`, if one is given. `on_wait` is called with a sentence every
    two seconds while something takes long. `system_dir` is where root may put what the server's user cannot
    reach in the data folder.

    If this process is killed, the kernel tells the server to stop (Linux); a server that is still there at
    the next start is stopped before a new one begins. `start` and `stop` may be called from any thread,
    but not at the same time.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        shared_buffers_mb: int | None = None,
        max_wal_size_mb: int | None = None,
        max_connections: int = MAX_CONNECTIONS,
        archive_to: Path | None = None,
        on_wait: Callable[[str], None] | None = None,
        system_dir: Path = SYSTEM_DIR,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._archive_to = archive_to
        self._shared_buffers_mb = shared_buffers_mb
        self._max_wal_size_mb = max_wal_size_mb
        self._max_connections = max_connections
        self._on_wait = on_wait or (lambda message: None)
        self._system_dir = system_dir
        self._lock: ServerLock | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self._url: str | None = None

    @property
    def url(self) -> str:
        """SQLAlchemy's URL of the database, password included. Raises EmbeddedServerError if not started."""
        if self._url is None:
            raise EmbeddedServerError("The embedded PostgreSQL is not running.")
        return self._url

    @property
    def pid(self) -> int | None:
        """The process id of PostgreSQL, or None if it was not started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start PostgreSQL, making the database if there is none, and return when it can be used.

        Recovery after a crash is waited for as long as it takes.
        Raises AlreadyRunning if another process uses the data, EmbeddedServerError for everything else.
        """
        if self._lock is not None:
            raise EmbeddedServerError("This embedded PostgreSQL was already started.")
        places, user = prepare_places(self.data_dir, self._system_dir)
        self._lock = ServerLock(places)
        try:
            sockets = self._launch(places, user)
            self._wait_until_ready(places)
            password = read_password(places)
            _make_database(sockets, password)
            self._url = server_url(sockets, password)
        except BaseException:
            # Also on Ctrl-C: nothing may be left behind that holds the data.
            self.stop()
            raise

    def recover(self, lay: Callable[[Places, ServerUser | None], Mapping[str, str]]) -> None:
        """Put a cluster in its place and let PostgreSQL bring it to its recovery target; stopped afterwards.

        `lay` does the former, in a home without a cluster that is this process's alone, and returns the
        settings of the recovery. The superuser's password is a new one. Raises as `start` does.
        """
        if self._lock is not None:
            raise EmbeddedServerError("This embedded PostgreSQL was already started.")
        places, user = prepare_places(self.data_dir, self._system_dir)
        self._lock = ServerLock(places)
        try:
            settings = lay(places, user)
            password = make_password(places)
            self._launch(places, user, settings)
            self._wait_until_ready(places)
            self._end()
            set_password(places, self._reachable(places, user), user, password)
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop PostgreSQL (fast: sessions are ended, everything is written) and wait until it is gone.

        Does nothing if it is not running.
        """
        self._url = None
        try:
            self._end()
        finally:
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def is_alive(self) -> bool:
        """Whether the PostgreSQL process that `start` began is still there."""
        return self._process is not None and self._process.poll() is None

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until PostgreSQL ends, by itself or stopped; return whether it has ended."""
        if self._keeper is not None:
            self._keeper.join(timeout_seconds)
            return not self._keeper.is_alive()
        return True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self) -> None:
        try:
            if self._process is not None:
                self._process.send_signal(signal.SIGINT)
                self.wait()
        finally:
            self._process = None
            self._keeper = None

    def _reachable(self, places: Places, user: ServerUser | None) -> Binaries:
        copies_in = places.home.parent if places.home.parent == places.data_dir else self._system_dir
        return reachable_binaries(find_binaries(), user, copies_in)

    def _launch(
        self, places: Places, user: ServerUser | None, settings: Mapping[str, str] = MappingProxyType({})
    ) -> Path:
        """Put everything in place and begin the PostgreSQL process; return the folder of its socket.

        `settings` go before those of its configuration, for this once.
        """
        binaries = self._reachable(places, user)
        stop_orphans(places.cluster, self._on_wait)
        prepare_cluster(places, binaries, user)
        sockets = socket_folder(places.home, user)
        remove_stale_socket(sockets, PORT)
        write_configuration(
            places,
            binaries,
            sockets,
            shared_buffers_mb=self._shared_buffers_mb,
            max_wal_size_mb=self._max_wal_size_mb,
            max_connections=self._max_connections,
            archive_to=None if self._archive_to is None else prepare_archive(self._archive_to, user),
        )
        command = [
            str(binaries.program("postgres")),
            "-D",
            str(places.cluster),
            "-c",
            f"config_file={places.configuration}",
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ]
        begun: Future[subprocess.Popen[bytes]] = Future()
        self._keeper = threading.Thread(
            target=_keep,
            args=(command, places.startup_log, user, begun),
            name="postgresql-keeper",
            daemon=True,
        )
        self._keeper.start()
        self._process = begun.result()
        return sockets

    def _wait_until_ready(self, places: Places) -> None:
        """Return when the server takes connections; raise EmbeddedServerError if it ends before."""
        # A little earlier than now: time stamps of files are coarser than our clock.
        began = time.time() - 1
        started = last_notice = time.monotonic()
        while True:
            if self.wait(_POLL_SECONDS):
                raise EmbeddedServerError(
                    "PostgreSQL ended while starting. Its last words:\n"
                    + last_log_lines(places, began)
                    + f"\nThe whole log is in {places.log}. If the disk is full or a limit was reached, "
                    "repair that and start again; the data is as it was."
                )
            state = read_postmaster_file(places.cluster)
            if state and state.pid == self.pid and state.state == "ready":
                return
            now = time.monotonic()
            if now - last_notice >= _NOTICE_SECONDS:
                last_notice = now
                self._on_wait(
                    f"PostgreSQL is starting ({now - started:.0f} s); "
                    "after a crash it first repeats what was not yet in its files."
                )


def server_url(sockets: Path, password: str) -> str:
    """The URL of the embedded server that listens in the folder `sockets`."""
    # The port is spelled out because libpq would otherwise take it from PGPORT.
    query = {"host": str(sockets), "port": str(PORT)}
    url = URL.create("postgresql+psycopg2", SUPERUSER, password, database=DATABASE, query=query)
    return url.render_as_string(hide_password=False)


def last_log_lines(places: Places, since: float, count: int = 12) -> str:
    """The last lines PostgreSQL wrote since the time `since`: before its log file was open, and in it."""
    files = [
        places.startup_log,
        *sorted(places.log.glob("*.log"), key=lambda file: file.stat().st_mtime)[-1:],
    ]
    lines = [
        line
        for file in files
        if file.is_file() and file.stat().st_mtime >= since
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    ]
    return "\n".join(lines)


def _keep(
    command: list[str], startup_log: Path, user: ServerUser | None, begun: "Future[subprocess.Popen[bytes]]"
) -> None:
    """Start the server and stay until it ends.

    The server is to stop when *we* die, but the kernel watches the thread that forked it. This thread does
    nothing else and lasts as long as the server, so any thread can call `start`.
    """
    try:
        with open(startup_log, "wb") as output:
            process = subprocess.Popen(
                command,
                cwd="/",
                env={"LC_ALL": "C", "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal goes to the whole process group; it shall reach us first.
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509  does two system calls only
                **run_as(user),
            )
    except BaseException as error:
        begun.set_exception(error)
        return
    begun.set_result(process)
    process.wait()


def _make_database(sockets: Path, password: str) -> None:
    """Make our database unless it exists. Also the proof that the server really lets us in."""
    try:
        connection = psycopg2.connect(
            host=str(sockets), port=PORT, user=SUPERUSER, password=password, dbname="postgres"
        )
    except psycopg2.OperationalError as error:
        raise EmbeddedServerError(f"PostgreSQL runs but refuses us: {error}".strip()) from error
    try:
        connection.autocommit = True  # CREATE DATABASE does not run in a transaction
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    finally:
        connection.close()
