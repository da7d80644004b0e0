"""Restoring backups: physical ones into an empty data folder, up to a time; dumps into an empty database."""

import os
import shutil
import tarfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from database import archive
from database.backup import (
    CLUSTER,
    DESCRIPTION,
    DUMP,
    Backup,
    ask,
    list_backups,
    read_backup,
    run_tool,
    verify_physical,
    without_password,
)
from database.binaries import find_binaries
from database.errors import BackupError
from database.places import SYSTEM_DIR, Places, find_places
from database.privileges import ServerUser, make_folder
from database.server import EmbeddedServer

#: Segments of the log that a recovery reads, copied here so that the server's user can reach them.
_LOG_FOLDER = "recovery-wal"


def choose_backup(place: Path, at: datetime | None) -> Backup:
    """The backup at `place`, or of the folder of backups `place` the newest that ended before `at`.

    Raises BackupError if there is none.
    """
    is_one = (place / DESCRIPTION).exists()
    found = [read_backup(place)] if is_one else list_backups(place)
    if not found:
        raise BackupError(f"There is no backup in {place}.")
    early = [backup for backup in found if at is None or backup.ended_at <= at]
    if not early:
        raise BackupError(
            f"No backup was complete at {at}: the first ended at {found[0].ended_at.isoformat()}. "
            "Name a later time, or another folder of backups."
        )
    return early[-1]


def restore_physical(
    backup: Backup,
    data_dir: Path,
    *,
    at: datetime | None = None,
    system_dir: Path = SYSTEM_DIR,
    on_wait: Callable[[str], None] | None = None,
) -> None:
    """Make the database of the empty folder `data_dir` as it was at `at`, or as late as the log reaches.

    It is stopped afterwards; start it with `EmbeddedServer`. Raises BackupError, EmbeddedServerError.
    """
    if find_places(data_dir) is not None:
        raise BackupError(f"There is a database in {data_dir} already. Name an empty folder with --into.")
    if backup.server_version.partition(".")[0] != find_binaries().major_version:
        raise BackupError(
            f"The backup was made by PostgreSQL {backup.server_version}, but this is PostgreSQL "
            f"{find_binaries().version}. Restore it with the version of Tongdui that made it."
        )
    verify_physical(backup, find_binaries())

    def lay(places: Places, user: ServerUser | None) -> Mapping[str, str]:
        _unpack(backup, places, user)
        log = _log_of(backup, places, user)
        settings = {
            "restore_command": archive.restore_command(log),
            "recovery_target_action": "promote",
            "archive_mode": "off",
            # With it PostgreSQL would call itself ready before it has read the log to its end.
            "hot_standby": "off",
        }
        if at is not None:
            settings["recovery_target_time"] = at.isoformat()
        (places.cluster / "recovery.signal").touch()
        _give(places.cluster / "recovery.signal", user)
        return settings

    server = EmbeddedServer(data_dir, system_dir=system_dir, on_wait=on_wait)
    server.recover(lay)
    places = find_places(data_dir)
    assert places is not None, "the server has just run there"
    shutil.rmtree(places.home / _LOG_FOLDER, ignore_errors=True)
    _archive_histories(places)


def restore_logical(backup: Backup, url: str) -> None:
    """Fill the empty database at `url`. Raises BackupError if it holds tables, or pg_restore fails."""
    if _has_tables(url):
        raise BackupError("The database has tables already. Restore into an empty one.")
    place, password = without_password(url)
    command: list[str | Path] = [
        find_binaries().program("pg_restore"),
        f"--dbname={place}",
        "--no-owner",
        "--no-privileges",
        "--no-password",
        "--exit-on-error",
        "--single-transaction",
        backup.folder / DUMP,
    ]
    run_tool(command, "pg_restore has failed; nothing was restored", password)


def _unpack(backup: Backup, places: Places, user: ServerUser | None) -> None:
    """The cluster as the backup holds it, under its final name only when all of it is there."""
    unfinished = places.home / "cluster.new-restore"
    shutil.rmtree(unfinished, ignore_errors=True)
    make_folder(unfinished, None, 0o700)
    for name, folder in (("base", unfinished), ("pg_wal", unfinished / "pg_wal")):
        with tarfile.open(backup.folder / CLUSTER / f"{name}.tar.gz") as tar:
            tar.extractall(folder, filter="data")
    for path in unfinished.rglob("*"):
        _give(path, user)
        path.chmod(0o700 if path.is_dir() else 0o600)
    make_folder(unfinished, user, 0o700)
    if places.cluster.is_dir():
        places.cluster.rmdir()
    unfinished.rename(places.cluster)


def _log_of(backup: Backup, places: Places, user: ServerUser | None) -> Path:
    """A folder with the archived log from the backup's beginning on, readable for the server's user."""
    folder = places.home / _LOG_FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder, user, 0o700)
    archived = backup.folder.parent / archive.FOLDER
    if archived.is_dir():
        for path in archive.files_since(archived, backup.first_segment):
            copy = folder / path.name
            shutil.copyfile(path, copy)
            _give(copy, user)
    return folder


def _archive_histories(places: Places) -> None:
    """Let the next start archive that this database goes on under a timeline of its own.

    A second restore from the same archive looks there for a timeline that is free.
    """
    log = places.cluster / "pg_wal"
    status = log / "archive_status"
    owner = status.stat()
    for history in log.glob("*.history"):
        ready = status / f"{history.name}.ready"
        if not (status / f"{history.name}.done").exists():
            ready.touch(mode=0o600)
            os.chown(ready, owner.st_uid, owner.st_gid)


def _give(path: Path, user: ServerUser | None) -> None:
    if user is not None:
        os.chown(path, user.uid, user.gid, follow_symlinks=False)


def _has_tables(url: str) -> bool:
    return bool(ask(url, "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public')"))
