"""Running PostgreSQL without root: as whom, and what that user can reach.

PostgreSQL refuses to run as root. Started as root, we run it as another system user and give that user
only folders that we made ourselves; permissions of folders that are not ours are never touched.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from database.errors import EmbeddedServerError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

# Loaded here because nothing may be imported or loaded between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The system user that PostgreSQL runs as when we are root."""

    name: str
    uid: int
    gid: int


def server_user(cluster: Path) -> ServerUser | None:
    """Whom to run PostgreSQL as; None means as ourselves (we are not root).

    The owner of an existing `cluster` goes first, as PostgreSQL demands that its data belong to it; for a
    new one it is `postgres` if the system has that user, else `nobody`.
    Raises EmbeddedServerError if neither exists.
    """
    if os.geteuid() != 0:
        return None
    if cluster.is_dir() and (owner := cluster.stat().st_uid) != 0:
        entry = _user_of(owner)
        if entry is None:  # a number without a name, as in containers
            return ServerUser(str(owner), owner, owner)
        return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and this system has neither a user postgres nor nobody. "
        "Start Tongdui as an ordinary user, or set DATABASE_URL."
    )


def run_as(user: ServerUser | None) -> dict[str, Any]:
    """Arguments for subprocess that make the child run as `user`, without our supplementary groups."""
    if user is None:
        return {}
    return {"user": user.uid, "group": user.gid, "extra_groups": []}


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` through which the child gets `death_signal` when the thread that forked it ends.

    subprocess calls it after the change of user, which matters: the kernel forgets the wish whenever the
    credentials change. Note *thread*: the one that starts the child has to live as long as we do.
    Where there is no such call (macOS) this does nothing, and the next start stops what was left over.
    """
    parent = os.getpid()
    return lambda: end_with(parent, death_signal)


def end_with(parent: int, death_signal: signal.Signals) -> None:
    """Ask the kernel to send this process `death_signal` when its parent, of that process id, ends."""
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


def can_traverse(folder: Path, user: ServerUser | None) -> bool:
    """Whether `user` can enter `folder`, asked of the kernel: modes alone would overlook ACLs."""
    return _test_as(user, "-x", folder)


def can_read(file: Path, user: ServerUser | None) -> bool:
    """Whether `user` can read `file`."""
    return _test_as(user, "-r", file)


def make_folder(path: Path, user: ServerUser | None, mode: int) -> None:
    """Make `path` (its parent exists) if absent, and give it `mode` and, when we are root, to `user`."""
    path.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        os.chown(path, user.uid, user.gid, follow_symlinks=False)
    path.chmod(mode)


def _test_as(user: ServerUser | None, condition: str, path: Path) -> bool:
    # The shell rather than sys.executable: a virtual environment may itself be out of that user's reach.
    command = ["/bin/sh", "-c", 'test "$1" "$2"', "sh", condition, str(path)]
    return subprocess.run(command, cwd="/", check=False, **run_as(user)).returncode == 0


def _user_of(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None
