"""Fixtures of tests that need the alliance of `support.alliance`: the conftest of a folder imports them.

`alliance` is a database of the test's own; `shared` is one for all tests of a module that change nothing, or
nothing that another test of the module looks at.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.alliance import Alliance, found_alliance, opened_alliance
from support.databases import Databases

__all__ = ["alliance", "alliance_url", "founded", "shared"]


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
