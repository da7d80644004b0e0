"""A browser for the tests of a module; `alliance` and `shared` are those of `support.founding`."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.browsing import launched
from support.founding import *  # noqa: F403  its fixtures


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser
