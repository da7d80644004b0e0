"""Starting, using and stopping the embedded server."""

import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from database import AlreadyRunning, EmbeddedServer, EmbeddedServerError, attach, libpq_url, open_database
from support.supervisor import supervisor


@pytest.fixture
def data_dir(open_folder: Path) -> Path:
    return open_folder / "data"


@pytest.fixture
def system_dir(open_folder: Path) -> Path:
    return open_folder / "system"


@pytest.fixture
def stopped(data_dir: Path, system_dir: Path) -> Iterator[EmbeddedServer]:
    """A server that is not running yet; stopped in the end in any case."""
    server = EmbeddedServer(data_dir, system_dir=system_dir, shared_buffers_mb=64)
    yield server
    server.stop()


def query(url: str, statement: str) -> object:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        result = connection.execute(text(statement))
        return result.scalar() if result.returns_rows else None


def socket_folder_of(url: str) -> Path:
    host = make_url(url).query["host"]
    assert isinstance(host, str)
    return Path(host)


def test_data_outlives_a_restart(stopped: EmbeddedServer) -> None:
    stopped.start()
    url = stopped.url
    query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    stopped.stop()
    assert not stopped.is_alive()
    stopped.start()
    assert stopped.url == url
    assert query(stopped.url, "SELECT answer FROM kept") == 42


def test_existing_data_is_ready_within_a_second_and_a_half(stopped: EmbeddedServer) -> None:
    stopped.start()
    stopped.stop()
    began = time.monotonic()
    stopped.start()
    assert time.monotonic() - began < 1.5


def test_stopping_twice_or_without_a_start_is_harmless(stopped: EmbeddedServer) -> None:
    stopped.stop()
    stopped.start()
    stopped.stop()
    stopped.stop()


def test_starting_twice_is_refused_and_the_server_goes_on(stopped: EmbeddedServer) -> None:
    stopped.start()
    with pytest.raises(EmbeddedServerError, match="already started"):
        stopped.start()
    assert query(stopped.url, "SELECT 1") == 1


def test_a_second_process_is_refused_with_a_sentence(stopped: EmbeddedServer, system_dir: Path) -> None:
    with supervisor(stopped.data_dir, system_dir) as other:
        with pytest.raises(AlreadyRunning) as refusal:
            stopped.start()
        assert refusal.value.pid == other.process.pid
        assert f"already in use by process {other.process.pid}" in str(refusal.value)
        assert "TONGDUI_DATA" in str(refusal.value)
        assert query(other.url, "SELECT 1") == 1


def test_commands_attach_to_the_server_of_another_process(
    stopped: EmbeddedServer, data_dir: Path, system_dir: Path
) -> None:
    assert attach(data_dir) is None
    with supervisor(data_dir, system_dir) as other:
        assert attach(data_dir) == other.url
        with open_database(None, data_dir, system_dir=system_dir) as opened:
            assert (opened.url, opened.server) == (other.url, None)
        assert query(other.url, "SELECT 1") == 1
    assert attach(data_dir) is None


def test_a_command_without_a_running_server_starts_one_and_stops_it(data_dir: Path, system_dir: Path) -> None:
    with open_database(None, data_dir, system_dir=system_dir, shared_buffers_mb=64) as opened:
        assert opened.server is not None
        assert query(opened.url, "SELECT 1") == 1
    assert not opened.server.is_alive()
    assert attach(data_dir) is None


def test_a_given_url_is_used_as_it_is(data_dir: Path) -> None:
    with open_database("postgresql+psycopg2://u:p@h/d", data_dir) as opened:
        assert (opened.url, opened.server) == ("postgresql+psycopg2://u:p@h/d", None)
    assert not data_dir.exists()


def test_it_can_be_started_by_a_thread_that_ends(stopped: EmbeddedServer) -> None:
    starter = threading.Thread(target=stopped.start)
    starter.start()
    starter.join()
    time.sleep(0.3)
    assert query(stopped.url, "SELECT 1") == 1


