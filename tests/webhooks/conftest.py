"""An alliance, a receiver, and the post between them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from support.ledger import Ledger
from support.receiver import Post, Receiver, receiver
from webhooks import courier


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as opened:
        yield opened


@pytest.fixture
def post(ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    # On a busy machine, too, a run is to end because its work is done.
    monkeypatch.setattr(courier, "RUN_SECONDS", 100.0)
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
