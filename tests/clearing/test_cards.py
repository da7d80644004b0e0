"""Cards in the hands of their issuer, in the ledger itself."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import Engine

from clearing import cards as cards_module
from clearing.cards import IssuedCard, change_card, list_issued_cards, replace_card
from clearing.core.commands import Caller, Scope
from clearing.core.outcomes import Code, Posted, Refusal
from clearing.core.snapshot import CardStatus
from support.ledger import OPERATOR, Ledger

BLOCK = {"status": "blocked"}


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


def issued(outcome: IssuedCard | Refusal) -> IssuedCard:
    assert isinstance(outcome, IssuedCard), outcome
    return outcome


def refusal_code(outcome: object) -> Code | None:
    return outcome.code if isinstance(outcome, Refusal) else None


@pytest.mark.parametrize("scope", list(Scope))
def test_only_the_operator_and_the_issuer_itself_manage_a_card(
    ledger: Ledger, engine: Engine, scope: Scope
) -> None:
    card = ledger.enrol("JADE")
    for participant in ("JADE", "LOTUS"):
        caller = Caller("key", scope, ledger.participant_ids[participant])
        allowed = scope is Scope.OPERATOR or (scope is Scope.PARTICIPANT and participant == "JADE")
        with engine.begin() as connection:
            outcome = change_card(connection, card, caller, BLOCK)
            assert refusal_code(outcome) is (None if allowed else Code.CARD_UNKNOWN)
            assert refusal_code(replace_card(connection, card, caller, "9" * 8)) is (
                None if allowed else Code.CARD_UNKNOWN
            )
            connection.rollback()


def test_a_block_is_seen_by_the_next_posting_of_a_writer_that_is_at_work(
    ledger: Ledger, engine: Engine
) -> None:
    card = ledger.enrol("JADE")
    ledger.book(ledger.opens(card, "JADE", 500, "2027-12-31"), ledger.redeems(card, "PINE", 100))
    with engine.begin() as connection:
        assert issued(change_card(connection, card, OPERATOR, BLOCK)).status is CardStatus.BLOCKED
    [outcome] = ledger.post(ledger.redeems(card, "PINE", 100))
    assert refusal_code(outcome) is Code.CARD_BLOCKED
    with engine.begin() as connection:
        change_card(connection, card, OPERATOR, {"status": "active", "expires_on": date(2030, 1, 31)})
    assert isinstance(ledger.post(ledger.redeems(card, "PINE", 100))[0], Posted)


def test_a_replacement_keeps_wallet_member_issuer_and_last_good_day(ledger: Ledger, engine: Engine) -> None:
    card = ledger.enrol("JADE", "LOTUS")
    with engine.begin() as connection:
        old = issued(change_card(connection, card, OPERATOR, {"expires_on": date(2030, 1, 31)}))
        new = issued(replace_card(connection, card, OPERATOR, "N1234567"))
        listed = {one.number: one for one in list_issued_cards(connection, old.wallet_id)}
    assert new == old._replace(
        number="N1234567", status=CardStatus.ACTIVE, issued_at=new.issued_at, replaces=card
    )
    assert (listed[card].replaced_by, listed[card].status) == ("N1234567", CardStatus.BLOCKED)
    assert len(listed) == 3


def test_a_random_number_that_is_taken_is_passed_over(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, card = ledger.enrol("LOTUS"), ledger.enrol("JADE")
    monkeypatch.setattr(cards_module, "random_card_numbers", lambda: iter([taken, card, "55555555"]))
    with engine.begin() as connection:
        assert issued(replace_card(connection, card, OPERATOR, None)).number == "55555555"
