"""Transactions are told to those parties who have subscribed, and cost nothing where nobody has."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, text

from clearing.core.events import EventType
from clearing.directory import DirectoryCache
from clearing.events import list_events, shown
from clearing.writer import Writer
from support.ledger import Ledger
from support.receiver import Post
from webhooks import endpoints

NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def wang(ledger: Ledger) -> str:
    card = ledger.enrol("JADE")
    ledger.book(ledger.opens(card, "JADE", 3_000, "2037-01-31"))
    ledger.book(ledger.opens(card, "LOTUS", 1_500, "2036-12-31"))
    return card


def told(ledger: Ledger, code: str | None = None) -> list[dict[str, Any]]:
    """What one was told of transactions (or all were), the first one first, in the outer form."""
    with ledger.engine.connect() as connection:
        directory = DirectoryCache().current(connection)
        participant_id = ledger.participant_ids[code] if code else None
        rows = list_events(connection, participant_id, EventType.TRANSACTION_POSTED, None, 100)
        return [shown(row, directory)["data"] for row in reversed(rows)]


def told_of_postings(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        query = text("SELECT code FROM participants WHERE told_of_postings ORDER BY code")
        return list(connection.execute(query).scalars())


def test_nobody_is_told_who_has_not_subscribed(ledger: Ledger, post: Post, wang: str) -> None:
    post.register(ledger.participant_ids["JADE"], NOWHERE, [EventType.CAP_WARNING])
    ledger.book(ledger.redeems(wang, "LOTUS", 100))
    assert told(ledger) == []


def test_each_party_is_told_what_concerns_it(ledger: Ledger, post: Post, wang: str) -> None:
    for code in ("JADE", "LOTUS", "PINE"):
        post.register(ledger.participant_ids[code], NOWHERE)
    [booking] = ledger.book(ledger.redeems(wang, "LOTUS", 4_000, reference="POS-1"))
    [acceptor], [issuer] = told(ledger, "LOTUS"), told(ledger, "JADE")
    assert acceptor == {
        "transaction": acceptor["transaction"],
        "merchant": "LOTUS-1",
        "reverses": None,
        "kind": "redemption",
        "role": "acceptor",
        "reference": "POS-1",
        "period": "2026-11",
        "late": False,
        "points": 4_000,
        "amount": 4_000,
        "obligation": 2_500,
        "fee": 50,
    }
    assert issuer == acceptor | {
        "merchant": None,
        "role": "issuer",
        "reference": None,
        "points": 2_500,
        "amount": 2_500,
        "fee": 0,
    }
    assert acceptor["transaction"].startswith("txn_")
    assert told(ledger, "PINE") == []
    ledger.book(ledger.reverses(booking, 1_000))
    reversal = told(ledger, "JADE")[-1]
    assert (reversal["kind"], reversal["points"]) == ("reversal", -1_000)
    assert reversal["reverses"] == acceptor["transaction"]


def test_a_capture_is_told_under_the_number_of_its_hold_and_a_refusal_not_at_all(
    ledger: Ledger, post: Post, wang: str
) -> None:
    post.register(ledger.participant_ids["LOTUS"], NOWHERE)
    hold = ledger.holds(wang, "LOTUS", 500)
    ledger.post(ledger.redeems(wang, "LOTUS", 9_999_999))
    assert told(ledger) == []
    command = ledger.captures(hold)
    ledger.book(command)
    ledger.post(command)  # once more: its outcome is known, and told
    assert [one["points"] for one in told(ledger)] == [500]


def test_history_and_opening_balances_are_no_news(ledger: Ledger, post: Post, wang: str) -> None:
    post.register(ledger.participant_ids["LOTUS"], NOWHERE)
    post.register(ledger.participant_ids["JADE"], NOWHERE)
    past = ledger.pays_cash(wang, "LOTUS", 1_000, occurred="2026-11-01 10:00")
    ledger.book(replace(past, historical=True), ledger.opens(wang, "JADE", 10, "2037-01-31"))
    assert told(ledger) == []


def test_who_subscribes_is_told_from_the_next_posting_of_a_running_server_on(
    ledger: Ledger, post: Post, wang: str, engine: Engine
) -> None:
    lotus = ledger.participant_ids["LOTUS"]
    with Writer(engine) as running:

        def told_of_one_more() -> int:
            before = len(told(ledger))
            running.post([ledger.redeems(wang, "LOTUS", 1)])
            return len(told(ledger)) - before

        assert told_of_one_more() == 0
        every, caps = post.register(lotus, NOWHERE), post.register(lotus, NOWHERE, [EventType.CAP_WARNING])
        assert told_of_one_more() == 1
        with engine.begin() as connection:
            endpoints.change(connection, lotus, every.id, {"enabled": False}, post.now)
        assert told_of_one_more() == 0
        types = {"event_types": [EventType.TRANSACTION_POSTED.value]}
        with engine.begin() as connection:
            endpoints.change(connection, lotus, caps.id, types, post.now)
        assert told_of_one_more() == 1
        with engine.begin() as connection:
            endpoints.change(connection, lotus, every.id, {"enabled": True}, post.now)
            endpoints.remove(connection, lotus, caps.id)
        assert told_of_one_more() == 1
        with engine.begin() as connection:
            endpoints.remove(connection, lotus, every.id)
        assert told_of_one_more() == 0
    assert told_of_postings(engine) == []


def test_what_is_rolled_back_is_not_told(ledger: Ledger, post: Post, wang: str) -> None:
    post.register(ledger.participant_ids["LOTUS"], NOWHERE)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ledger.post(ledger.redeems(wang, "LOTUS", 100), alongside=fail)
    assert told(ledger) == []
