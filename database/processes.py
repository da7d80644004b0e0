"""PostgreSQL processes of one cluster: what postmaster.pid says, and what is really there.

A process id alone proves nothing, since ids are used again (after a restart of a container almost surely).
What identifies a PostgreSQL process is that it works in the cluster's folder: every one of them changes
into it, and nothing else has a reason to.
"""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_BACKEND_PATIENCE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class PostmasterFile:
    """The content of postmaster.pid. `state` is "starting", "ready", "stopping", or "" if not yet there."""

    pid: int
    socket_folder: Path | None
    state: str


def read_postmaster_file(cluster: Path) -> PostmasterFile | None:
    """What postmaster.pid says; None if it is absent or being written."""
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        # Lines, as in PostgreSQL's pidfile.h: pid, data folder, start time, port, socket folder,
        # listen address, shared memory, state.
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    sockets = Path(lines[4]) if len(lines) > 4 and lines[4] else None
    return PostmasterFile(pid, sockets, lines[7].strip() if len(lines) > 7 else "")


def stop_orphans(cluster: Path, on_wait: Callable[[str], None]) -> None:
    """Stop what still runs on `cluster` after its supervisor was killed, and wait until it is gone.

    The caller holds the lock, so nothing that runs has a supervisor. Afterwards postmaster.pid is removed:
    nothing runs here, and PostgreSQL would refuse to start if the id in it now belonged to another process
    of the same user. (It still refuses if shared memory of this cluster is in use.)
    """
    started = time.monotonic()
    last_notice = started
    asked: set[int] = set()
    while orphans := _processes_in(cluster):
        ids = {process.pid for process in orphans}
        # The postmaster is the one whose parent is not among them. For a backend that lost its
        # postmaster SIGINT does no harm; it is about to notice and leave by itself.
        heads = [process for process in orphans if _parent_id(process) not in ids]
        overdue = time.monotonic() - started > _BACKEND_PATIENCE_SECONDS and len(heads) == len(orphans) > 1
        for process in heads:
            with suppress(psutil.NoSuchProcess):
                if process.pid not in asked:
                    process.send_signal(signal.SIGINT)
                    asked.add(process.pid)
                elif overdue:
                    process.send_signal(signal.SIGQUIT)
        if time.monotonic() - last_notice > 2:
            last_notice = time.monotonic()
            on_wait("A PostgreSQL whose supervisor ended is finishing its work and stopping.")
        time.sleep(0.05)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def remove_stale_socket(sockets: Path, port: int) -> None:
    """Remove the socket's own lock file, to which the same applies as to postmaster.pid."""
    for name in (f".s.PGSQL.{port}.lock", f".s.PGSQL.{port}"):
        (sockets / name).unlink(missing_ok=True)


def _processes_in(cluster: Path) -> list[psutil.Process]:
    folder = str(cluster.resolve())
    return [process for process in psutil.process_iter(["cwd", "name"]) if _works_in(process, folder)]


def _works_in(process: psutil.Process, folder: str) -> bool:
    return process.info["cwd"] == folder and str(process.info["name"]).startswith("postgres")


def _parent_id(process: psutil.Process) -> int | None:
    try:
        parent: int = process.ppid()
    except psutil.NoSuchProcess:
        return None
    return parent
