"""Erasure in the ledger: one member's name and phone go, and nothing that was booked."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, update

from clearing.cards import list_issued_cards
from clearing.core.holds import HoldStatus
from clearing.core.outcomes import Refusal
from clearing.core.snapshot import CardStatus
from clearing.erasure import erase_member
from clearing.tables import JOURNAL, cards, hold_draws, holds, lots, members
from clearing.verify import frozen, verify
from support.ledger import Ledger


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


def wallet_and_members(connection: Connection, card: str) -> tuple[int, list[int]]:
    """The card's wallet and its members, in the order in which they were enrolled."""
    wallet = connection.execute(select(cards.c.wallet_id).where(cards.c.number == card)).scalar_one()
    query = select(members.c.id).where(members.c.wallet_id == wallet).order_by(members.c.id)
    return wallet, list(connection.execute(query).scalars())


def test_what_was_booked_stays_to_the_last_row(ledger: Ledger, engine: Engine) -> None:
    card = ledger.worked_example()
    with engine.connect() as connection:
        _, [member] = wallet_and_members(connection, card)
        before = booked(connection)
    with engine.begin() as connection:
        assert erase_member(connection, member) is True
        assert erase_member(connection, member) is False
    with engine.connect() as connection:
        assert booked(connection) == before
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_of_a_shared_wallet_only_the_members_own_cards_are_blocked(ledger: Ledger, engine: Engine) -> None:
    card = ledger.enrol("JADE", "LOTUS")
    with engine.begin() as connection:
        wallet, [jade, lotus] = wallet_and_members(connection, card)
        assert erase_member(connection, jade) is True
        statuses = {one.member_id: one.status for one in list_issued_cards(connection, wallet)}
        assert statuses == {jade: CardStatus.BLOCKED, lotus: CardStatus.ACTIVE}
        query = select(members.c.id).where(members.c.erased_at.is_not(None))
        assert list(connection.execute(query).scalars()) == [jade]


@pytest.mark.parametrize("status", list(HoldStatus))
@pytest.mark.parametrize("minutes_left", [-1, 60])
def test_only_a_hold_that_is_open_by_the_clock_forbids_it(
    ledger: Ledger, engine: Engine, status: HoldStatus, minutes_left: int
) -> None:
    card = ledger.enrol("JADE")
    with engine.begin() as connection:
        wallet, [member] = wallet_and_members(connection, card)
        _place(connection, ledger, wallet, card, status)
        ends = func.clock_timestamp() + timedelta(minutes=minutes_left)
        connection.execute(update(holds).values(expires_at=ends))
        outcome = erase_member(connection, member)
        is_open = status is HoldStatus.HELD and minutes_left > 0
        assert isinstance(outcome, Refusal) is is_open
        erased_at = connection.execute(select(members.c.erased_at)).scalar_one()
    assert (erased_at is None) is is_open


def booked(connection: Connection) -> dict[str, list[str]]:
    return {
        table.name: sorted(map(repr, connection.execute(select(table)).all())) for table in (*JOURNAL, lots)
    }


def _place(connection: Connection, ledger: Ledger, wallet: int, card: str, status: HoldStatus) -> None:
    connection.execute(
        insert(holds).values(
            wallet_id=wallet,
            id=1,
            kind=2,
            status=status.value,
            card_number=card,
            merchant_id=1,
            acceptor_id=ledger.participant_ids["JADE"],
            points=10,
            amount=10,
            captured=10 if status is HoldStatus.CAPTURED else 0,
            placed_at=ledger.now,
            expires_at=ledger.now,
            rule_version=1,
            posted_by="tests",
        )
    )
    connection.execute(
        insert(hold_draws).values(
            wallet_id=wallet,
            hold_id=1,
            number=1,
            lot_id=1,
            issuer_id=ledger.participant_ids["JADE"],
            quantity=10,
        )
    )
