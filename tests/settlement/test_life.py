"""The life of a period: closed by the clock, approved by a second person, settled when nothing is left."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, select, text, update

import settlement.close as close_module
from clearing.core.calendar import PeriodState
from clearing.core.commands import Command
from clearing.core.outcomes import Posted
from clearing.one_by_one import NotAllDone
from clearing.tables import periods, rulebooks, transactions
from clearing.upkeep import CLOCK
from clearing.verify import frozen
from clearing.writer import Writer
from settlement.close import (
    CloseRefusal,
    check_recomputed,
    close_and_check,
    close_due,
    close_period,
    cut_off,
    finish_unfinished,
    settle_period,
)
from settlement.core.balance import PaymentDirection
from settlement.job_runs import read_states, run_job
from settlement.jobs import CLOSE, EXPIRE, Counts
from settlement.judging import NewPayment
from settlement.life import approve_period, check_and_approve
from settlement.payments import carry_forward, record_payment
from settlement.present import settlement_json
from settlement.query import Settlement, list_statements, read_settlement
from settlement.refusals import Refusal, Refused
from settlement.tables import settlements
from settlement.verify import verify
from support.ledger import SHANGHAI, Ledger, shanghai

OCTOBER, NOVEMBER, DECEMBER = 202610, 202611, 202612
END = shanghai("2026-12-01 00:00")


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


def settings(engine: Engine, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(update(rulebooks).values(**values))


def opened(engine: Engine, number: int, at: str) -> None:
    """As if the period had been opened then."""
    with engine.begin() as connection:
        connection.execute(update(periods).where(periods.c.number == number).values(opened_at=shanghai(at)))


def states(engine: Engine) -> dict[int, tuple[str, str | None]]:
    """By period, its state and who closed it."""
    query = select(periods.c.number, periods.c.state, settlements.c.closed_by).outerjoin(settlements)
    with engine.connect() as connection:
        return {number: (state, by) for number, state, by in connection.execute(query)}


def close(engine: Engine, number: int = NOVEMBER, closed_by: str = "anna") -> Settlement:
    done = close_and_check(engine, number, at=END + timedelta(minutes=10), closed_by=closed_by)
    assert isinstance(done, Settlement)
    return done


def approve(engine: Engine, approved_by: str = "bert") -> Settlement | Refusal:
    return check_and_approve(engine, NOVEMBER, approved_by)


def pay(engine: Engine, who: int, direction: PaymentDirection, amount: int) -> None:
    with engine.begin() as connection:
        payment = NewPayment(who, direction, amount, f"bank {who}")
        assert not isinstance(record_payment(connection, NOVEMBER, payment, "carla"), Refusal)


# ---- closing by the clock ------------------------------------------------------------------------


def test_a_month_is_closed_when_it_has_ended_and_been_quiet(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    opened(engine, NOVEMBER, "2026-11-01 00:00")
    assert close_due(engine, END + timedelta(minutes=10, seconds=-1)) == 0
    assert close_due(engine, END + timedelta(minutes=10)) == 1
    assert close_due(engine, END + timedelta(minutes=11)) == 0
    with engine.connect() as connection:
        settlement = read_settlement(connection, NOVEMBER)
    assert settlement is not None
    assert (settlement.closed_by, settlement.recomputed) == (CLOCK.key_id, True)
    assert settlement.period.ends_at == END


@pytest.mark.parametrize(("minutes", "closed"), [(0, 1), (60, 0), (None, 0)])
def test_the_quiet_time_is_a_setting_and_may_be_off(
    ledger: Ledger, engine: Engine, minutes: int | None, closed: int
) -> None:
    ledger.worked_example()
    opened(engine, NOVEMBER, "2026-11-01 00:00")
    settings(engine, close_quiet_minutes=minutes)
    assert close_due(engine, END + timedelta(minutes=30)) == closed


def test_after_months_off_each_month_is_closed_in_its_order_empty_ones_too(
    ledger: Ledger, engine: Engine
) -> None:
    ledger.worked_example()
    opened(engine, NOVEMBER, "2026-11-01 00:00")
    assert close_due(engine, shanghai("2027-02-01 00:10")) == 3
    assert states(engine) == {
        NOVEMBER: ("closed", CLOCK.key_id),
        DECEMBER: ("closed", CLOCK.key_id),
        202701: ("closed", CLOCK.key_id),
    }
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_history_is_closed_by_hand_and_what_follows_waits_for_it(ledger: Ledger, engine: Engine) -> None:
    ledger.now = shanghai("2026-10-10 10:00")
    wang = ledger.worked_example()
    ledger.now = shanghai("2026-11-15 10:00")
    ledger.book(ledger.pays_cash(wang, "PINE", 1_000))
    opened(engine, OCTOBER, "2026-11-15 09:00")  # after its end: somebody loads October
    opened(engine, NOVEMBER, "2026-11-01 00:00")
    assert close_due(engine, END + timedelta(days=1)) == 0
    close(engine, OCTOBER)
    assert close_due(engine, END + timedelta(days=1)) == 1
    assert states(engine)[NOVEMBER] == ("closed", CLOCK.key_id)


def test_the_month_after_closed_history_is_left_to_whoever_loads_it(ledger: Ledger, engine: Engine) -> None:
    ledger.now = shanghai("2026-09-10 10:00")
    ledger.worked_example()
    opened(engine, 202609, "2026-11-15 09:00")
    close(engine, 202609)
    assert close_due(engine, END + timedelta(days=1)) == 0
    assert list(states(engine)) == [202609]


# ---- the end of points waits for history ---------------------------------------------------------


def load_history(ledger: Ledger, engine: Engine, at: str, *commands: Command) -> None:
    """A file of the past, loaded on 15 November; its rows are booked when they occurred."""
    with Writer(engine, fixed_time=lambda: shanghai("2026-11-15 10:00")) as writer:
        rows = [replace(one, historical=True, occurred_at=shanghai(at)) for one in commands]
        outcomes = writer.post(rows)
    assert [type(one) for one in outcomes] == [Posted] * len(rows), outcomes
    opened(engine, int(at[:4] + at[5:7]), "2026-11-15 10:00")


def nightly(engine: Engine) -> Counts:
    counts = run_job(engine, EXPIRE, shanghai("2026-11-16 00:05"))
    assert counts is not None
    return counts


@pytest.mark.parametrize("september_is_closed", [False, True])
def test_a_nightly_run_between_two_files_of_history_takes_nothing_from_the_second(
    ledger: Ledger, engine: Engine, september_is_closed: bool
) -> None:
    wang = ledger.enrol("JADE")
    load_history(
        ledger,
        engine,
        "2026-09-10 10:00",
        ledger.opens(wang, "JADE", 500, "2026-10-31"),
        ledger.opens(wang, "JADE", 70, "2026-09-30"),
    )
    if september_is_closed:
        close(engine, 202609)
    # What ended before October cannot be asked for any more, once September is closed.
    assert nightly(engine)["points"] == (70 if september_is_closed else 0)
    load_history(ledger, engine, "2026-10-20 10:00", ledger.redeems(wang, "LOTUS", 500))
    close(engine, 202609)
    close(engine, OCTOBER)
    load_history(ledger, engine, "2026-11-02 10:00", ledger.pays_cash(wang, "LOTUS", 100))
    opened(engine, NOVEMBER, "2026-11-01 00:00")
    assert nightly(engine)["points"] == (0 if september_is_closed else 70)
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_files_of_history_may_come_in_any_order_as_long_as_nothing_is_closed(
    ledger: Ledger, engine: Engine
) -> None:
    wang = ledger.enrol("JADE")
    load_history(ledger, engine, "2026-08-31 10:00", ledger.opens(wang, "JADE", 500, "2026-09-30"))
    load_history(ledger, engine, "2026-10-20 10:00", ledger.pays_cash(wang, "LOTUS", 100))
    assert nightly(engine)["lots"] == 0
    load_history(ledger, engine, "2026-09-20 10:00", ledger.redeems(wang, "LOTUS", 500))


def test_points_end_while_nobody_loads_history(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    ledger.now = shanghai("2026-08-10 10:00")
    ledger.book(ledger.opens(wang, "JADE", 30, "2026-08-31"))
    opened(engine, 202608, "2026-08-01 00:00")
    # September was empty: the clock has opened it when it was over, to close it.
    assert close_due(engine, shanghai("2026-10-01 10:00")) == 2
    ledger.now = shanghai("2026-10-10 10:00")
    ledger.book(ledger.opens(wang, "JADE", 500, "2026-11-15"))
    opened(engine, OCTOBER, "2026-10-01 00:00")
    assert nightly(engine) == {"lots": 2, "points": 530, "value": 0, "arrears_paid": 0}


@pytest.mark.parametrize("after", [cut_off, close_period])
def test_a_closing_that_was_cut_off_is_made_up_for(
    ledger: Ledger, engine: Engine, after: Callable[..., object]
) -> None:
    """Between cut-off and nets, and between nets and the check."""
    ledger.worked_example()
    with engine.begin() as connection:
        after(connection, NOVEMBER, at=END, closed_by="anna")
    with frozen(engine) as connection:
        assert list(verify(connection)) == []
        between = read_settlement(connection, NOVEMBER)
    assert between is not None
    assert between.zero_sum
    assert finish_unfinished(engine) == 1
    assert finish_unfinished(engine) == 0
    with engine.connect() as connection:
        assert connection.execute(select(settlements.c.recomputed)).scalar_one() is True
        finished = read_settlement(connection, NOVEMBER)
        assert len(list_statements(connection)) == 3
    assert finished is not None
    assert finished.netting == between.netting


def test_a_month_is_settled_after_those_before_it(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.worked_example()
    ledger.now = shanghai("2026-12-05 10:00")
    ledger.book(ledger.pays_cash(wang, "PINE", 1_000))
    for number, at in ((NOVEMBER, END), (DECEMBER, shanghai("2027-01-01 00:10"))):
        with engine.begin() as connection:
            assert cut_off(connection, number, at=at, closed_by="anna") is None
    with engine.begin() as connection:
        settle_period(connection, DECEMBER)
        opening = {one.number: one.opening_balance for one in list_statements(connection)}
    assert opening["2026-12-JADE-1"] == -32_500
    assert finish_unfinished(engine) == 2
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def two_months(ledger: Ledger, engine: Engine) -> None:
    """November and December, both over and open."""
    wang = ledger.worked_example()
    ledger.now = shanghai("2026-12-05 10:00")
    ledger.book(ledger.pays_cash(wang, "PINE", 1_000))
    opened(engine, NOVEMBER, "2026-11-01 00:00")
    opened(engine, DECEMBER, "2026-12-01 00:00")


def fails_for(monkeypatch: pytest.MonkeyPatch, name: str, wrong: int) -> None:
    """A step of closing fails for one period."""
    step = getattr(close_module, name)

    def failing(connection: Connection, number: int, **given: Any) -> Any:
        if number == wrong:
            raise ArithmeticError("does not add up")
        return step(connection, number, **given)

    monkeypatch.setattr(close_module, name, failing)


def test_a_month_that_cannot_be_finished_does_not_hold_up_the_next(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_months(ledger, engine)
    with monkeypatch.context() as patched:
        fails_for(patched, "check_recomputed", NOVEMBER)
        for _ in range(2):  # first it is closed, then it is left unfinished
            with pytest.raises(NotAllDone, match=r"^2026-11: ArithmeticError: does not add up$"):
                run_job(engine, CLOSE, shanghai("2027-01-01 00:10"))
    with engine.connect() as connection:
        state = read_states(connection)["close_periods"]
        checked = dict(connection.execute(select(settlements.c.period, settlements.c.recomputed)).all())
        assert len(list_statements(connection)) == 6
    assert checked == {NOVEMBER: None, DECEMBER: True}
    assert state.error == "Not all was done. 2026-11: ArithmeticError: does not add up"
    assert finish_unfinished(engine) == 1
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_what_was_done_beside_a_month_that_failed_is_counted(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_months(ledger, engine)
    fails_for(monkeypatch, "check_recomputed", NOVEMBER)
    with pytest.raises(NotAllDone) as told:
        close_due(engine, shanghai("2027-01-01 00:10"))
    assert told.value.counts == {"closed": 1}


def test_a_month_that_cannot_be_cut_off_is_tried_once_in_a_run(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later ones cannot be closed before it."""
    two_months(ledger, engine)
    fails_for(monkeypatch, "cut_off", NOVEMBER)
    with pytest.raises(NotAllDone, match=r"^2026-11: "):
        close_due(engine, shanghai("2027-01-01 00:10"))
    assert {state for state, _ in states(engine).values()} == {"open"}


