"""Verify finds nothing in a good ledger, and names the row of every kind of tampering."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from clearing.core.outcomes import Moved
from clearing.verify import Check, Difference, Found, checks, compare, frozen, verify
from support.ledger import Ledger


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """The worked example and one of everything else."""
    with Ledger(engine) as ledger:
        wang = ledger.worked_example()
        ledger.book(ledger.loads(wang, "PINE", 20_000, issuer="JADE"), ledger.loads(wang, "PINE", 100))
        ledger.book(ledger.pays_cash(wang, "PINE", 1_000, occurred="2026-10-30 12:00"))
        ledger.post(ledger.redeems(wang, "PINE", 1_000_000))  # refused
        yield ledger


def differences(engine: Engine) -> list[Difference]:
    with frozen(engine) as connection:
        return list(verify(connection))


def tamper(engine: Engine, statement: str) -> int:
    with engine.begin() as connection:
        for constraint in ("lots_not_negative_check", "legs_own_system_is_free_check"):
            table = constraint.partition("_")[0]
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint}"))
        return connection.execute(text(statement)).rowcount


def test_a_good_ledger_has_no_difference(ledger: Ledger, engine: Engine) -> None:
    assert differences(engine) == []


def test_an_empty_ledger_has_no_difference(engine: Engine) -> None:
    assert differences(engine) == []


def test_every_check_reports_that_it_starts(ledger: Ledger, engine: Engine) -> None:
    started: list[Check] = []
    with frozen(engine) as connection:
        assert list(verify(connection, started.append)) == []
    assert started == list(checks())
    assert len({check.name for check in started}) == len(started)


@pytest.mark.parametrize(
    ("expected", "found", "difference"),
    [
        ("(1, 2, 5), (1, 2, 6)", "(1, 2, 11)", None),
        ("(1, 2, 0)", "", None),  # nothing is as good as no row
        ("(3, 1, 7), (1, 2, 5), (2, 9, 1)", "(2, 9, 2), (1, 2, 4)", ("row (a=1, b=2)", "m=5", "m=4")),
        ("(1, 2, 5)", "", ("row (a=1, b=2)", "m=5", "m=0")),
        ("", "(1, 2, 5), (1, 2, 6)", ("row (a=1, b=2)", "m=0", "m=11")),
        ("(1, NULL, 5), (1, 3, 8)", "(1, NULL, 4), (1, 3, 8)", ("row (a=1)", "m=5", "m=4")),
        ("(1, 2, NULL)", "(1, 2, 3)", ("row (a=1, b=2)", "m=0", "m=3")),
    ],
)
def test_two_sides_are_compared_by_their_sums(
    engine: Engine, expected: str, found: str, difference: tuple[str, str, str] | None
) -> None:
    def rows(values: str) -> str:
        """With a row that counts for nothing, as VALUES cannot be empty."""
        some = f", {values}" if values else ""
        return f"SELECT * FROM (VALUES (0::int, 0::int, 0::bigint){some}) AS v (a, b, m)"

    check = Check("some", "", compare("row", ("a", "b"), ("m",), rows(expected), rows(found)))
    with frozen(engine) as connection:
        assert check.run(connection, None) == (None if difference is None else Found(*difference))


TAMPERING = [
    ("UPDATE lots SET available = available + 1 WHERE available = 2000", {"lot_balances"}),
    ("UPDATE lots SET held = held + 1 WHERE available = 2000", {"lot_balances", "held"}),
    (
        "UPDATE lots SET available = available + 10, held = -10 WHERE available = 2000",
        {"lots_not_negative", "held"},
    ),
    ("DELETE FROM lots WHERE available = 2000", {"lot_balances"}),
    (
        "INSERT INTO lots SELECT wallet_id, 1, issuer_id, asset, '2030-01-01', 5, 0 FROM lots LIMIT 1",
        {"lot_balances"},
    ),
    ("UPDATE lots SET issuer_id = 3 WHERE available = 2000", {"lot_owners"}),
    ("UPDATE entries SET quantity = quantity + 1 WHERE kind = 2", {"lot_balances", "draws_and_credits"}),
    ("UPDATE entries SET quantity = quantity + 1 WHERE kind = 7", {"obligations_and_fees"}),
    ("UPDATE entries SET debit = 3, credit = 1 WHERE kind = 7", {"obligations_and_fees"}),
    ("DELETE FROM entries WHERE kind = 8", {"obligations_and_fees"}),
    (
        "INSERT INTO entries VALUES (202611, 1001, 5, 1, 8, 1, 0, 7)",
        {"obligations_and_fees", "entries_have_transactions"},
    ),
    (
        "UPDATE legs SET obligation = obligation + 1 WHERE kind = 3",
        {"positions", "exposures", "obligations_and_fees", "obligations_by_rule"},
    ),
    (
        "UPDATE legs SET acceptor_fee = acceptor_fee + 1 WHERE kind = 2 AND issuer_id <> acceptor_id",
        {"positions", "exposures", "obligations_and_fees", "fees_by_rule"},
    ),
    (
        "UPDATE legs SET acceptor_fee = 1 WHERE kind = 2 AND issuer_id = acceptor_id",
        {"own_system_free", "exposures", "obligations_and_fees", "fees_by_rule"},
    ),
    ("UPDATE legs SET reason = 2 WHERE issuer_id = acceptor_id", {"own_system_free"}),
    (
        "UPDATE legs SET points = points + 1 WHERE kind = 5",
        {"draws_and_credits", "totals_of_legs"},
    ),
    (
        "DELETE FROM legs WHERE kind = 6",
        {"draws_and_credits", "totals_of_legs"},
    ),
    ("UPDATE fee_rules SET rate = 0.03 WHERE kind = 2", {"fees_by_rule"}),
    ("INSERT INTO fee_volumes VALUES (202611, 1, 1, 2, 0, 1, 0, 0, 202611)", {"fee_volumes"}),
    ("UPDATE exposures SET debit = debit + 1", {"exposures"}),
    ("DELETE FROM exposures WHERE participant_id = 1", {"exposures"}),
    ("UPDATE positions SET exchanges = exchanges + 1 WHERE kind = 1", {"positions"}),
    ("UPDATE positions SET points = points - 1 WHERE kind = 2", {"positions"}),
    ("DELETE FROM positions WHERE kind = 3", {"positions"}),
    (
        "INSERT INTO positions VALUES (202611, 2, 3, 3, 7, 1, 0, 5, 5, 0, 0)",
        {"positions"},
    ),
    ("UPDATE transactions SET amount = amount + 1 WHERE kind = 4", {"totals_of_legs"}),
    ("UPDATE transactions SET late = NOT late", {"period_bounds"}),
    ("UPDATE transactions SET booked_at = '2026-12-01 00:00+08' WHERE kind = 4", {"period_bounds"}),
    (
        "UPDATE periods SET ends_at = '2026-11-15 10:00:03+08'",
        {"period_bounds"},
    ),
    (
        "INSERT INTO periods VALUES (202612, '2026-11-30', '2027-01-01', 'open')",
        {"periods_apart"},
    ),
    (
        "DELETE FROM transactions WHERE kind = 4",
        {"totals_of_legs", "entries_have_transactions", "outcomes"},
    ),
    ("UPDATE outcomes SET transaction_id = 1 WHERE transaction_id IS NOT NULL", {"outcomes", "keys"}),
    ("DELETE FROM outcomes WHERE transaction_id IS NOT NULL", {"keys"}),
    ("UPDATE merchant_references SET reference = 'POS-2' WHERE reference = 'POS-1'", {"references"}),
    (
        "INSERT INTO merchant_references SELECT 99, kind, 'OLD-1', wallet_id, id FROM transactions"
        " WHERE kind = 5 LIMIT 1",
        {"references"},
    ),
]


@pytest.mark.parametrize(("statement", "found_by"), TAMPERING)
def test_tampering_is_found(ledger: Ledger, engine: Engine, statement: str, found_by: set[str]) -> None:
    assert tamper(engine, statement) > 0
    found = differences(engine)
    assert {difference.check for difference in found} == found_by
    for difference in found:
        assert "=" in difference.where
        assert difference.expected != difference.found


@pytest.fixture
def busy_ledger(ledger: Ledger) -> Ledger:
    """The same, with holds open, captured and voided, parts reversed, and arrears of 50 points."""
    li = ledger.enrol("PINE")
    [earned] = ledger.book(ledger.pays_cash(li, "LOTUS", 30_000))
    [used] = ledger.book(ledger.redeems(li, "JADE", 200))
    ledger.holds(li, "PINE", 30)
    ledger.book(ledger.captures(ledger.holds(li, "PINE", 20), 15))
    ledger.post(ledger.voids(ledger.holds(li, "PINE", 40)))
    ledger.book(ledger.reverses(used, 70), ledger.reverses(earned, 175))
    return ledger


TAMPERING_IN_FULL = [
    ("UPDATE holds SET captured = 14 WHERE status = 'captured'", {"holds"}),
    ("UPDATE holds SET status = 'captured', captured = 30 WHERE status = 'held'", {"held", "holds"}),
    ("UPDATE holds SET status = 'held' WHERE status = 'voided'", {"held"}),
    ("UPDATE hold_draws SET quantity = 31 WHERE quantity = 30", {"held"}),
    ("DELETE FROM hold_draws WHERE quantity = 30", {"held"}),
    ("UPDATE arrears SET points = points + 1", {"arrears"}),
    ("DELETE FROM arrears", {"arrears"}),
    (
        "UPDATE legs SET amount = amount - 1 WHERE kind = 2 AND points = 200",
        {"obligations_by_rule", "positions", "reversals", "totals_of_legs", "worth"},
    ),
    (
        "UPDATE lots SET available = 1"
        " WHERE (wallet_id, issuer_id) IN (SELECT wallet_id, issuer_id FROM arrears)",
        {"arrears_paid", "lot_balances"},
    ),
    ("UPDATE entries SET quantity = quantity - 1 WHERE kind = 14", {"arrears", "draws_and_credits"}),
    ("UPDATE entries SET quantity = quantity - 1 WHERE kind = 18", {"obligations_and_fees"}),
    ("UPDATE entries SET kind = 7 WHERE kind = 18", {"obligations_and_fees"}),
    ("UPDATE entries SET quantity = quantity + 1 WHERE kind = 13", {"obligations_and_fees"}),
    (
        "UPDATE legs SET acceptor_fee = acceptor_fee - 1 WHERE kind = 2 AND points = -70",
        {"positions", "exposures", "obligations_and_fees", "reversals"},
    ),
    ("UPDATE transactions SET original_id = 5 WHERE points = -70", {"reversals"}),
    (
        "UPDATE outcomes SET hold_id = 5 WHERE hold_id IS NOT NULL",
        {"outcomes"},
    ),
]


def test_a_good_ledger_of_every_kind_has_no_difference(busy_ledger: Ledger, engine: Engine) -> None:
    assert differences(engine) == []
    with engine.connect() as connection:
        assert connection.execute(text("SELECT points FROM arrears")).scalars().all() == [50]


@pytest.mark.parametrize(("statement", "found_by"), TAMPERING_IN_FULL)
def test_tampering_with_holds_reversals_and_arrears_is_found(
    busy_ledger: Ledger, engine: Engine, statement: str, found_by: set[str]
) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE holds DROP CONSTRAINT holds_captured_check"))
    assert tamper(engine, statement) > 0
    assert {difference.check for difference in differences(engine)} == found_by


@pytest.fixture
def linked_ledger(busy_ledger: Ledger) -> Ledger:
    """The same after Li's wallet 1002, with arrears and an open hold, and Zhao's 1003 went into Wang's 1001,
    which Wang then left.
    """
    ledger = busy_ledger
    zhao = ledger.enrol("LOTUS")
    ledger.book(ledger.opens(zhao, "LOTUS", 70, "2027-01-31"), ledger.loads(zhao, "LOTUS", 300))
    for command in (
        ledger.links("JADE-1001", "PINE-1002"),
        ledger.links(zhao, "JADE-1001"),
        ledger.unlinks("JADE-1001"),
    ):
        [outcome] = ledger.post(command)
        assert isinstance(outcome, Moved), outcome
    return ledger


TAMPERING_WITH_LINKS = [
    # Points that went in, value, and arrears.
    (
        "UPDATE entries SET quantity = quantity + 1 WHERE kind = 22 AND wallet_id = 1001 AND quantity = 70",
        {"lot_balances", "draws_and_credits", "moves"},
    ),
    (
        "UPDATE entries SET quantity = quantity + 1 WHERE kind = 24 AND wallet_id = 1001",
        {"lot_balances", "draws_and_credits", "moves"},
    ),
    (
        "UPDATE entries SET quantity = quantity - 1 WHERE kind = 26 AND wallet_id = 1001",
        {"arrears", "draws_and_credits", "moves"},
    ),
    ("UPDATE cards SET wallet_id = 1002 WHERE number = 'PINE-1002'", {"merged", "sharers"}),
    ("UPDATE members SET wallet_id = 1002 WHERE id = 10020", {"merged", "sharers"}),
    ("UPDATE cards SET wallet_id = 1001 WHERE number = 'JADE-1001'", {"sharers"}),
    ("UPDATE members SET participant_id = 2 WHERE id = 10020", {"sharers"}),
    ("UPDATE wallets SET merged_into = id WHERE id = 1002", {"merged", "outcomes"}),
    ("UPDATE wallets SET merged_into = 1002 WHERE id = 1003", {"merged"}),
    ("UPDATE arrears SET points = 50 WHERE wallet_id = 1002", {"arrears", "merged"}),
    ("UPDATE holds SET wallet_id = 1002 WHERE status = 'held'", {"held", "merged"}),
    ("UPDATE hold_draws SET wallet_id = 1002 WHERE quantity = 30", {"held"}),
    ("UPDATE wallets SET merged_into = NULL WHERE id = 1002", {"outcomes"}),
]


def test_a_good_ledger_with_links_has_no_difference(linked_ledger: Ledger, engine: Engine) -> None:
    assert differences(engine) == []
    with engine.connect() as connection:
        merged = connection.execute(text("SELECT id, merged_into FROM wallets WHERE merged_into IS NOT NULL"))
        assert set(map(tuple, merged)) == {(1002, 1001), (1003, 1001)}


@pytest.mark.parametrize(("statement", "found_by"), TAMPERING_WITH_LINKS)
def test_tampering_with_links_is_found(
    linked_ledger: Ledger, engine: Engine, statement: str, found_by: set[str]
) -> None:
    assert tamper(engine, statement) > 0
    assert {difference.check for difference in differences(engine)} == found_by


def test_every_check_but_one_is_shown_to_find_something() -> None:
    found = set().union(
        *(found_by for _, found_by in [*TAMPERING, *TAMPERING_IN_FULL, *TAMPERING_WITH_LINKS])
    )
    assert {check.name for check in checks()} - found == {"one_period"}


def test_a_transaction_in_two_periods_is_found(ledger: Ledger, engine: Engine) -> None:
    with engine.begin() as connection:
        for table in ("transactions", "legs", "entries"):
            connection.execute(
                text(f"CREATE TABLE {table}_202612 PARTITION OF {table} FOR VALUES IN (202612)")
            )
        connection.execute(
            text("CREATE TEMP TABLE copied ON COMMIT DROP AS SELECT * FROM transactions WHERE kind = 4")
        )
        connection.execute(text("UPDATE copied SET period = 202612"))
        connection.execute(text("INSERT INTO transactions SELECT * FROM copied"))
    assert "one_period" in {difference.check for difference in differences(engine)}


def test_a_difference_names_the_row_and_both_values(ledger: Ledger, engine: Engine) -> None:
    tamper(engine, "UPDATE positions SET amount = amount + 1 WHERE kind = 3")
    jade, pine = ledger.participant_ids["JADE"], ledger.participant_ids["PINE"]
    [difference] = differences(engine)
    assert difference == Difference(
        "positions",
        f"positions (period=202611, issuer_id={jade}, acceptor_id={pine}, kind=3)",
        "exchanges=1, points=0, amount=30000, obligation=30000, acceptor_fee=180, issuer_fee=0",
        "exchanges=1, points=0, amount=30001, obligation=30000, acceptor_fee=180, issuer_fee=0",
    )


def test_verifying_cannot_write(ledger: Ledger, engine: Engine) -> None:
    with frozen(engine) as connection, pytest.raises(DBAPIError, match="read-only"):
        connection.execute(text("UPDATE lots SET available = 0"))
