"""Exclusive use of one embedded server, by a lock that the kernel drops with the process that holds it.

The lock file is never deleted: a process that had just opened the old file would lock something that a
third process no longer sees. The descriptor closes on exec; a child forked *without* exec would keep the
lock beyond the death of its parent, so worker processes are to be spawned.
"""

import fcntl
import os
import time
from pathlib import Path

from database.errors import AlreadyRunning
from database.places import Places

# `holder` takes the lock for an instant to see whether it is free; a start waits that instant out.
_PATIENCE_SECONDS = 1.0


class ServerLock:
    """The lock on one home. Held from construction until `release`."""

    def __init__(self, places: Places) -> None:
        """Take the lock; raise AlreadyRunning if another process (or object) holds it."""
        self._fd = _open(places.lock)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    pid = _read_pid(self._fd)
                    os.close(self._fd)
                    raise AlreadyRunning(places.data_dir, pid) from error
                time.sleep(0.05)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back; doing so twice is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_held(places: Places) -> bool:
    """Whether some process runs, starts or stops the server of `places`."""
    if not places.lock.exists():
        return False
    fd = _open(places.lock)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _read_pid(fd: int) -> int | None:
    content = os.pread(fd, 32, 0).strip()
    return int(content) if content.isdigit() else None
