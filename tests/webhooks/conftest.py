"""An alliance, a receiver, and the post between them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from support.ledger import Ledger
from support.receiver import Post, Receiver, receiver


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as opened:
        yield opened


@pytest.fixture
def post(ledger: Ledger, engine: Engine) -> Iterator[Post]:
    opened = Post(engine)
    yield opened
    opened.close()


@pytest.fixture
def jade(ledger: Ledger) -> int:
    return ledger.participant_ids["JADE"]


@pytest.fixture(name="receiver")
def opened_receiver() -> Iterator[Receiver]:
    with receiver() as opened:
        yield opened