def test_the_end_of_the_server_is_seen(stopped: EmbeddedServer) -> None:
    stopped.start()
    assert stopped.is_alive()
    assert not stopped.wait(0.01)
    assert stopped.pid is not None
    psutil.Process(stopped.pid).kill()
    assert stopped.wait(10)
    assert not stopped.is_alive()


def test_a_failing_start_shows_the_last_words_and_leaves_nothing_running(
    stopped: EmbeddedServer, data_dir: Path
) -> None:
    stopped.start()
    query_outside_transaction(stopped.url, "ALTER SYSTEM SET shared_buffers = '4TB'")
    stopped.stop()
    with pytest.raises(EmbeddedServerError, match=r"(?s)ended while starting.*shared memory"):
        stopped.start()
    assert not stopped.is_alive()
    assert attach(data_dir) is None


def query_outside_transaction(url: str, statement: str) -> None:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))


def test_there_is_no_tcp_port(server: EmbeddedServer) -> None:
    assert server.pid is not None
    assert psutil.Process(server.pid).net_connections(kind="inet") == []
    assert query(server.url, "SHOW listen_addresses") == ""


def test_the_socket_is_closed_to_others(server: EmbeddedServer) -> None:
    folder = socket_folder_of(server.url)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((server.data_dir / "postgresql" / "password").stat().st_mode) == 0o600


@pytest.mark.parametrize("password", ["", "wrong"])
def test_nobody_comes_in_without_the_password(server: EmbeddedServer, password: str) -> None:
    for database in ("tongdui", "postgres", "template1"):
        url = make_url(libpq_url(server.url)).set(password=password, database=database)
        with pytest.raises(psycopg2.OperationalError, match=r"password authentication failed|no password"):
            psycopg2.connect(url.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("shared_buffers", "64MB"),
        ("max_wal_size", "1GB"),
        ("checkpoint_timeout", "15min"),
        ("max_connections", "100"),
        ("jit", "off"),
        ("TimeZone", "UTC"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("shared_preload_libraries", ""),
        ("password_encryption", "scram-sha-256"),
    ],
)
def test_the_server_is_set_as_intended(server: EmbeddedServer, setting: str, value: str) -> None:
    assert query(server.url, f'SHOW "{setting}"') == value


def test_text_sorts_the_same_everywhere(server: EmbeddedServer) -> None:
    found = query(
        server.url,
        "SELECT datlocprovider::text || ' ' || datlocale || ' ' || pg_encoding_to_char(encoding)"
        " FROM pg_database WHERE datname = 'tongdui'",
    )
    assert found == "b C.UTF-8 UTF8"


def test_a_long_path_moves_only_the_socket(open_folder: Path) -> None:
    data_dir = open_folder / ("long-" * 20) / "data"
    with EmbeddedServer(data_dir, system_dir=open_folder / "system", shared_buffers_mb=64) as server:
        folder = socket_folder_of(server.url)
        assert query(server.url, "SELECT 1") == 1
        assert (data_dir / "postgresql" / "cluster" / "PG_VERSION").is_file()
        assert folder.name.startswith("tongdui-")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    # Somebody else could have made it, or opened it meanwhile.
    folder.chmod(0o755)
    with pytest.raises(EmbeddedServerError, match="not a folder of mode 0700"):
        server.start()
    folder.rmdir()


def test_data_of_another_version_is_refused(stopped: EmbeddedServer, data_dir: Path) -> None:
    stopped.start()
    stopped.stop()
    (data_dir / "postgresql" / "cluster" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedServerError, match="made by PostgreSQL 15, but this is PostgreSQL 18"):
        stopped.start()


def test_a_lost_password_is_said_so(stopped: EmbeddedServer, data_dir: Path) -> None:
    stopped.start()
    stopped.stop()
    (data_dir / "postgresql" / "password").unlink()
    with pytest.raises(EmbeddedServerError, match="password of the database cannot be read"):
        stopped.start()
