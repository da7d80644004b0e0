"""Linking in the database: what a batch reads does not depend on who else is in it."""

import pytest
from sqlalchemy import Engine, select, text

from clearing.core.outcomes import Moved, Posted, Refusal
from clearing.linking import Linker
from clearing.tables import arrears, lots
from clearing.verify import frozen
from clearing.writer import Writer
from settlement.verify import verify
from support.ledger import OPERATOR, Ledger


def test_a_card_is_limited_by_its_own_wallet_also_beside_one_that_it_has_left(engine: Engine) -> None:
    with Ledger(engine) as ledger:
        with engine.begin() as connection:
            connection.execute(text("UPDATE rulebooks SET card_redemptions_per_hour = 2"))
        wang, li = ledger.enrol("JADE"), ledger.enrol("LOTUS")
        ledger.book(
            ledger.opens(wang, "JADE", 100, "2099-12-31"), ledger.opens(li, "LOTUS", 100, "2099-12-31")
        )
        # One before they share a wallet and one after count together; the other card has a limit of its own.
        ledger.book(ledger.redeems(li, "PINE", 1))
        assert ledger.post(ledger.links(wang, li)) == [Moved(1002, 1001)]
        ledger.book(ledger.redeems(li, "PINE", 1), ledger.redeems(wang, "PINE", 1))
        [refused] = ledger.post(ledger.redeems(li, "PINE", 1))
        assert isinstance(refused, Refusal)
        assert refused.code == "velocity_limit"
        [parted] = ledger.post(ledger.unlinks(li))
        assert isinstance(parted, Moved)
        # In one batch with the wallet that it has left, as alone.
        outcomes = ledger.post(*(ledger.redeems(card, "PINE", 1) for card in (wang, wang, li, li, li)))
        told = [type(one) if isinstance(one, Posted) else getattr(one, "code", None) for one in outcomes]
        assert told == [Posted, "velocity_limit", Posted, Posted, "velocity_limit"]


def test_a_server_that_has_just_started_parts_a_wallet_before_it_has_linked_any(engine: Engine) -> None:
    with Ledger(engine) as ledger:
        card = ledger.enrol("JADE", "LOTUS")
    linker = Linker(engine, Writer(engine))
    try:
        parted = linker.unlink(OPERATOR, card)
        assert isinstance(parted, int)
        assert linker.unlink(OPERATOR, card) == parted
    finally:
        linker.close()


@pytest.mark.parametrize("before", [True, False], ids=["earned before", "earned while linked"])
def test_what_others_gave_a_member_is_taken_back_where_it_stayed(engine: Engine, before: bool) -> None:
    """PINE's points and JADE's money stay in the wallet that LOTUS's member has left."""
    with Ledger(engine) as ledger:
        wang, li = ledger.enrol("JADE"), ledger.enrol("LOTUS")
        if not before:
            ledger.post(ledger.links(wang, li))
        earned, loaded = ledger.book(
            ledger.pays_cash(li, "PINE", 32_600), ledger.loads(li, "LOTUS", 5_000, "JADE")
        )
        if before:
            ledger.post(ledger.links(wang, li))
        [parted] = ledger.post(ledger.unlinks(li))
        assert isinstance(parted, Moved)
        [part] = ledger.book(ledger.reverses(earned, 100))
        [rest, money] = ledger.book(ledger.reverses(earned), ledger.reverses(loaded))
        assert [one.transaction.wallet_id for one in (part, rest, money)] == [1001, 1001, 1001]
    with engine.connect() as connection:
        left = [row.available + row.held for row in connection.execute(select(lots))]
        owed = [row.points for row in connection.execute(select(arrears))]
    assert (sum(left), sum(owed)) == (0, 0)
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_what_was_spent_of_it_is_owed_by_whoever_has_the_card(engine: Engine) -> None:
    with Ledger(engine) as ledger:
        wang, li = ledger.enrol("JADE"), ledger.enrol("LOTUS")
        ledger.post(ledger.links(wang, li))
        [earned] = ledger.book(ledger.pays_cash(li, "PINE", 32_600))
        ledger.book(ledger.redeems(wang, "JADE", 326))
        [parted] = ledger.post(ledger.unlinks(li))
        assert isinstance(parted, Moved)
        [undone] = ledger.book(ledger.reverses(earned))
        assert undone.transaction.wallet_id == parted.target_id
    with engine.connect() as connection:
        owed = [(row.wallet_id, row.points) for row in connection.execute(select(arrears))]
    assert owed == [(parted.target_id, 326)]
    with frozen(engine) as connection:
        assert list(verify(connection)) == []
