"""Closing: the nets to the fen, safe to run again, and correct while postings arrive."""

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, event, select, update

from clearing.core.calendar import PeriodState
from clearing.core.outcomes import Outcome
from clearing.periods import open_period_for, read_periods
from clearing.tables import participants, periods, positions, transactions
from settlement.close import CloseRefusal, CloseRefused, NotZeroSum, check_recomputed, close_period
from settlement.present import participant_settlement_json, settlement_json
from settlement.query import Settlement, list_statements, read_settlement
from settlement.tables import settlement_nets, settlements
from support.ledger import SHANGHAI, Ledger, shanghai

NOVEMBER, DECEMBER, JANUARY = 202611, 202612, 202701
AFTER = shanghai("2026-12-01 00:10")


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


def close(
    engine: Engine, number: int = NOVEMBER, at: datetime = AFTER, early: bool = False
) -> Settlement | CloseRefusal:
    with engine.begin() as connection:
        return close_period(connection, number, at=at, early=early, closed_by="tests")


def closed(engine: Engine, number: int = NOVEMBER, at: datetime = AFTER, early: bool = False) -> Settlement:
    settlement = close(engine, number, at, early)
    assert isinstance(settlement, Settlement), settlement
    return settlement


def nets(settlement: Settlement) -> dict[str, int]:
    return {settlement.codes[line.participant_id]: line.net for line in settlement.netting.lines}


def open_month_of(engine: Engine, at: str) -> None:
    with engine.begin() as connection:
        open_period_for(connection, shanghai(at), SHANGHAI)


