"""Fixtures for every test that needs a database, and the rules for markers.

Each xdist worker runs one small embedded server and keeps one template in it, with all tables; a test that
asks for `database_url` or `engine` gets a database of its own, copied from the template.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from database import EmbeddedServer, make_engine
from support.databases import Databases
from support.examples import register_profile_of_mutants
from support.template import prepare_template

SHARED_BUFFERS_MB = 64

register_profile_of_mutants()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs root when we are not."""
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A running embedded server, shared by the tests of one worker; do not stop it."""
    with _open_folder() as folder, _small_server(Path(folder)) as running:
        yield running


@pytest.fixture(scope="session")
def databases(server: EmbeddedServer) -> Databases:
    """Makes and drops databases on `server`; its template holds every table."""
    return Databases(server.url, prepare_template)


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The URL of a fresh database with every table, dropped afterwards."""
    with databases.fresh() as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a fresh database with every table."""
    engine = make_engine(database_url, pool_size=8, application_name="tests", pre_ping=False)
    yield engine
    engine.dispose()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty folder that other users can walk through, unlike pytest's tmp_path.

    As root, a data folder in tmp_path would be out of reach of the user PostgreSQL runs as.
    """
    with _open_folder() as folder:
        yield Path(folder)


def _open_folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="tongdui-test-", ignore_cleanup_errors=True)
    Path(folder.name).chmod(0o711)
    return folder


def _small_server(folder: Path) -> EmbeddedServer:
    return EmbeddedServer(
        folder / "data",
        system_dir=folder / "system",
        shared_buffers_mb=SHARED_BUFFERS_MB,
        max_wal_size_mb=1024,
    )
