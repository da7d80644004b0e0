"""An application on a fresh database, and clients that speak to it with one key each.

`alliance` and `shared` are those of `support.founding`.
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
from support.alliance import Alliance, settings_for
from support.api import OPERATOR_KEY, Caller
from support.founding import *  # noqa: F403  its fixtures


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


@pytest.fixture
def unchanged(shared: Alliance) -> Iterator[None]:
    """Nothing is posted or made by the test; the ledger may note what it judged and refused."""
    shared.participant("JADE")  # its key is made by whichever test is first
    before, sums = shared.row_counts(), shared.sums()
    yield
    after = shared.row_counts()
    assert after | {"outcomes": 0} == before | {"outcomes": 0}
    assert shared.sums() == sums
