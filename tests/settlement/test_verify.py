"""Verify of settlements: nothing in a good one, and the row of every kind of tampering."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from clearing.verify import Difference, frozen
from settlement.close import check_recomputed, close_period
from settlement.verify import CHECKS, checks, is_reproduced, verify
from support.ledger import Ledger, shanghai


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """The worked example, closed, and business in the next period."""
    with Ledger(engine) as ledger:
        wang = ledger.worked_example()
        with engine.begin() as connection:
            close_period(connection, 202611, at=shanghai("2026-12-01 00:10"), closed_by="tests")
        with engine.begin() as connection:
            assert check_recomputed(connection, 202611)
        ledger.now = shanghai("2026-12-05 10:00")
        ledger.book(ledger.spends(wang, "LOTUS", 1_000))
        yield ledger


def differences(engine: Engine) -> list[Difference]:
    with frozen(engine) as connection:
        return list(verify(connection))


def test_good_settlements_have_no_difference(ledger: Ledger, engine: Engine) -> None:
    assert differences(engine) == []


TAMPERING = [
    (
        "UPDATE settlement_nets SET receivable = receivable + 1, net = net + 1 WHERE net = 1770",
        {"settled_nets", "zero_sum"},
    ),
    (
        "UPDATE settlement_nets SET receivable = receivable + 1, payable = payable + 1 WHERE net = 1770",
        {"settled_nets"},
    ),
    ("DELETE FROM settlement_nets WHERE net = 1770", {"settled_nets", "zero_sum", "statements"}),
    ("UPDATE settlement_positions SET points = points + 1 WHERE kind = 2", {"settled_positions"}),
    (
        "UPDATE settlement_positions SET acceptor_fee = acceptor_fee + 1 WHERE kind = 2",
        {"settled_positions", "zero_sum"},
    ),
    ("DELETE FROM settlement_positions WHERE kind = 2", {"settled_positions", "zero_sum"}),
    ("DELETE FROM statements WHERE number = '2026-11-PINE-1'", {"statements"}),
    # A payment that quotes the number would be put on another's net.
    ("UPDATE statements SET number = number || '0' WHERE number = '2026-11-PINE-1'", {"statement_numbers"}),
    ("UPDATE statements SET participant_code = 'JADE'", {"statement_numbers"}),
    ("UPDATE statements SET issued_at = issued_at + interval '1 day'", {"statement_numbers"}),
    ("UPDATE settlements SET due_on = due_on + 30", {"due_days"}),
    ("UPDATE periods SET state = 'closed' WHERE number = 202612", {"settlements"}),
    ("UPDATE periods SET state = 'open' WHERE number = 202611", {"settlements", "states"}),
    (
        "UPDATE entries SET quantity = quantity + 1 WHERE kind = 7 AND period = 202611 AND quantity = 2500",
        {"settled_nets", "obligations_and_fees"},
    ),
    (
        "UPDATE liabilities SET issued = issued + 1, opened = opened - 1 WHERE asset = 1 AND issued = 680",
        {"liabilities"},
    ),
    ("UPDATE liabilities SET opening = 5, closing = closing + 5 WHERE closing = 680", {"liabilities"}),
    (
        "UPDATE liabilities SET used_own = used_own + 1, used_elsewhere = used_elsewhere - 1"
        " WHERE used_elsewhere = 2500",
        {"liabilities"},
    ),
    ("DELETE FROM liabilities WHERE closing = 680", {"liabilities"}),
    ("UPDATE liability_months SET month = month + 1 WHERE quantity = 680", {"liability_months"}),
    ("UPDATE statement_sizes SET lines = lines + 1 WHERE lines = 1", {"statement_sizes"}),
    (
        "UPDATE legs SET amount = amount + 1 WHERE kind = 1 AND period = 202611 AND issuer_id <> acceptor_id",
        {"settled_positions", "positions", "totals_of_legs"},
    ),
]


@pytest.mark.parametrize(("statement", "found_by"), TAMPERING)
def test_tampering_is_found(ledger: Ledger, engine: Engine, statement: str, found_by: set[str]) -> None:
    with engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount > 0
    assert {difference.check for difference in differences(engine)} == found_by


#: Shown beside what they are about.
SHOWN_ELSEWHERE = {
    *("rebates", "rebates_in_nets"),  # test_rebates
    *(
        "carried_forward",
        "stated_payments",
        "opening_balances",
        "reversed_payments",
        "states",
    ),  # test_payments
}


def test_every_check_is_shown_to_find_something() -> None:
    found = SHOWN_ELSEWHERE.union(*(found_by for _, found_by in TAMPERING))
    assert {check.name for check in CHECKS} <= found
    assert len({check.name for check in checks()}) == len(checks())


def test_one_period_can_be_reproduced_by_itself(ledger: Ledger, engine: Engine) -> None:
    with engine.begin() as connection:
        assert is_reproduced(connection, 202611)
        connection.execute(text("UPDATE entries SET quantity = quantity + 1 WHERE period = 202612"))
        assert is_reproduced(connection, 202611)
        connection.execute(text("UPDATE entries SET quantity = quantity + 1 WHERE period = 202611"))
        assert not is_reproduced(connection, 202611)