# ---- approval ------------------------------------------------------------------------------------


def test_one_person_may_close_and_approve_unless_dual_control_is_on(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    close(engine)
    done = approve(engine, "anna")
    assert isinstance(done, Settlement)
    assert (done.period.state, done.approved_by) == (PeriodState.APPROVED, "anna")


@pytest.mark.parametrize("when", ["at closing", "now"])
def test_dual_control_takes_another_person(ledger: Ledger, engine: Engine, when: str) -> None:
    ledger.worked_example()
    if when == "at closing":
        settings(engine, dual_control=True)
    close(engine)
    settings(engine, dual_control=True)
    if when == "at closing":
        # Switched off afterwards: what was closed under it stays under it.
        with engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO rulebooks SELECT 2, made_at, made_by, time_zone, currency, point_value,"
                    " reimbursement_rate, draw_order, grace_days, vat_rate, hold_minutes_default,"
                    " hold_minutes_max FROM rulebooks"
                )
            )
    refused = approve(engine, "anna")
    assert isinstance(refused, Refusal)
    assert refused.code is Refused.FORBIDDEN
    assert isinstance(approve(engine, "bert"), Settlement)


def test_approving_twice_is_the_same_as_once(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    close(engine)
    first = approve(engine)
    assert approve(engine, "anna") == first


def test_only_a_closed_period_that_adds_up_is_approved(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    unknown = check_and_approve(engine, DECEMBER, "bert")
    still_open = approve(engine)
    with engine.begin() as connection:
        close_period(connection, NOVEMBER, at=END, closed_by="anna")
        unchecked = approve_period(connection, NOVEMBER, "bert")
    with engine.begin() as connection:
        connection.execute(text("UPDATE settlement_nets SET receivable = receivable + 1, net = net + 1"))
        assert not check_recomputed(connection, NOVEMBER)
    refusals = (unknown, still_open, unchecked, approve(engine))
    assert all(isinstance(one, Refusal) for one in refusals)
    assert [one.code for one in refusals if isinstance(one, Refusal)] == [
        Refused.NOT_FOUND,
        Refused.PERIOD_NOT_CLOSED,
        Refused.NOT_REPRODUCED,
        Refused.NOT_REPRODUCED,
    ]


# ---- settlement ----------------------------------------------------------------------------------


def test_a_period_in_which_nothing_is_due_is_settled_when_it_is_approved(
    ledger: Ledger, engine: Engine
) -> None:
    ledger.book(ledger.opens(ledger.enrol("JADE"), "JADE", 1, "2027-01-01"))
    assert close(engine).period.state is PeriodState.CLOSED
    done = approve(engine)
    assert isinstance(done, Settlement)
    assert done.period.state is PeriodState.SETTLED
    assert done.settled_at is not None
    assert {line["payment"] for line in settlement_json(done)["participants"]} == {"nothing_due"}


def test_a_period_is_settled_when_every_net_is_paid_or_carried_forward(
    ledger: Ledger, engine: Engine
) -> None:
    ledger.worked_example()
    ids = ledger.participant_ids
    close(engine)
    pay(engine, ids["JADE"], PaymentDirection.IN, 32_500)  # came before the approval
    approve(engine)
    pay(engine, ids["LOTUS"], PaymentDirection.OUT, 1_770)
    assert states(engine)[NOVEMBER][0] == "approved"
    with engine.connect() as connection:
        half_way = read_settlement(connection, NOVEMBER)
    assert half_way is not None
    shown = [(one["code"], one["state"], one["payment"]) for one in settlement_json(half_way)["participants"]]
    assert shown == [
        ("JADE", "settled", "paid"),
        ("LOTUS", "settled", "paid"),
        ("PINE", "approved", "unpaid"),
    ]
    with engine.begin() as connection:
        carry_forward(connection, NOVEMBER, ids["PINE"], "agreed", "anna")
    assert states(engine)[NOVEMBER][0] == "settled"
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


# ---- crashes, and closing under load -------------------------------------------------------------


class Crash(Exception):
    pass


def test_a_crash_at_any_step_leaves_the_same_result(ledger: Ledger, engine: Engine) -> None:
    """Before each statement of each transaction in turn the process ends; the next attempt begins anew."""
    ids = ledger.participant_ids
    ledger.worked_example()
    paid = NewPayment(ids["JADE"], PaymentDirection.IN, 32_500, "bank 1")
    steps: list[Callable[[Connection], object]] = [
        lambda connection: cut_off(connection, NOVEMBER, at=END, closed_by="anna"),
        lambda connection: settle_period(connection, NOVEMBER),
        lambda connection: check_recomputed(connection, NOVEMBER),
        lambda connection: approve_period(connection, NOVEMBER, "bert"),
        lambda connection: record_payment(connection, NOVEMBER, paid, "carla"),
        lambda connection: carry_forward(connection, NOVEMBER, ids["PINE"], "agreed", "anna"),
    ]
    for step in steps:
        crashes = _crashing_before_every_statement(engine, step)
        assert crashes > 2
    with engine.connect() as connection:
        settlement = read_settlement(connection, NOVEMBER)
        assert settlement is not None
        assert len(list_statements(connection)) == 3
        for table, count in (("payments", 1), ("carry_forwards", 1), ("settlements", 1), ("events", 8)):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == count
    shown = [
        (one["code"], one["net"], one["outstanding"]) for one in settlement_json(settlement)["participants"]
    ]
    assert shown == [("JADE", -32_500, 0), ("LOTUS", 1_770, 1_770), ("PINE", 29_820, 0)]
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def _crashing_before_every_statement(engine: Engine, step: Callable[[Connection], object]) -> int:
    """Do the step until it comes to its end, each time one statement further; how often it did not."""
    crashes = 0
    while True:
        left = crashes + 1

        def count(*_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Crash

        event.listen(engine, "before_cursor_execute", count)
        try:
            with engine.begin() as connection:
                outcome = step(connection)
        except Crash:
            crashes += 1
        else:
            assert not isinstance(outcome, Refusal | CloseRefusal), outcome
            return crashes
        finally:
            event.remove(engine, "before_cursor_execute", count)


def test_closing_under_load_puts_each_transaction_into_exactly_one_period(engine: Engine) -> None:
    """Three writers post, by the database's clock, while the month in course is closed early."""
    with engine.connect() as connection:
        now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    local = now.astimezone(SHANGHAI)
    with Ledger(engine, f"{local:%Y-%m-%d %H:%M}") as ledger:
        _close_under_load(ledger, engine, local.year * 100 + local.month)


def _close_under_load(ledger: Ledger, engine: Engine, number: int) -> None:
    cards = [ledger.enrol("JADE") for _ in range(6)]
    ledger.book(*(ledger.opens(card, "JADE", 10**8, "2036-12-31") for card in cards))
    ledger.book(ledger.redeems(cards[0], "LOTUS", 1))
    commands = [
        [
            ledger.redeems(card, at, 10)
            for _ in range(60)
            for at in ("LOTUS", "PINE")
            for card in cards[pair::3]
        ]
        for pair in range(3)
    ]
    began, slowest, errors = threading.Barrier(4), [0.0], []

    def post(own: list[Any]) -> None:
        try:
            with Writer(engine) as writer:
                began.wait(30)
                for start in range(0, len(own), 5):
                    before = time.monotonic()
                    writer.post(own[start : start + 5])
                    slowest[0] = max(slowest[0], time.monotonic() - before)
        except BaseException as error:
            errors.append(error)
            raise

    writers = [threading.Thread(target=post, args=(own,)) for own in commands]
    for thread in writers:
        thread.start()
    began.wait(30)
    time.sleep(0.05)
    done = close_and_check(engine, number, early=True, closed_by="anna")
    for thread in writers:
        thread.join(60)
    assert not errors
    assert isinstance(done, Settlement)
    assert done.recomputed, "the nets are the journal's"
    with frozen(engine) as connection:
        assert list(verify(connection)) == []
        booked = connection.execute(
            text("SELECT count(*), count(DISTINCT id) FROM transactions WHERE kind = 2")
        ).one()
        late = select(transactions.c.id).where(
            transactions.c.period <= number, transactions.c.booked_at >= done.period.ends_at
        )
        assert connection.execute(late).first() is None
    assert tuple(booked) == (sum(map(len, commands)) + 1,) * 2
    assert slowest[0] < 20, "no posting was left standing"
