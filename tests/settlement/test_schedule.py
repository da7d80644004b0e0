"""The schedule runs what is due, and one process at a time runs a job."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from api.jobs import seal_job
from clearing.locks import JOBS
from clearing.proof.heads import read_head
from clearing.writer import Writer
from settlement import schedule
from settlement.schedule import LAPSE, Job, Schedule, run_job
from support.ledger import Ledger
from support.sealing import keys

SECONDS_MAX = 20
SEALED_SECONDS_MAX = 5


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        wang = ledger.enrol("JADE")
        ledger.book(ledger.opens(wang, "JADE", 1_000, "2037-12-31"))
        ledger.holds(wang, "LOTUS", 400)
        yield ledger


def statuses(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT status FROM holds")).scalars())


def end_holds_and_lots(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE holds SET expires_at = now() - interval '1 s'"))
        connection.execute(text("UPDATE lots SET expires_on = '2026-11-01'"))


def test_what_fell_due_while_nobody_ran_is_done_soon_after_the_start(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "LAPSE_SECONDS", 0.1)
    end_holds_and_lots(engine)
    jobs = Schedule(engine)
    jobs.start()
    try:
        give_up_at = time.monotonic() + SECONDS_MAX
        while statuses(engine) != ["expired"] or not _breakage(engine):
            assert time.monotonic() < give_up_at, statuses(engine)
            time.sleep(0.05)
    finally:
        jobs.stop()


def test_what_is_posted_is_sealed_within_five_seconds(ledger: Ledger, engine: Engine) -> None:
    def waiting() -> int:
        with engine.connect() as connection:
            query = text(
                "SELECT count(*) FROM transactions WHERE id NOT IN (SELECT transaction_id FROM tree_leaves)"
            )
            return int(connection.execute(query).scalar_one())

    jobs = Schedule(engine, further=[seal_job(keys)])
    jobs.start()
    try:
        for _ in range(3):
            ledger.book(ledger.pays_cash("JADE-1001", "JADE", 1_000))
            committed_at = time.monotonic()
            while waiting():
                assert time.monotonic() < committed_at + SEALED_SECONDS_MAX
                time.sleep(0.05)
    finally:
        jobs.stop()
    with engine.connect() as connection:
        assert read_head(connection) is not None


def test_a_job_that_runs_elsewhere_is_left_to_the_other(ledger: Ledger, engine: Engine) -> None:
    end_holds_and_lots(engine)
    with engine.connect() as other:
        other.exec_driver_sql("SELECT pg_advisory_lock(%s, %s)", (JOBS, LAPSE.number))
        assert run_job(engine, LAPSE) is None
        assert statuses(engine) == ["held"]
        other.exec_driver_sql("SELECT pg_advisory_unlock(%s, %s)", (JOBS, LAPSE.number))
    assert run_job(engine, LAPSE) == 1
    assert statuses(engine) == ["expired"]


def test_the_lock_is_given_back_when_a_job_fails(ledger: Ledger, engine: Engine) -> None:
    def fail(_: Engine, __: Writer) -> None:
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            run_job(engine, Job("failing", 99, fail))


def _breakage(engine: Engine) -> int:
    with engine.connect() as connection:
        query = text("SELECT coalesce(sum(quantity), 0) FROM entries WHERE kind = 16")
        return int(connection.execute(query).scalar_one())
