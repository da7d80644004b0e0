"""Breakage that is taken back, and arrears that are paid, in the database: what a batch must have read."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from clearing.core.outcomes import Held, Moved, Posted
from clearing.load import gather
from clearing.verify import frozen, verify
from support.ledger import Ledger


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


def run(engine: Engine, statement: str) -> list[tuple[int, ...]]:
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def end_everything(ledger: Ledger, engine: Engine) -> None:
    """Let all lots end, as only time can, and become breakage."""
    run(engine, "UPDATE lots SET expires_on = '2026-11-10'")
    for wallet_id, lot_id in run(engine, "SELECT wallet_id, id FROM lots WHERE available > 0 ORDER BY id"):
        ledger.book(ledger.expires(wallet_id, lot_id))


def left(engine: Engine) -> tuple[int, int, int]:
    """(available, held, owed) points, of everybody."""
    [row] = run(
        engine,
        "SELECT sum(available), sum(held), (SELECT coalesce(sum(points), 0) FROM arrears) FROM lots"
        " WHERE asset = 1",
    )
    return row[0], row[1], row[2]


def adds_up(engine: Engine) -> None:
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_an_accrual_whose_points_ended_takes_the_breakage_back(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    [first] = ledger.book(ledger.pays_cash(wang, "JADE", 70_000))
    [second] = ledger.book(ledger.pays_cash(wang, "JADE", 30_000))
    [used] = ledger.book(ledger.redeems(wang, "LOTUS", 250))
    end_everything(ledger, engine)
    ledger.book(ledger.reverses(first, 300), ledger.reverses(second))
    assert left(engine) == (0, 0, 0)
    ledger.book(ledger.reverses(first))
    assert left(engine) == (0, 0, 250)
    adds_up(engine)
    ledger.book(ledger.reverses(used))
    assert left(engine) == (0, 0, 0)
    assert run(engine, "SELECT sum(quantity) FROM entries WHERE kind = 27") == [(750,)]
    adds_up(engine)


@pytest.mark.parametrize(
    ("statement", "found_by"),
    [
        ("UPDATE entries SET quantity = quantity - 1 WHERE kind = 27", {"lot_balances", "draws_and_credits"}),
        ("UPDATE entries SET kind = 9 WHERE kind = 27", {"draws_and_credits"}),
        (
            "UPDATE legs SET points = points - 1 WHERE kind = 7 AND points < 0",
            {"draws_and_credits", "totals_of_legs", "reversals"},
        ),
        ("UPDATE transactions SET original_id = NULL WHERE points < 0 AND card_number IS NULL", {"keys"}),
    ],
)
def test_breakage_that_was_taken_back_wrongly_is_found(
    ledger: Ledger, engine: Engine, statement: str, found_by: set[str]
) -> None:
    wang = ledger.enrol("JADE")
    [earned] = ledger.book(ledger.pays_cash(wang, "JADE", 70_000))
    end_everything(ledger, engine)
    ledger.book(ledger.reverses(earned))
    run(engine, statement)
    with frozen(engine) as connection:
        assert {one.check for one in verify(connection)} >= found_by


def test_breakage_is_found_in_whatever_wallet_the_lot_had_come_to(ledger: Ledger, engine: Engine) -> None:
    wang, li = ledger.enrol("JADE"), ledger.enrol("LOTUS")
    [before] = ledger.book(ledger.pays_cash(li, "LOTUS", 10_000))
    [other] = ledger.book(ledger.pays_cash(wang, "JADE", 5_000))
    [outcome] = ledger.post(ledger.links(wang, li))
    assert isinstance(outcome, Moved)
    [within] = ledger.book(ledger.pays_cash(li, "LOTUS", 2_000))
    [outcome] = ledger.post(ledger.unlinks(li))
    assert isinstance(outcome, Moved)
    # 120 points of LOTUS end in the new wallet of Li, 50 of JADE in Wang's.
    end_everything(ledger, engine)
    ledger.book(*(ledger.reverses(one) for one in (within, before, other)))
    assert left(engine) == (0, 0, 0)
    adds_up(engine)
    # And what ended before the wallets came together.
    [again] = ledger.book(ledger.pays_cash(wang, "JADE", 6_000))
    [others] = ledger.book(ledger.pays_cash(li, "LOTUS", 7_000))
    end_everything_anew(ledger, engine)
    [outcome] = ledger.post(ledger.links(wang, li))
    assert isinstance(outcome, Moved)
    ledger.book(ledger.reverses(again), ledger.reverses(others))
    assert left(engine) == (0, 0, 0)
    adds_up(engine)


def end_everything_anew(ledger: Ledger, engine: Engine) -> None:
    """The same for lots that came later: on a day of their own."""
    run(engine, "UPDATE lots SET expires_on = '2026-11-11' WHERE expires_on > '2026-11-11' AND available > 0")
    for wallet_id, lot_id in run(engine, "SELECT wallet_id, id FROM lots WHERE available > 0 ORDER BY id"):
        ledger.book(ledger.expires(wallet_id, lot_id))


def test_a_hold_that_ends_pays_what_is_owed_in_the_same_transaction(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    [earned] = ledger.book(ledger.pays_cash(wang, "JADE", 10_000))
    hold = ledger.holds(wang, "LOTUS", 60)
    ledger.book(ledger.reverses(earned))
    assert left(engine) == (0, 60, 60)
    [outcome] = ledger.post(ledger.voids(hold))
    assert isinstance(outcome, Held)
    assert left(engine) == (0, 0, 0)
    adds_up(engine)


def test_only_reversals_of_what_has_ended_ask_for_more(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    [earned] = ledger.book(ledger.pays_cash(wang, "JADE", 10_000))
    with ledger.writer._engine.connect() as connection:
        snapshot, *_ = gather(connection, [ledger.reverses(earned)], ledger.writer.directory, locked=False)
        assert snapshot.originals[earned.transaction.id].ends == ()
    end_everything(ledger, engine)
    with ledger.writer._engine.connect() as connection:
        snapshot, *_ = gather(connection, [ledger.reverses(earned)], ledger.writer.directory, locked=False)
        [end] = snapshot.originals[earned.transaction.id].ends
        assert end.booking.transaction.points == 100
    [outcome] = ledger.post(ledger.reverses(earned))
    assert isinstance(outcome, Posted)


def test_points_that_ended_after_a_period_of_grace_were_not_spent(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    [earned] = ledger.book(ledger.pays_cash(wang, "JADE", 100_000))
    [used] = ledger.book(ledger.redeems(wang, "LOTUS", 700))
    end_everything(ledger, engine)
    ledger.book(ledger.reverses(used, 600))  # into a lot with a period of grace
    assert left(engine) == (600, 0, 0)
    end_everything_anew(ledger, engine)
    ledger.book(ledger.reverses(earned, 250))
    ledger.book(ledger.reverses(earned))
    # 100 were spent; 300 had ended in their lot, and 600 in the other.
    assert left(engine) == (0, 0, 100)
    assert run(engine, "SELECT sum(quantity) FROM entries WHERE kind = 27") == [(900,)]
    adds_up(engine)
    ledger.book(ledger.reverses(used))
    assert left(engine) == (0, 0, 0)
    adds_up(engine)


def test_points_that_paid_arrears_stand_for_those_that_ended_later(ledger: Ledger, engine: Engine) -> None:
    wang, li = ledger.enrol("JADE"), ledger.enrol("LOTUS")
    [first] = ledger.book(ledger.pays_cash(wang, "JADE", 100_000))
    [used] = ledger.book(ledger.redeems(wang, "LOTUS", 1_000))
    run(engine, "UPDATE lots SET expires_on = '2026-11-10'")
    [second] = ledger.book(ledger.pays_cash(wang, "JADE", 100_000))
    ledger.book(ledger.reverses(first))
    assert left(engine) == (0, 0, 0)
    [outcome] = ledger.post(ledger.links(wang, li))
    assert isinstance(outcome, Moved)
    ledger.book(ledger.reverses(used))
    end_everything_anew(ledger, engine)
    ledger.book(ledger.reverses(second))
    assert left(engine) == (0, 0, 0)
    adds_up(engine)
