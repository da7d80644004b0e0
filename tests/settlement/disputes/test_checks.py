"""Verify of disputes: nothing in good ones, and the row of every kind of tampering."""

from collections.abc import Iterator
from itertools import count

import pytest
from sqlalchemy import Engine, select, text

from clearing.core.accounts import HUB
from clearing.tables import legs
from clearing.verify import Difference, frozen
from settlement.close import close_period, statement_id
from settlement.core.disputes import DisputeReason
from settlement.disputes.acceptance import Instrument, Judgement, accept
from settlement.disputes.acts import reject
from settlement.disputes.checks import CHECKS
from settlement.disputes.opening import Claim, open_dispute
from settlement.disputes.refusals import Actor, DisputeRefusal
from settlement.tables import disputes
from settlement.verify import verify
from support.ledger import OPERATOR, Ledger, shanghai

numbers = count(1)


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """The worked example, closed: one line corrected in money, one by a reversal, one dispute rejected."""
    with Ledger(engine) as ledger:
        ledger.worked_example()
        with engine.begin() as connection:
            close_period(connection, 202611, at=shanghai("2026-12-01 00:10"), closed_by="tests")
        ledger.now = shanghai("2026-12-05 10:00")
        id_ = open_(ledger, "PINE", "PINE", DisputeReason.WRONG_FEE)
        with engine.begin() as connection:
            assert not isinstance(reject(connection, id_, Actor(HUB, "key"), "No"), DisputeRefusal)
        for opener, acceptor, instrument in (
            ("JADE", "LOTUS", Instrument.MONEY),
            ("JADE", "PINE", Instrument.REVERSAL),
        ):
            id_ = open_(ledger, opener, acceptor)
            actor = Actor(ledger.participant_ids[acceptor], "key")
            accepted = accept(ledger.writer, id_, Judgement(actor, OPERATOR, instrument))
            assert not isinstance(accepted, DisputeRefusal), accepted
        yield ledger


def open_(ledger: Ledger, opener: str, acceptor: str, reason: DisputeReason = DisputeReason.DUPLICATE) -> int:
    """Dispute what JADE owes that acceptor."""
    ids, id_ = ledger.participant_ids, next(numbers)
    owed = select(legs.c.wallet_id, legs.c.transaction_id).where(
        legs.c.issuer_id == ids["JADE"], legs.c.acceptor_id == ids[acceptor], legs.c.obligation > 0
    )
    with ledger.engine.begin() as connection:
        wallet_id, transaction_id = connection.execute(owed).one()
        claim = Claim(
            statement_id(202611, ids[opener]),
            reason,
            "Wrong",
            transaction=(wallet_id, transaction_id),
            issuer_id=ids["JADE"],
        )
        opened = open_dispute(connection, id_, claim, Actor(ids[opener], "key"))
        assert not isinstance(opened, DisputeRefusal), opened
    return id_


def differences(engine: Engine) -> list[Difference]:
    with frozen(engine) as connection:
        return list(verify(connection))


def test_good_disputes_have_no_difference(ledger: Ledger, engine: Engine) -> None:
    with engine.connect() as connection:
        found = list(connection.execute(select(disputes.c.correction).order_by(disputes.c.id)).scalars())
    assert found == [None, "money", "reversal"]
    assert differences(engine) == []


TAMPERING = [
    (
        "UPDATE disputes SET corrected_obligation = corrected_obligation - 1 WHERE correction = 'money'",
        {"corrections", "money_corrections"},
    ),
    (
        "UPDATE disputes SET corrected_acceptor_fee = corrected_acceptor_fee - 1"
        " WHERE correction = 'reversal'",
        {"corrections"},
    ),
    (
        "UPDATE disputes SET corrected_obligation = corrected_obligation + 1 WHERE correction = 'money'",
        {"corrections", "money_corrections", "disputed_lines"},
    ),
    (
        "UPDATE disputes SET status = 'rejected', correction = NULL, corrected_quantity = NULL,"
        " corrected_obligation = NULL, corrected_acceptor_fee = NULL, corrected_issuer_fee = NULL"
        " WHERE correction = 'money'",
        {"corrections", "money_corrections"},
    ),
    ("DELETE FROM money_corrections", {"money_corrections"}),
    ("UPDATE money_corrections SET quantity = quantity - 1", {"money_corrections"}),
    ("DELETE FROM dispute_corrections WHERE participant_id IS NOT NULL", {"corrections"}),
    (
        "UPDATE dispute_corrections SET transaction_id = -transaction_id WHERE participant_id IS NULL",
        {"corrections"},
    ),
    ("UPDATE disputes SET leg_number = 9 WHERE status = 'rejected'", {"disputed_lines"}),
    ("UPDATE disputes SET period = 202612 WHERE status = 'rejected'", {"disputed_lines"}),
    (
        "UPDATE disputes SET opener_id = issuer_id, issuer_id = opener_id, acceptor_id = issuer_id"
        " WHERE status = 'rejected'",
        {"disputed_lines"},
    ),
]


@pytest.mark.parametrize(("statement", "found_by"), TAMPERING)
def test_tampering_is_found(ledger: Ledger, engine: Engine, statement: str, found_by: set[str]) -> None:
    with engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount > 0
    assert {difference.check for difference in differences(engine)} == found_by


def test_every_check_is_shown_to_find_something() -> None:
    assert {check.name for check in CHECKS} == set().union(*(found_by for _, found_by in TAMPERING))
