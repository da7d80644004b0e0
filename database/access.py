"""The database to work on, whoever runs its server: by URL, attached to, or started for the occasion."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from database.cluster import read_password
from database.errors import AlreadyRunning
from database.lock import is_held
from database.places import SYSTEM_DIR, find_places
from database.processes import read_postmaster_file
from database.server import EmbeddedServer, server_url

_POLL_SECONDS = 0.05
_NOTICE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class OpenDatabase:
    """A database that can be used. `server` is the embedded server if this process runs it, else None."""

    url: str
    server: EmbeddedServer | None = None


def attach(data_dir: Path, *, on_wait: Callable[[str], None] | None = None) -> str | None:
    """The URL of the embedded server that another process runs on `data_dir`; None if none does.

    Waits while that process is still starting its server. Raises EmbeddedServerError if the server belongs
    to another user.
    """
    places = find_places(data_dir.absolute())
    if places is None:
        return None
    last_notice = time.monotonic()
    while is_held(places):
        state = read_postmaster_file(places.cluster)
        if state and state.state == "ready" and state.socket_folder:
            # Where the socket lies comes from the server, which may have seen another temporary folder.
            return server_url(state.socket_folder, read_password(places))
        if on_wait and time.monotonic() - last_notice >= _NOTICE_SECONDS:
            last_notice = time.monotonic()
            on_wait("Waiting for the PostgreSQL that another process is starting.")
        time.sleep(_POLL_SECONDS)
    return None


@contextmanager
def open_database(
    database_url: str | None,
    data_dir: Path,
    *,
    shared_buffers_mb: int | None = None,
    max_wal_size_mb: int | None = None,
    archive_to: Path | None = None,
    on_wait: Callable[[str], None] | None = None,
    system_dir: Path = SYSTEM_DIR,
) -> Iterator[OpenDatabase]:
    """Yield the database of `database_url` or, if that is None, the embedded one of `data_dir`.

    The embedded server is attached to if another process runs it; otherwise it is started here and stopped
    at the end. `archive_to`: see `EmbeddedServer`. Raises EmbeddedServerError.
    """
    if database_url is not None:
        yield OpenDatabase(database_url)
        return
    server = EmbeddedServer(
        data_dir,
        shared_buffers_mb=shared_buffers_mb,
        max_wal_size_mb=max_wal_size_mb,
        archive_to=archive_to,
        on_wait=on_wait,
        system_dir=system_dir,
    )
    url = _attach_or_start(server, on_wait)
    if url is not None:
        yield OpenDatabase(url)
        return
    try:
        yield OpenDatabase(server.url, server)
    finally:
        server.stop()


def _attach_or_start(server: EmbeddedServer, on_wait: Callable[[str], None] | None) -> str | None:
    """The URL to attach to, or None after having started `server`.

    Between looking and starting another process may have started, or the one we saw may have stopped.
    """
    for attempt in range(3):
        url = attach(server.data_dir, on_wait=on_wait)
        if url is not None:
            return url
        try:
            server.start()
        except AlreadyRunning:
            if attempt == 2:
                raise
        else:
            return None
    raise AssertionError("unreachable")
