"""Backups of the database: base backups of an embedded server, dumps of any other.

<backups>/wal/                the write-ahead log (`archive`), if it is archived
<backups>/20261130T215500Z/   one backup, whole or not at all
    backup.json               what it is: see `Backup`
    cluster/                  physical: what pg_basebackup wrote, checked by pg_verifybackup
    database.dump             logical: what pg_dump wrote
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import psycopg2
from sqlalchemy.engine import make_url

from database import archive
from database.binaries import Binaries, find_binaries
from database.engine import libpq_url
from database.errors import BackupError

DESCRIPTION = "backup.json"
CLUSTER = "cluster"
DUMP = "database.dump"
_NAME = "%Y%m%dT%H%M%SZ"
_LAST_LINES = 6

Kind = Literal["physical", "logical"]


class Backup(NamedTuple):
    """One backup. `began_at` to `ended_at`: while it was made; a restore to a time must lie after `ended_at`.

    `first_segment`: where a recovery of a physical one begins to read the write-ahead log; else empty.
    `size_bytes`: on the disk, without the log.
    """

    folder: Path
    kind: Kind
    began_at: datetime
    ended_at: datetime
    server_version: str
    first_segment: str
    size_bytes: int


def back_up(
    url: str,
    backups: Path,
    *,
    physical: bool,
    at: datetime,
    beside: Mapping[str, bytes] = MappingProxyType({}),
) -> Backup:
    """Make a backup of the database at `url` below `backups`, checked; the server goes on meanwhile.

    `beside`: further files that belong to it, by name.

    Raises BackupError, and then leaves nothing that looks like a backup.
    """
    folder = backups / at.astimezone(UTC).strftime(_NAME)
    unfinished = folder.with_name(f"{folder.name}.new")
    try:
        unfinished.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise BackupError(f"A backup cannot be written to {backups}: {error.strerror}.") from error
    try:
        server_version = _server_version(url)
        first_segment = _base_backup(url, unfinished / CLUSTER) if physical else ""
        if not physical:
            _dump(url, unfinished / DUMP)
        for name, content in beside.items():
            (unfinished / name).write_bytes(content)
        size = sum(path.stat().st_size for path in unfinished.rglob("*") if path.is_file())
        kind: Kind = "physical" if physical else "logical"
        found = Backup(folder, kind, at, _database_time(url), server_version, first_segment, size)
        _describe(found, unfinished)
        unfinished.rename(folder)
        _sync(backups)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return found


def list_backups(backups: Path) -> list[Backup]:
    """The backups of the folder, oldest first; nothing if there is no such folder."""
    if not backups.is_dir():
        return []
    found = [
        read_backup(path.parent) for path in backups.glob(f"*/{DESCRIPTION}") if path.parent.suffix == ""
    ]
    return sorted(found, key=lambda backup: backup.began_at)


def read_backup(folder: Path) -> Backup:
    """Raises BackupError if it is none."""
    try:
        told = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        return Backup(
            folder,
            told["kind"],
            datetime.fromisoformat(told["began_at"]),
            datetime.fromisoformat(told["ended_at"]),
            told["server_version"],
            told["first_segment"],
            told["size_bytes"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{folder} is not a backup: {DESCRIPTION} is missing or damaged.") from error


def forget_old(backups: Path, *, keep: timedelta, at: datetime) -> list[Backup]:
    """Remove backups that ended longer ago than `keep`, and the log that only they needed.

    The newest stays however old it is, and so does the one before the oldest kept: a restore to a time within
    `keep` begins with it.
    """
    found = list_backups(backups)
    too_old = [backup for backup in found if backup.ended_at < at - keep]
    gone = too_old[: min(len(found) - 1, len(too_old) - 1)] if too_old else []
    for backup in gone:
        # By another name first: half of a backup must not look like one.
        doomed = backup.folder.rename(backup.folder.with_name(f"{backup.folder.name}.old"))
        shutil.rmtree(doomed)
    kept = [backup.first_segment for backup in found if backup not in gone and backup.first_segment]
    wal = backups / archive.FOLDER
    if gone and kept and wal.is_dir():
        for segment in archive.needed_no_more(wal, min(kept, key=lambda name: name[8:])):
            segment.unlink()
    return gone


def verify_physical(backup: Backup, binaries: Binaries) -> None:
    """Hold the files against their checksums. Raises BackupError."""
    command: list[str | Path] = [
        binaries.program("pg_verifybackup"),
        "--no-parse-wal",
        "--quiet",
        backup.folder / CLUSTER,
    ]
    run_tool(command, f"The backup {backup.folder} is damaged")


def run_tool(command: Sequence[str | Path], failed: str, password: str | None = None) -> None:
    """Run one of PostgreSQL's programs; raise BackupError with its last words if it fails."""
    env = {"LC_ALL": "C", "PATH": os.defpath}
    if password:
        # Not on the command line, where other users could read it.
        env["PGPASSWORD"] = password
    done = subprocess.run(
        list(map(str, command)),
        env=env,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last_lines = "\n".join(done.stdout.strip().splitlines()[-_LAST_LINES:])
        raise BackupError(f"{failed}:\n{last_lines}")


def without_password(url: str) -> tuple[str, str | None]:
    """The URL as PostgreSQL's programs take it, and its password apart."""
    parsed = make_url(libpq_url(url))
    bare = parsed._replace(password=None)
    password = parsed.password
    return bare.render_as_string(hide_password=False), None if password is None else str(password)


def _base_backup(url: str, folder: Path) -> str:
    """Write the cluster of the server to `folder`; the segment of the log with which it begins."""
    binaries = find_binaries()
    place, password = without_password(url)
    command: list[str | Path] = [
        binaries.program("pg_basebackup"),
        f"--dbname={place}",
        f"--pgdata={folder}",
        "--format=tar",
        "--compress=client-gzip:1",
        "--wal-method=stream",
        "--checkpoint=fast",
        "--no-password",
    ]
    run_tool(command, "pg_basebackup has failed", password)
    manifest = json.loads((folder / "backup_manifest").read_text(encoding="utf-8"))
    begins = manifest["WAL-Ranges"][0]
    verify_physical(Backup(folder.parent, "physical", _EPOCH, _EPOCH, "", "", 0), binaries)
    return segment_of(begins["Timeline"], begins["Start-LSN"])


_EPOCH = datetime.fromtimestamp(0, UTC)


def segment_of(timeline: int, position: str) -> str:
    """The segment (16 MiB) with a position of the log: 1, `0/2000028` → `000000010000000000000002`"""
    high, low = position.split("/")
    return f"{timeline:08X}{int(high, 16):08X}{int(low, 16) >> 24:08X}"


def _dump(url: str, file: Path) -> None:
    place, password = without_password(url)
    command: list[str | Path] = [
        find_binaries().program("pg_dump"),
        f"--dbname={place}",
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--no-password",
        f"--file={file}",
    ]
    run_tool(command, "pg_dump has failed", password)


def _describe(backup: Backup, folder: Path) -> None:
    told = backup._asdict() | {
        "folder": backup.folder.name,
        "began_at": backup.began_at.isoformat(),
        "ended_at": backup.ended_at.isoformat(),
    }
    path = folder / DESCRIPTION
    with path.open("w", encoding="utf-8") as file:
        json.dump(told, file, indent=2)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _server_version(url: str) -> str:
    return str(ask(url, "SHOW server_version"))


def _database_time(url: str) -> datetime:
    found = ask(url, "SELECT clock_timestamp()")
    assert isinstance(found, datetime), "PostgreSQL tells the time as a timestamp"
    return found.astimezone(UTC)


def ask(url: str, question: str) -> object:
    """The one value that answers the question. Raises BackupError if the database cannot be reached."""
    try:
        connection = psycopg2.connect(libpq_url(url))
    except psycopg2.OperationalError as error:
        raise BackupError(f"The database cannot be reached: {error}".strip()) from error
    try:
        with connection.cursor() as cursor:
            cursor.execute(question)
            row = cursor.fetchone()
        assert row is not None, "each of these questions has one answer"
        return row[0]
    finally:
        connection.close()