def test_the_worked_example_settles_to_the_fen(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    document = settlement_json(closed(engine))
    assert document["period"] == "2026-11"
    assert document["state"] == "closed"
    shown = ("code", "receivable", "payable", "fees", "net", "state")
    assert [tuple(line[name] for name in shown) for line in document["participants"]] == [
        ("JADE", 0, 32_500, 0, -32_500, "closed"),
        ("LOTUS", 2_500, 0, 730, 1_770, "closed"),
        ("PINE", 30_000, 0, 180, 29_820, "closed"),
    ]
    assert document["hub"] == {"fees": 910, "rebates": 0, "carried_forward": 0, "net": 910}
    assert document["matrix"] == [
        {
            "debtor": "JADE",
            "creditor": "LOTUS",
            "kind": "redemption",
            "count": 1,
            "points": 2_500,
            "amount": 2_500,
            "fees": 50,
        },
        {
            "debtor": "JADE",
            "creditor": "PINE",
            "kind": "spend",
            "count": 1,
            "points": 0,
            "amount": 30_000,
            "fees": 180,
        },
    ]
    assert document["checks"] == {"zero_sum": True, "recomputed": None}
    with engine.begin() as connection:
        assert check_recomputed(connection, NOVEMBER)
    with engine.connect() as connection:
        again = read_settlement(connection, NOVEMBER)
    assert again is not None
    assert settlement_json(again)["checks"] == {"zero_sum": True, "recomputed": True}


def test_an_open_period_shows_what_it_comes_to_now(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    with engine.connect() as connection:
        settlement = read_settlement(connection, NOVEMBER)
        assert read_settlement(connection, DECEMBER) is None
    assert settlement is not None
    assert settlement.period.state is PeriodState.OPEN
    assert nets(settlement) == {"JADE": -32_500, "LOTUS": 1_770, "PINE": 29_820}
    assert settlement_json(settlement)["closed_at"] is None


def test_closing_keeps_what_the_open_period_showed(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    with engine.connect() as connection:
        before = read_settlement(connection, NOVEMBER)
    assert before is not None
    assert closed(engine).netting == before.netting


def test_a_participant_sees_its_own_part_only(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    part = participant_settlement_json(closed(engine), "PINE")
    assert part is not None
    assert part["participant"]["net"] == 29_820
    assert [(row["debtor"], row["creditor"]) for row in part["matrix"]] == [("JADE", "PINE")]
    assert participant_settlement_json(closed(engine), "NOBODY") is None


def test_closing_twice_is_the_same_as_once(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    first = closed(engine)
    second = closed(engine, at=AFTER + timedelta(days=3), early=True)
    assert second == first
    with engine.connect() as connection:
        assert len(list_statements(connection)) == 3


def test_an_empty_period_closes_with_a_statement_for_everybody(ledger: Ledger, engine: Engine) -> None:
    open_month_of(engine, "2026-11-15 10:00")
    settlement = closed(engine)
    assert nets(settlement) == {"JADE": 0, "LOTUS": 0, "PINE": 0}
    assert str(settlement.netting.ratio) == "0.0000"
    with engine.connect() as connection:
        numbers = [one.number for one in list_statements(connection, period=NOVEMBER)]
    assert sorted(numbers) == ["2026-11-JADE-1", "2026-11-LOTUS-1", "2026-11-PINE-1"]
    with engine.begin() as connection:
        assert check_recomputed(connection, NOVEMBER)


def test_an_unknown_period_is_refused(ledger: Ledger, engine: Engine) -> None:
    refusal = close(engine)
    assert isinstance(refusal, CloseRefusal)
    assert refusal.code is CloseRefused.NOT_FOUND


def test_a_period_in_course_is_refused_and_says_when_it_ends(ledger: Ledger, engine: Engine) -> None:
    open_month_of(engine, "2026-11-15 10:00")
    refusal = close(engine, at=shanghai("2026-11-30 23:59"))
    assert isinstance(refusal, CloseRefusal)
    assert refusal.code is CloseRefused.PERIOD_NOT_ENDED
    assert "2026-12-01T00:00:00+08:00" in refusal.detail
    assert '{"early": true}' in refusal.detail


def test_a_period_that_has_not_begun_cannot_be_closed_even_early(ledger: Ledger, engine: Engine) -> None:
    open_month_of(engine, "2026-11-15 10:00")
    closed(engine, at=shanghai("2026-11-20 09:00"), early=True)
    refusal = close(engine, DECEMBER, at=shanghai("2026-11-20 09:00"), early=True)
    assert isinstance(refusal, CloseRefusal)
    assert refusal.code is CloseRefused.PERIOD_NOT_ENDED


def test_periods_close_in_order(ledger: Ledger, engine: Engine) -> None:
    open_month_of(engine, "2026-11-15 10:00")
    open_month_of(engine, "2026-12-15 10:00")
    refusal = close(engine, DECEMBER, at=shanghai("2027-01-02 00:00"))
    assert isinstance(refusal, CloseRefusal)
    assert refusal.code is CloseRefused.EARLIER_PERIOD_OPEN
    assert "2026-11" in refusal.detail
    closed(engine, NOVEMBER)
    closed(engine, DECEMBER, at=shanghai("2027-01-02 00:00"))


def test_an_early_closing_ends_the_period_and_begins_the_next_there(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.worked_example()
    at = ledger.now + timedelta(minutes=1)
    settlement = closed(engine, at=at, early=True)
    assert settlement.early
    assert settlement.period.ends_at == at
    with engine.connect() as connection:
        found = [(one.number, one.starts_at, one.ends_at) for one in read_periods(connection)]
    assert found == [
        (NOVEMBER, shanghai("2026-11-01 00:00"), at),
        (DECEMBER, at, shanghai("2027-01-01 00:00")),
    ]
    ledger.now = at
    [booking] = ledger.book(ledger.redeems(wang, "JADE", 100))
    assert booking.transaction.period == DECEMBER


def test_early_closings_may_follow_one_another(ledger: Ledger, engine: Engine) -> None:
    open_month_of(engine, "2026-11-15 10:00")
    closed(engine, at=shanghai("2026-11-20 09:00"), early=True)
    closed(engine, DECEMBER, at=shanghai("2026-11-21 09:00"), early=True)
    with engine.connect() as connection:
        last = read_periods(connection)[-1]
    assert (last.number, last.starts_at) == (JANUARY, shanghai("2026-11-21 09:00"))


def test_an_early_closing_does_not_cut_off_what_was_booked_meanwhile(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    settlement = closed(engine, at=shanghai("2026-11-15 10:00"), early=True)
    assert settlement.period.ends_at == ledger.now + timedelta(microseconds=1)
    assert nets(settlement)["JADE"] == -32_500


def test_an_early_closing_meets_a_next_month_that_is_open_already(ledger: Ledger, engine: Engine) -> None:
    open_month_of(engine, "2026-11-15 10:00")
    open_month_of(engine, "2026-12-01 00:00")
    closed(engine, at=shanghai("2026-11-30 23:59"), early=True)
    with engine.connect() as connection:
        december = read_periods(connection)[-1]
    assert december.starts_at == shanghai("2026-11-30 23:59")


def test_early_means_nothing_once_the_period_has_ended(ledger: Ledger, engine: Engine) -> None:
    open_month_of(engine, "2026-11-15 10:00")
    settlement = closed(engine, early=True)
    assert not settlement.early
    assert settlement.period.ends_at == shanghai("2026-12-01 00:00")


def test_late_transactions_are_booked_in_the_open_period(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.worked_example()
    closed(engine)
    ledger.now = AFTER
    [booking] = ledger.book(ledger.pays_cash(wang, "LOTUS", 1_000, occurred="2026-11-30 12:00"))
    assert (booking.transaction.period, booking.transaction.late) == (DECEMBER, True)
    with engine.begin() as connection:
        assert check_recomputed(connection, NOVEMBER)


def test_without_a_time_the_databases_clock_counts(ledger: Ledger, engine: Engine) -> None:
    open_month_of(engine, "2020-01-15 10:00")
    with engine.begin() as connection:
        settlement = close_period(connection, 202001, closed_by="tests")
    assert isinstance(settlement, Settlement)
    assert settlement.closed_at is not None
    assert settlement.closed_at > shanghai("2026-01-01 00:00")


def test_closing_waits_for_a_posting_in_flight_and_none_lands_after(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.worked_example()
    in_flight, may_commit = threading.Event(), threading.Event()

    def hold_the_commit(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        in_flight.set()
        assert may_commit.wait(20)

    command = ledger.redeems(wang, "LOTUS", 1_000)
    posting = threading.Thread(target=ledger.post, args=(command,), kwargs={"alongside": hold_the_commit})
    results: list[Settlement | CloseRefusal] = []
    closing = threading.Thread(target=lambda: results.append(close(engine)))
    posting.start()
    assert in_flight.wait(20)
    closing.start()
    closing.join(0.5)
    assert closing.is_alive(), "closing did not wait"
    may_commit.set()
    posting.join(20)
    closing.join(20)
    [settlement] = results
    assert isinstance(settlement, Settlement)
    # 680 of the 1,000 points are LOTUS's own; the other 320 are JADE's.
    assert nets(settlement)["JADE"] == -32_500 - 320
    # The writer's clock still shows November, but November is closed.
    [booking] = ledger.book(ledger.redeems(wang, "JADE", 100))
    assert booking.transaction.period == DECEMBER
    assert booking.transaction.booked_at == shanghai("2026-12-01 00:00")
    with engine.begin() as connection:
        assert check_recomputed(connection, NOVEMBER)


def test_a_closing_that_fails_leaves_nothing_half_done(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    with engine.begin() as connection:
        connection.execute(update(positions).values(issuer_id=99).where(positions.c.kind == 3))
    with pytest.raises(NotZeroSum):
        close(engine)
    with engine.connect() as connection:
        assert connection.execute(select(periods.c.state)).scalar_one() == "open"
        assert connection.execute(select(settlements)).first() is None
        assert connection.execute(select(settlement_nets)).first() is None


def test_another_isolation_level_is_refused(ledger: Ledger, engine: Engine) -> None:
    repeatable = engine.execution_options(isolation_level="REPEATABLE READ")
    with repeatable.connect() as connection, pytest.raises(RuntimeError, match="READ COMMITTED"):
        close_period(connection, NOVEMBER, at=AFTER, closed_by="tests")


def test_recomputing_notices_a_net_that_is_not_the_journals(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    closed(engine)
    tampered = update(settlement_nets).where(settlement_nets.c.net == 29_820)
    with engine.begin() as connection:
        connection.execute(tampered.values(receivable=30_001, net=29_821))
    with engine.begin() as connection:
        assert not check_recomputed(connection, NOVEMBER)
        with pytest.raises(ValueError, match="2026-12 is not closed"):
            check_recomputed(connection, DECEMBER)


def test_closing_costs_the_same_statements_however_many_transactions(ledger: Ledger, engine: Engine) -> None:
    def statements_to_close(number: int, at: datetime) -> int:
        seen: list[str] = []

        def note(*args: object) -> None:
            seen.append(str(args[2]))

        event.listen(engine, "before_cursor_execute", note)
        closed(engine, number, at)
        event.remove(engine, "before_cursor_execute", note)
        assert not any(transactions.name in statement for statement in seen)
        return len(seen)

    wang = ledger.worked_example()
    few = statements_to_close(NOVEMBER, AFTER)
    ledger.now = AFTER
    ledger.book(*(ledger.pays_cash(wang, at, 100) for at in ("LOTUS", "PINE") * 50))
    ledger.book(ledger.redeems(wang, "PINE", 100))
    assert statements_to_close(DECEMBER, shanghai("2027-01-01 00:10")) == few


def test_a_later_name_does_not_change_an_issued_statement(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    closed(engine)
    with engine.begin() as connection:
        connection.execute(update(participants).values(name="Another name"))
        assert {one.participant_name for one in list_statements(connection)} == {"Jade", "Lotus", "Pine"}
