"""What is killed comes back with everything it had acknowledged."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from database import EmbeddedServer, libpq_url
from database.privileges import run_as, server_user
from support.supervisor import Supervisor, start_supervisor, supervisor


@pytest.fixture
def data_dir(open_folder: Path) -> Path:
    return open_folder / "data"


@pytest.fixture
def successor(data_dir: Path, open_folder: Path) -> Iterator[EmbeddedServer]:
    """The server that takes over the data afterwards."""
    server = EmbeddedServer(data_dir, system_dir=open_folder / "system", shared_buffers_mb=64)
    yield server
    server.stop()


class Writer(threading.Thread):
    """Commits one row after another until the server goes away; `acknowledged` counts what was confirmed."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.acknowledged = 0

    def run(self) -> None:
        connection = psycopg2.connect(libpq_url(self._url))
        try:
            with suppress(psycopg2.Error), connection.cursor() as cursor:
                cursor.execute("CREATE TABLE written (number int PRIMARY KEY)")
                connection.commit()
                while True:
                    cursor.execute("INSERT INTO written VALUES (%s)", (self.acknowledged + 1,))
                    connection.commit()
                    self.acknowledged += 1
        finally:
            with suppress(psycopg2.Error):
                connection.close()

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 30
        while self.acknowledged < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.acknowledged >= count


def written(url: str) -> int:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        count: int = connection.execute(text("SELECT count(*) FROM written")).scalar_one()
        return count


def kill_supervisor(running: Supervisor) -> None:
    running.kill()


def kill_postmaster_and_supervisor(running: Supervisor) -> None:
    postmaster = running.postgres_processes()[0]
    running.kill()
    with suppress(psutil.NoSuchProcess):
        postmaster.kill()


def kill_everything(running: Supervisor) -> None:
    family = running.postgres_processes()
    # Stopped first, so that none can tidy up while the others are being killed.
    for process in family:
        process.suspend()
    running.kill()
    for process in family:
        process.kill()


@pytest.mark.parametrize("kill", [kill_supervisor, kill_postmaster_and_supervisor, kill_everything])
def test_every_acknowledged_row_survives(
    kill: Callable[[Supervisor], None], data_dir: Path, open_folder: Path, successor: EmbeddedServer
) -> None:
    with supervisor(data_dir, open_folder / "system") as running:
        writer = Writer(running.url)
        writer.start()
        writer.wait_for(200)
        kill(running)
        successor.start()
        writer.join(30)
        # One more may have been committed without its confirmation getting through.
        assert written(successor.url) in (writer.acknowledged, writer.acknowledged + 1)


def test_the_server_goes_when_its_supervisor_is_killed(data_dir: Path, open_folder: Path) -> None:
    with supervisor(data_dir, open_folder / "system") as running:
        postmaster = running.postgres_processes()[0]
        running.kill()
        deadline = time.monotonic() + 20
        while _is_running(postmaster) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _is_running(postmaster)


def test_a_server_that_is_still_stopping_is_waited_for(
    data_dir: Path, open_folder: Path, successor: EmbeddedServer
) -> None:
    with supervisor(data_dir, open_folder / "system") as running:
        postmaster = running.postgres_processes()[0]
        postmaster.suspend()
        running.kill()
        starter = threading.Thread(target=successor.start)
        starter.start()
        starter.join(1)
        assert starter.is_alive()
        postmaster.resume()
        starter.join(30)
        assert successor.is_alive()


def test_a_process_id_that_now_belongs_to_another_process_does_not_matter(
    data_dir: Path, successor: EmbeddedServer
) -> None:
    successor.start()
    successor.stop()
    cluster = data_dir / "postgresql" / "cluster"
    # PostgreSQL takes a process of its own user for its predecessor.
    stranger = subprocess.Popen(["/bin/sleep", "60"], **run_as(server_user(cluster)))
    try:
        (cluster / "postmaster.pid").write_text(
            f"{stranger.pid}\n{cluster}\n1700000000\n5432\n{cluster.with_name('socket')}\n\n0 0\nready\n"
        )
        socket_lock = data_dir / "postgresql" / "socket" / ".s.PGSQL.5432.lock"
        socket_lock.write_text(f"{stranger.pid}\n{cluster}\n1700000000\n5432\n")
        successor.start()
        assert successor.is_alive()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupted_initdb_is_begun_anew(
    data_dir: Path, open_folder: Path, successor: EmbeddedServer
) -> None:
    home = data_dir / "postgresql"
    process = start_supervisor(data_dir, open_folder / "system")
    deadline = time.monotonic() + 30
    # pg_control comes late in initdb's work, when most files are there.
    while not list(home.glob("cluster.new-*/global/pg_control")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert list(home.glob("cluster.new-*"))
    assert not (home / "cluster").exists()
    successor.start()
    assert successor.is_alive()
    successor.stop()
    successor.start()
    assert not list(home.glob("cluster.new-*"))
    assert not list(home.glob("initdb-*"))


def _is_running(process: psutil.Process) -> bool:
    # A zombie has ended; whether somebody collects it depends on the machine's process 1.
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
