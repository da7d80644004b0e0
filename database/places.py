"""Which folder holds what.

    <data>/postgresql/            the home of the embedded server, ours
        lock                      held while a process runs the server; contains its id
        password                  of the database superuser, mode 0600
        postgresql.conf, hba.conf written anew at every start
        startup.log               what PostgreSQL says before its log file is open
        cluster/                  PostgreSQL's own data folder; mode 0700, as the next two
        log/                      one file for each day of the week
        socket/                   the only way in

As root the last three belong to the user PostgreSQL runs as, and a home that this user cannot reach
(some folder above is closed to it) lies in <system>/clusters/ instead, with its path in <data>/LOCATION.
"""

import hashlib
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from database.errors import EmbeddedServerError
from database.privileges import ServerUser, can_traverse, make_folder, server_user

SYSTEM_DIR = Path("/var/lib/tongdui")
"""Where root may put what does not fit into the data folder."""

PORT = 5432
"""Part of the socket's file name; there is no TCP port."""

# sockaddr_un.sun_path has 108 bytes, the last of which is zero.
_SOCKET_PATH_BYTES_MAX = 107


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one embedded server, all below `home`."""

    data_dir: Path
    home: Path

    @property
    def cluster(self) -> Path:
        return self.home / "cluster"

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    @property
    def password(self) -> Path:
        return self.home / "password"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def startup_log(self) -> Path:
        return self.home / "startup.log"

    @property
    def configuration(self) -> Path:
        return self.home / "postgresql.conf"

    @property
    def authentication(self) -> Path:
        return self.home / "hba.conf"


def find_places(data_dir: Path) -> Places | None:
    """The places of a server that was started in `data_dir` before, else None.

    Raises EmbeddedServerError if LOCATION points to nothing, or all this belongs to another user.
    """
    try:
        places = _find_places(data_dir)
        foreign = places is not None and os.geteuid() not in (0, places.home.stat().st_uid)
    except PermissionError:
        foreign = True
    if foreign:
        raise EmbeddedServerError(
            f"The database in {data_dir} belongs to another user. "
            "Run this as that user, or choose another folder with TONGDUI_DATA."
        )
    return places


def _find_places(data_dir: Path) -> Places | None:
    pointer = data_dir / "LOCATION"
    if pointer.is_file():
        home = Path(pointer.read_text(encoding="utf-8").strip())
        if not home.is_absolute() or not home.is_dir():
            raise EmbeddedServerError(
                f"{pointer} says that the database lies in {home}, but that folder does not exist. "
                f"Put it back, or remove {pointer} to begin with an empty database."
            )
        return Places(data_dir, home)
    home = data_dir / "postgresql"
    return Places(data_dir, home) if home.is_dir() else None


def prepare_places(data_dir: Path, system_dir: Path) -> tuple[Places, ServerUser | None]:
    """Make the folders that are missing; return them and the user PostgreSQL is to run as.

    Raises EmbeddedServerError if an existing database has become unreachable for that user.
    """
    _make_data_dir(data_dir)
    places = find_places(data_dir)
    user = server_user(places.cluster if places else data_dir / "postgresql" / "cluster")
    if user is not None and not (places and places.home.parent != data_dir):
        _open_own_data_dir(data_dir, user)
        if not can_traverse(data_dir, user):
            if places and places.cluster.exists():
                raise EmbeddedServerError(
                    f"The database in {places.cluster} belongs to the user {user.name}, who can no longer "
                    f"reach it because a folder above {data_dir} is closed. Open that folder (chmod o+x)."
                )
            places = _home_elsewhere(data_dir, system_dir)
    places = places or Places(data_dir, data_dir / "postgresql")
    # Below this, only the user PostgreSQL runs as has business; it enters without being able to list.
    make_folder(places.home, None, 0o711 if user else 0o700)
    make_folder(places.log, user, 0o700)
    return places, user


def socket_folder(home: Path, user: ServerUser | None) -> Path:
    """A folder with mode 0700 for the socket: below `home`, or in a temporary folder if that is too long.

    Raises EmbeddedServerError if somebody else already made the folder in the (shared) temporary one.
    """
    inside = home / "socket"
    if _fits(inside):
        make_folder(inside, user, 0o700)
        return inside
    name = "tongdui-" + hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    for base in dict.fromkeys((Path(tempfile.gettempdir()), Path("/tmp"))):  # noqa: S108  checked below
        folder = base / name
        if _fits(folder) and can_traverse(base, user):
            _claim(folder, user)
            return folder
    raise EmbeddedServerError(
        f"The path {inside} is too long for a socket, and no temporary folder can be used instead. "
        "Choose a shorter TONGDUI_DATA."
    )


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_BYTES_MAX


def _claim(folder: Path, user: ServerUser | None) -> None:
    """Make `folder` in a place that others can write to, or make sure that the existing one is ours."""
    owner = user.uid if user else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        make_folder(folder, user, 0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) != 0o700:
        raise EmbeddedServerError(
            f"{folder} exists but is not a folder of mode 0700 that belongs to user id {owner}, so others "
            "could read what goes through a socket in it. Remove it, or choose a shorter TONGDUI_DATA."
        )


def _make_data_dir(data_dir: Path) -> None:
    try:
        data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedServerError(
            f"The data folder {data_dir} cannot be made ({error.strerror}). Choose another with TONGDUI_DATA."
        ) from error


def _open_own_data_dir(data_dir: Path, user: ServerUser) -> None:
    """Let `user` walk through the data folder (not list it) if nothing but its own mode prevents that.

    The data folder is ours to change; a folder above it is not.
    """
    found = data_dir.stat()
    closed = not can_traverse(data_dir, user)
    if closed and found.st_uid == os.geteuid() and can_traverse(data_dir.parent, user):
        data_dir.chmod(stat.S_IMODE(found.st_mode) | 0o001)


def _home_elsewhere(data_dir: Path, system_dir: Path) -> Places:
    """Make a home below `system_dir` and point to it from the data folder.

    The random part of its name keeps a new data folder from waking up the database of an earlier one
    that had the same path.
    """
    clusters = system_dir / "clusters"
    clusters.mkdir(mode=0o711, parents=True, exist_ok=True)
    path_hash = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    home = clusters / f"{path_hash}-{secrets.token_hex(4)}"
    home.mkdir(mode=0o711)
    unfinished = data_dir / f"LOCATION.new-{os.getpid()}"
    unfinished.write_text(f"{home}\n", encoding="utf-8")
    try:
        # A link, unlike a rename, fails if another process was faster.
        os.link(unfinished, data_dir / "LOCATION")
    except FileExistsError:
        home.rmdir()
    finally:
        unfinished.unlink()
    return find_places(data_dir) or Places(data_dir, home)
