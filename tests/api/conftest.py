"""An application on a fresh database, and clients that speak to it with one key each."""

from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from api.app import create_app
from api.services import Services
from api.setup import build_services, prepare
from config import Settings
from support.api import OPERATOR_KEY, Caller



@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        database_url=database_url,
        host="127.0.0.1",
        port=8080,
        bootstrap_key=OPERATOR_KEY,
        personal_data_keys=None,
        timezone=ZoneInfo("Asia/Shanghai"),
        workers=1,
        threads=8,
        log_level="warning",
        log_format="console",
    )


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
