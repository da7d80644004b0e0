"""Backups, and databases restored from them."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from database import EmbeddedServer, EmbeddedServerError
from database.archive import archive_command, files_since, needed_no_more, restore_command
from database.backup import Backup, back_up, forget_old, list_backups, read_backup, segment_of
from database.errors import BackupError
from database.restore import choose_backup, restore_logical, restore_physical
from support.databases import Databases

AT = datetime(2027, 3, 5, 2, 0, tzinfo=UTC)


@pytest.fixture
def backups(open_folder: Path) -> Path:
    return open_folder / "back ups 100%'"


@pytest.fixture
def running(open_folder: Path, backups: Path) -> Iterator[EmbeddedServer]:
    """A server whose log is archived, with a table `kept`."""
    with EmbeddedServer(
        open_folder / "data", system_dir=open_folder / "system", shared_buffers_mb=64, archive_to=backups
    ) as server:
        query(server.url, "CREATE TABLE kept (number int)")
        yield server


def query(url: str, statement: str) -> object:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        result = connection.execute(text(statement))
        return result.scalar() if result.returns_rows else None


def archived(url: str, backups: Path) -> None:
    """All that was committed until now is in the archive."""
    # A segment that holds nothing yet is not switched.
    query(url, "SELECT pg_logical_emit_message(true, 'test', '')")
    segment = backups / "wal" / f"{query(url, 'SELECT pg_walfile_name(pg_switch_wal())')}.gz"
    deadline = time.monotonic() + 60
    while not segment.exists():
        assert time.monotonic() < deadline, f"{segment.name} was never archived"
        time.sleep(0.05)


def restored(folder: Path) -> EmbeddedServer:
    return EmbeddedServer(folder / "restored", system_dir=folder / "system", shared_buffers_mb=64)


def numbers(folder: Path) -> object:
    with restored(folder) as server:
        return query(server.url, "SELECT array_agg(number ORDER BY number) FROM kept")


def test_a_backup_is_restored_up_to_a_time(running: EmbeddedServer, backups: Path, open_folder: Path) -> None:
    query(running.url, "INSERT INTO kept VALUES (1)")
    backup = back_up(running.url, backups, physical=True, at=AT)
    query(running.url, "INSERT INTO kept VALUES (2)")
    moment = query(running.url, "SELECT clock_timestamp()")
    assert isinstance(moment, datetime)
    query(running.url, "INSERT INTO kept VALUES (3)")
    archived(running.url, backups)
    assert list_backups(backups) == [backup]

    system_dir = open_folder / "system"
    restore_physical(backup, open_folder / "restored", at=moment, system_dir=system_dir)

    assert numbers(open_folder) == [1, 2]
    # It is a database like any other: it goes on, and the password is its own.
    with restored(open_folder) as server:
        query(server.url, "INSERT INTO kept VALUES (4)")
    assert numbers(open_folder) == [1, 2, 4]


def test_two_that_were_restored_go_on_beside_each_other(
    running: EmbeddedServer, backups: Path, open_folder: Path
) -> None:
    query(running.url, "INSERT INTO kept VALUES (1)")
    backup = back_up(running.url, backups, physical=True, at=AT)
    archived(running.url, backups)
    system_dir = open_folder / "system"
    for name in ("first", "second"):
        restore_physical(backup, open_folder / name, system_dir=system_dir)
        with EmbeddedServer(
            open_folder / name, system_dir=system_dir, shared_buffers_mb=64, archive_to=backups
        ) as server:
            query(server.url, f"CREATE TABLE {name} ()")
            archived(server.url, backups)
            assert query(server.url, "SELECT failed_count FROM pg_stat_archiver") == 0
    histories = sorted(path.name for path in (backups / "wal").glob("*.history.gz"))
    assert histories == ["00000002.history.gz", "00000003.history.gz"]


def test_without_a_time_all_that_was_archived_is_there(
    running: EmbeddedServer, backups: Path, open_folder: Path
) -> None:
    backup = back_up(running.url, backups, physical=True, at=AT)
    query(running.url, "INSERT INTO kept VALUES (1)")
    archived(running.url, backups)
    restore_physical(backup, open_folder / "restored", system_dir=open_folder / "system")
    assert numbers(open_folder) == [1]


def test_a_backup_stands_alone_where_nothing_is_archived(open_folder: Path) -> None:
    backups, system_dir = open_folder / "backups", open_folder / "system"
    with EmbeddedServer(open_folder / "data", system_dir=system_dir, shared_buffers_mb=64) as server:
        query(server.url, "CREATE TABLE kept AS SELECT 7 AS number")
        backup = back_up(server.url, backups, physical=True, at=AT)
        query(server.url, "INSERT INTO kept VALUES (8)")
    restore_physical(backup, open_folder / "restored", system_dir=system_dir)
    assert numbers(open_folder) == [7]


def test_a_time_that_the_log_does_not_reach_is_told(
    running: EmbeddedServer, backups: Path, open_folder: Path
) -> None:
    backup = back_up(running.url, backups, physical=True, at=AT)
    late = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(EmbeddedServerError, match="recovery ended before configured recovery target"):
        restore_physical(backup, open_folder / "restored", at=late, system_dir=open_folder / "system")


def test_a_folder_with_a_database_is_left_alone(
    running: EmbeddedServer, backups: Path, open_folder: Path
) -> None:
    backup = back_up(running.url, backups, physical=True, at=AT)
    with pytest.raises(BackupError, match=r"There is a database in .* already"):
        restore_physical(backup, running.data_dir, system_dir=open_folder / "system")
    assert query(running.url, "SELECT count(*) FROM kept") == 0


@pytest.mark.parametrize("file", ["base.tar.gz", "backup_manifest"])
def test_a_damaged_backup_is_not_restored(
    running: EmbeddedServer, backups: Path, open_folder: Path, file: str
) -> None:
    backup = back_up(running.url, backups, physical=True, at=AT)
    path = backup.folder / "cluster" / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(BackupError, match="is damaged"):
        restore_physical(backup, open_folder / "restored", system_dir=open_folder / "system")
    assert not (open_folder / "restored").exists()


def test_a_dump_fills_an_empty_database_only(databases: Databases, open_folder: Path) -> None:
    with databases.fresh() as source, databases.fresh("template0") as target:
        query(source, "CREATE TABLE kept AS SELECT 5 AS number")
        backup = back_up(source, open_folder / "backups", physical=False, at=AT)
        assert choose_backup(open_folder / "backups", None) == backup
        restore_logical(backup, target)
        assert query(target, "SELECT number FROM kept") == 5
        with pytest.raises(BackupError, match="has tables already"):
            restore_logical(backup, target)


def test_a_failed_backup_leaves_nothing(open_folder: Path) -> None:
    url = "postgresql+psycopg2://nobody:secret@127.0.0.1:1/none"
    with pytest.raises(BackupError, match="cannot be reached") as told:
        back_up(url, open_folder / "backups", physical=False, at=AT)
    assert "secret" not in str(told.value)
    assert list((open_folder / "backups").iterdir()) == []


# ---- which backups are chosen, and which are kept -------------------------------------------------


def made(backups: Path, day: int, segment: str = "") -> Backup:
    """A backup of March 2027, of the description only."""
    began = datetime(2027, 3, day, 2, 0, tzinfo=UTC)
    ended = began + timedelta(minutes=5)
    folder = backups / began.strftime("%Y%m%dT%H%M%SZ")
    folder.mkdir(parents=True)
    told = {
        "kind": "physical",
        "began_at": began.isoformat(),
        "ended_at": ended.isoformat(),
        "server_version": "18.1",
        "first_segment": segment,
        "size_bytes": 1,
    }
    (folder / "backup.json").write_text(json.dumps(told), encoding="utf-8")
    return read_backup(folder)


def test_the_newest_that_was_complete_by_then_is_chosen(tmp_path: Path) -> None:
    first, second = made(tmp_path, 1), made(tmp_path, 2)
    assert choose_backup(tmp_path, None) == second
    assert choose_backup(tmp_path, second.ended_at) == second
    assert choose_backup(tmp_path, second.ended_at - timedelta(seconds=1)) == first
    assert choose_backup(first.folder, None) == first
    with pytest.raises(BackupError, match="No backup was complete at"):
        choose_backup(tmp_path, first.began_at)
    with pytest.raises(BackupError, match="There is no backup in"):
        choose_backup(tmp_path / "elsewhere", None)


def test_old_backups_go_but_what_a_restore_needs_stays(tmp_path: Path) -> None:
    found = [made(tmp_path, day, f"{1:08X}{0:08X}{day:08X}") for day in (1, 2, 3, 4)]
    wal = tmp_path / "wal"
    wal.mkdir()
    for number in range(1, 6):
        (wal / f"{1:08X}{0:08X}{number:08X}.gz").touch()
    (wal / "00000002.history.gz").touch()
    # Days 1 to 3 are too old; to restore to the evening of day 3 its backup is needed.
    gone = forget_old(tmp_path, keep=timedelta(hours=12), at=found[3].ended_at)
    assert gone == found[:2]
    assert list_backups(tmp_path) == found[2:]
    assert sorted(path.name for path in wal.iterdir()) == [
        "000000010000000000000003.gz",
        "000000010000000000000004.gz",
        "000000010000000000000005.gz",
        "00000002.history.gz",
    ]
    assert forget_old(tmp_path, keep=timedelta(0), at=found[3].ended_at + timedelta(days=99)) == [found[2]]
    assert list_backups(tmp_path) == [found[3]], "the newest stays however old it is"


def test_what_is_no_backup_is_told(tmp_path: Path) -> None:
    (tmp_path / "backup.json").write_text("{", encoding="utf-8")
    with pytest.raises(BackupError, match="is not a backup"):
        read_backup(tmp_path)


@pytest.mark.parametrize(
    ("timeline", "position", "segment"),
    [
        (1, "0/2000028", "000000010000000000000002"),
        (1, "0/FF000028", "0000000100000000000000FF"),
        (26, "1A/0", "0000001A0000001A00000000"),
    ],
)
def test_a_position_lies_in_a_segment(timeline: int, position: str, segment: str) -> None:
    assert segment_of(timeline, position) == segment


def test_files_of_the_log_by_their_names(tmp_path: Path) -> None:
    early, first, later, other = (
        tmp_path / f"{timeline:08X}{0:08X}{number:08X}.gz"
        for timeline, number in ((1, 1), (1, 2), (1, 3), (2, 3))
    )
    history = tmp_path / "00000002.history.gz"
    began = tmp_path / f"{early.name[:24]}.00000028.backup.gz"
    for path in (early, began, first, later, other, history, tmp_path / "half.gz.new"):
        path.touch()
    assert files_since(tmp_path, first.name[:24]) == sorted([first, later, other, history])
    assert needed_no_more(tmp_path, first.name[:24]) == sorted([early, began])


def test_the_commands_bear_any_path() -> None:
    folder = Path("/srv/it's 100%")
    for command in (archive_command(folder), restore_command(folder)):
        assert "100%%" in command
        assert """'/srv/it'"'"'s""" in command
