"""Linking in the database: what a batch reads does not depend on who else is in it."""

from sqlalchemy import Engine, text

from clearing.core.outcomes import Moved, Posted, Refusal
from clearing.linking import Linker
from clearing.writer import Writer
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
