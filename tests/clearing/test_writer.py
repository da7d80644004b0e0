"""The writer: its number, its connection, and the periods it finds missing."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import OperationalError

from clearing import periods as periods_module
from clearing import writer as writer_module
from clearing.core.limits import WRITERS
from clearing.core.outcomes import Code, Posted, Refusal, Replayed
from clearing.locks import WRITERS as WRITER_LOCK
from clearing.tables import JOURNAL, periods, positions, transactions
from clearing.writer import NoFreeWriter, Writer
from settlement.close import close_period
from support.ledger import Ledger, shanghai


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


def touch(writer: Writer) -> int:
    """Have the writer connect; its number."""
    writer.transact(lambda connection: None)
    return writer.number


def leases(engine: Engine) -> set[int]:
    query = "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = :lock AND database ="
    with engine.connect() as connection:
        rows = connection.execute(
            text(query + " (SELECT oid FROM pg_database WHERE datname = current_database())"),
            {"lock": WRITER_LOCK},
        )
        return set(rows.scalars())


SECONDS = 20.0


def break_connection(engine: Engine, application_name: str = "tests") -> None:
    """End every other connection to the database, as a restart of the server would."""
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_two_writers_have_two_numbers_and_a_closed_one_gives_its_own_back(engine: Engine) -> None:
    with Writer(engine) as first, Writer(engine) as second:
        assert (touch(first), touch(second)) == (0, 1)
        assert leases(engine) == {0, 1}
        first.close()
        with Writer(engine) as third:
            assert touch(third) == 0
        assert touch(first) == 0
    assert leases(engine) == set()


def test_a_writer_that_was_not_used_holds_nothing(engine: Engine) -> None:
    with Writer(engine):
        assert leases(engine) == set()
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_ids_are_the_writers_own_before_it_has_posted_and_after_it_was_closed(engine: Engine) -> None:
    with Writer(engine) as first, Writer(engine) as second:
        numbers = []
        for _ in range(2):
            made = [next(writer.ids) for writer in (second, first)]
            numbers.append([id_ >> 12 & 1023 for id_ in made])
            assert numbers[-1] == [second.number, first.number]
            first.close()
            second.close()
        assert numbers == [[0, 1], [0, 1]]


def test_closing_twice_is_the_same_as_once(engine: Engine) -> None:
    writer = Writer(engine)
    touch(writer)
    writer.close()
    writer.close()
    assert leases(engine) == set()


def test_a_writer_whose_connection_broke_takes_a_new_number(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    ledger.book(ledger.pays_cash(wang, "JADE", 100))
    break_connection(engine)
    deadline = time.monotonic() + SECONDS
    while leases(engine):  # the server gives them back when it has ended the session
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with Writer(engine) as other:
        assert touch(other) == 0
        command = ledger.pays_cash(wang, "JADE", 200)
        with pytest.raises(OperationalError):
            ledger.post(command)
        [outcome] = ledger.post(command)
        assert isinstance(outcome, Posted)
        assert ledger.writer.number == 1
    assert outcome.booking.transaction.amount == 200


def test_without_a_free_number_nothing_is_posted_however_often_it_is_tried(
    ledger: Ledger, engine: Engine
) -> None:
    wang = ledger.enrol("JADE")
    command = ledger.pays_cash(wang, "JADE", 100)
    with engine.connect() as hog:
        take = "SELECT count(pg_advisory_lock(:lock, number)) FROM generate_series(0, :last) AS number"
        hog.execute(text(take), {"lock": WRITER_LOCK, "last": WRITERS - 1})
        for _ in range(3):
            with pytest.raises(NoFreeWriter, match="stop a server"):
                ledger.post(command)
        hog.execute(text("SELECT pg_advisory_unlock(:lock, 7)"), {"lock": WRITER_LOCK})
        assert isinstance(ledger.post(command)[0], Posted)
        assert ledger.writer.number == 7


def test_running_positions_are_kept_in_the_writers_own_stripe(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    with Writer(engine) as other:
        touch(other)
        ledger.book(ledger.pays_cash(wang, "PINE", 100))
        other.post([ledger.pays_cash(wang, "PINE", 100)])
        with engine.connect() as connection:
            stripes = set(connection.execute(select(positions.c.stripe)).scalars())
    assert stripes == {0, 1}


def test_a_period_is_opened_by_the_first_posting_in_it(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    ledger.now = shanghai("2026-11-30 23:59:57")
    booked = [ledger.book(ledger.pays_cash(wang, "JADE", 100))[0] for _ in range(3)]
    assert [one.transaction.period for one in booked] == [202611, 202612, 202612]
    with engine.connect() as connection:
        rows = connection.execute(select(periods).order_by(periods.c.number)).all()
    assert [(row.number, row.state) for row in rows] == [(202611, "open"), (202612, "open")]
    assert rows[0].ends_at == rows[1].starts_at == shanghai("2026-12-01 00:00")


def test_a_refusal_alone_opens_no_period(ledger: Ledger, engine: Engine) -> None:
    [refused] = ledger.post(ledger.redeems(ledger.enrol("JADE"), "JADE", 100))
    assert isinstance(refused, Refusal)
    with engine.connect() as connection:
        assert connection.execute(select(periods)).all() == []


def test_every_table_of_the_journal_has_a_partition_for_the_period(ledger: Ledger, engine: Engine) -> None:
    ledger.book(ledger.pays_cash(ledger.enrol("JADE"), "JADE", 100))
    with engine.connect() as connection:
        for table in JOURNAL:
            found = connection.execute(text(f"SELECT to_regclass('{table.name}_202611')")).scalar_one()
            assert found is not None


def test_after_a_period_was_closed_postings_go_to_the_next(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    ledger.book(ledger.pays_cash(wang, "JADE", 100))
    with engine.begin() as connection:
        close_period(connection, 202611, at=ledger.now + timedelta(minutes=1), early=True, closed_by="t")
    # The clock of this writer lags behind the closing.
    [late] = ledger.book(ledger.pays_cash(wang, "JADE", 100))
    assert late.transaction.period == 202612
    ledger.now = shanghai("2026-11-20 10:00")
    [later] = ledger.book(ledger.pays_cash(wang, "JADE", 100))
    assert later.transaction.period == 202612


def test_history_of_a_month_that_is_closed_at_that_moment_is_refused(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wang = ledger.enrol("JADE")
    ledger.book(ledger.pays_cash(wang, "JADE", 100))
    open_period = periods_module.open_period_for

    def open_after_a_closing(*args: Any) -> Any:
        monkeypatch.undo()
        with engine.begin() as connection:
            close_period(connection, 202611, at=ledger.now + timedelta(minutes=1), early=True, closed_by="t")
        return open_period(*args)

    monkeypatch.setattr(periods_module, "open_period_for", open_after_a_closing)
    old = replace(ledger.pays_cash(wang, "JADE", 100, "2026-09-05 10:00"), historical=True)
    [refused] = ledger.post(old)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.PERIOD_CLOSED


def test_a_batch_of_history_may_need_any_number_of_periods(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    months = [f"{year}-{month:02d}-15 10:00" for year in (2024, 2025) for month in range(1, 13)]
    bookings = ledger.book(
        *(replace(ledger.pays_cash(wang, "JADE", 100, month), historical=True) for month in months)
    )
    assert len({booking.transaction.period for booking in bookings}) == 24


def test_what_the_caller_writes_alongside_stands_or_falls_with_the_batch(
    ledger: Ledger, engine: Engine
) -> None:
    wang = ledger.enrol("JADE")
    ledger.book(ledger.pays_cash(wang, "JADE", 100))

    def fail(*_: object) -> None:
        raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="the caller's own"):
        ledger.post(ledger.pays_cash(wang, "JADE", 100), alongside=fail)
    with engine.connect() as connection:
        assert len(connection.execute(select(transactions.c.id)).all()) == 1
    ledger.book(ledger.pays_cash(wang, "JADE", 100))


def test_a_fault_that_a_repetition_cures_is_repeated_and_no_other(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []

    def work(statement: str) -> None:
        def run(connection):  # type: ignore[no-untyped-def]
            attempts.append(1)
            if len(attempts) < 3:
                connection.exec_driver_sql(statement)

        ledger.writer.transact(run)

    deadlock = "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = 'deadlock_detected'; END $$"
    work(deadlock)
    assert len(attempts) == 3
    attempts.clear()
    with pytest.raises(Exception, match="division by zero"):
        work("SELECT 1 / 0")
    assert len(attempts) == 1


def test_it_gives_up_after_some_attempts(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "ATTEMPTS_MAX", 3)
    attempts: list[int] = []

    def work(connection):  # type: ignore[no-untyped-def]
        attempts.append(1)
        connection.exec_driver_sql(
            "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = 'serialization_failure'; END $$"
        )

    with pytest.raises(OperationalError):
        ledger.writer.transact(work)
    assert len(attempts) == 3


def test_a_key_sent_to_another_writer_is_a_replay(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    command = ledger.pays_cash(wang, "JADE", 100)
    [booked] = ledger.book(command)
    with Writer(engine) as other:
        [replayed] = other.post([command])
    assert isinstance(replayed, Replayed)
    assert replayed.recorded.transaction_id == booked.transaction.id


def test_a_reversal_s_number_is_taken_though_its_original_is_captured_only_now(ledger: Ledger) -> None:
    wang = ledger.worked_example()
    [booked] = ledger.book(ledger.redeems(wang, "JADE", 100))
    ledger.book(replace(ledger.reverses(booked, 10), reference="R-1"))
    hold = ledger.holds(wang, "JADE", 50)
    reversal = replace(ledger.reverses(booked), transaction_id=hold.id, reference="R-1")
    [captured, refused] = ledger.post(ledger.captures(hold), reversal)
    assert isinstance(captured, Posted)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.DUPLICATE_REFERENCE
