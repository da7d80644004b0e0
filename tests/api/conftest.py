"""An application on a fresh database, and clients that speak to it with one key each.

`alliance` is a database of the test's own; `shared` is one for all tests of a module that change nothing, or
nothing that another test of the module looks at.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from api.app import create_app
from api.building import build_services
from api.services import Services
from api.setup import prepare
from config import Settings
from support.alliance import Alliance, found_alliance, opened_alliance, settings_for
from support.api import OPERATOR_KEY, Caller
from support.databases import Databases


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_for(database_url, tmp_path)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    assert settings.database_url is not None
    prepare(settings, settings.database_url)
    made = build_services(settings, settings.database_url)
    made.imports.start()
    yield made
    made.close()


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services)


@pytest.fixture
def as_caller(app: Flask) -> Callable[[str], Caller]:
    return lambda key: Caller(app.test_client(), key)


@pytest.fixture
def operator(as_caller: Callable[[str], Caller]) -> Caller:
    return as_caller(OPERATOR_KEY)


@pytest.fixture(scope="session")
def founded(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a template database that holds the alliance of `support.alliance`."""
    folder = tmp_path_factory.mktemp("founding")
    return databases.further_template("tongdui_alliance", lambda url: found_alliance(url, folder))


@pytest.fixture
def alliance_url(databases: Databases, founded: str) -> Iterator[str]:
    """The URL of a database of this test's own with the alliance in it."""
    with databases.fresh(founded) as url:
        yield url


@pytest.fixture
def alliance(alliance_url: str, tmp_path: Path) -> Iterator[Alliance]:
    """The alliance of `support.alliance` on a database of this test's own."""
    with opened_alliance(alliance_url, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(
    databases: Databases, founded: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Alliance]:
    """The alliance of `support.alliance`, one for all tests of a module."""
    with (
        databases.fresh(founded) as url,
        opened_alliance(url, tmp_path_factory.mktemp("alliance")) as opened,
    ):
        yield opened


@pytest.fixture
def unchanged(shared: Alliance) -> Iterator[None]:
    """Nothing is posted or made by the test; the ledger may note what it judged and refused."""
    shared.participant("JADE")  # its key is made by whichever test is first
    before, sums = shared.row_counts(), shared.sums()
    yield
    after = shared.row_counts()
    assert after | {"outcomes": 0} == before | {"outcomes": 0}
    assert shared.sums() == sums
