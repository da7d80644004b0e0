"""The schedule: one process leads, another takes over when it dies, and what was missed is made up for."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

import settlement.jobs as jobs_module
from api.jobs import LISTED, seal_job
from clearing.alliance import change_settings
from clearing.locks import JOBS as LOCK
from clearing.proof.heads import read_head
from clearing.verify import Check
from clearing.writer import Writer
from settlement import schedule
from settlement.core.timetable import Daily, Every, Monthly
from settlement.job_runs import CUT_OFF, list_runs, read_states, run_job
from settlement.jobs import EXPIRE, LAPSE, VERIFY, Counts, Differs, Job
from settlement.schedule import Lead, Schedule, is_led
from settlement.verify import checks
from support.core import SHANGHAI
from support.ledger import Ledger
from support.sealing import keys

SECONDS_MAX = 60
SEALED_SECONDS_MAX = 5
PAGO_PAGO = ZoneInfo("Pacific/Pago_Pago")
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        wang = ledger.enrol("JADE")
        ledger.book(ledger.opens(wang, "JADE", 1_000, "2037-12-31"))
        ledger.holds(wang, "LOTUS", 400)
        with engine.begin() as connection:
            connection.execute(text("UPDATE holds SET expires_at = now() + interval '1 day'"))
        yield ledger


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "LEAD_SECONDS", 0.1)


def statuses(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT status FROM holds")).scalars())


def end_holds_and_lots(engine: Engine) -> None:
    with engine.begin() as connection:
        # Nobody is loading history, whenever the tests are run.
        connection.execute(text("UPDATE periods SET opened_at = starts_at"))
        connection.execute(text("UPDATE holds SET expires_at = now() - interval '1 s'"))
        connection.execute(text("UPDATE lots SET expires_on = '2026-11-01'"))


def wait_until(holds: Callable[[], object], what: str) -> None:
    give_up_at = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < give_up_at, what
        time.sleep(0.05)


def runs(engine: Engine, job: Job) -> list[tuple[Counts | None, str | None]]:
    with engine.connect() as connection:
        return [(row.counts, row.error) for row in list_runs(connection, job.name, None, 10)]


def job(work: Callable[[Engine, Writer, datetime], Counts], when: Every | Daily, number: int = 99) -> Job:
    return Job("probe", number, when, "Tests", work)


def nothing(_: Engine, __: Writer, ___: datetime) -> Counts:
    return {"done": 0}


def fail(_: Engine, __: Writer, ___: datetime) -> Counts:
    raise ZeroDivisionError("by zero")


def test_what_fell_due_while_nobody_ran_is_done_soon_after_the_start(
    ledger: Ledger, engine: Engine, quick: None
) -> None:
    end_holds_and_lots(engine)
    jobs = Schedule(engine)
    jobs.start()
    try:
        wait_until(lambda: statuses(engine) == ["expired"] and _breakage(engine), "nothing was done")
    finally:
        jobs.stop()
    with engine.connect() as connection:
        assert not is_led(connection)


def test_a_job_that_fails_while_it_is_stopped_does_not_hold_it_up(engine: Engine, quick: None) -> None:
    begun, go_on = Event(), Event()

    def fail_late(_: Engine, __: Writer, ___: datetime) -> Counts:
        begun.set()
        go_on.wait(20)
        raise ZeroDivisionError("by zero")

    with Ledger(engine):
        jobs = Schedule(engine, (job(fail_late, Daily(2, 30)),))
        jobs.start()
        assert begun.wait(20), "the job was not begun"
        stopping = Thread(target=jobs.stop, daemon=True)
        stopping.start()
        wait_until(lambda: not jobs._scheduler.running, "it was not stopped")
        go_on.set()
        stopping.join(20)
        assert not stopping.is_alive()
        assert [error for _, error in runs(engine, jobs._jobs[0])] == ["ZeroDivisionError: by zero"]


def test_a_job_of_the_day_that_ran_today_is_not_run_again_at_a_start(engine: Engine, quick: None) -> None:
    with Ledger(engine):
        ran: list[str] = []

        def note(name: str) -> Callable[[Engine, Writer, datetime], Counts]:
            def work(_: Engine, __: Writer, ___: datetime) -> Counts:
                ran.append(name)
                return {}

            return work

        # Half a day from now, in either direction, so that midnight does not come into it.
        with engine.connect() as connection:
            now: datetime = connection.execute(text("SELECT now()")).scalar_one()
        when = Daily((now + timedelta(hours=8 + 12)).hour, 0)
        done = Job("done", 97, when, "", note("done"))
        missed = Job("missed", 98, when, "", note("missed"))
        run_job(engine, done)
        jobs = Schedule(engine, (done, missed))
        jobs.start()
        try:
            wait_until(lambda: "missed" in ran, "the missed job was not made up for")
        finally:
            jobs.stop()
        assert ran == ["done", "missed"]


def test_a_change_of_the_time_zone_moves_the_jobs_of_the_day_at_once(engine: Engine, quick: None) -> None:
    with Ledger(engine):
        ran: list[datetime] = []

        def note(_: Engine, __: Writer, at: datetime) -> Counts:
            ran.append(at)
            return {}

        with engine.connect() as connection:
            now: datetime = connection.execute(text("SELECT now()")).scalar_one()
        # A quarter of an hour ago in the west, so nineteen hours and more in Shanghai, and it ran since then.
        before = (now - timedelta(minutes=15)).astimezone(PAGO_PAGO)
        by_day, monthly = (
            job(note, Daily(before.hour, before.minute)),
            Job("m", 98, Monthly(28, 1, 0), "", nothing),
        )
        again = Job("again", 97, Every(3600), "", nothing)
        run_job(engine, by_day)
        with engine.begin() as connection:
            connection.execute(text("UPDATE job_states SET at = at - interval '1 hour'"))
        jobs = Schedule(engine, (by_day, monthly, again))

        def next_run(name: str) -> datetime:
            found: datetime = jobs._scheduler.get_job(name).next_run_time
            return found

        jobs.start()
        try:
            wait_until(lambda: jobs.leads and runs_again(jobs), "nobody leads")
            at = next_run("probe").astimezone(SHANGHAI)
            assert ((at.hour, at.minute), len(ran)) == ((before.hour, before.minute), 1)
            begun = next_run("again")
            with engine.begin() as connection:
                change_settings(connection, {"time_zone": PAGO_PAGO}, "tests")
            wait_until(lambda: len(ran) == 2, "what is due in the new zone was not done")
            for name, place in (("probe", (before.hour, before.minute)), ("m", (1, 0))):
                at = next_run(name).astimezone(PAGO_PAGO)
                assert (at.hour, at.minute) == place
            assert next_run("again") == begun, "what is run again and again goes on"
            time.sleep(0.5)
            assert len(ran) == 2
        finally:
            jobs.stop()


def runs_again(jobs: Schedule) -> bool:
    return jobs._scheduler.get_job("again") is not None


def test_one_leads_and_the_other_takes_over_when_it_gives_up(engine: Engine, quick: None) -> None:
    with Ledger(engine):
        first, second = Schedule(engine), Schedule(engine)
        first.start()
        wait_until(lambda: first.leads, "nobody leads")
        second.start()
        time.sleep(0.5)
        assert not second.leads
        first.stop()
        wait_until(lambda: second.leads, "nobody took over")
        second.stop()


def test_who_loses_its_session_loses_the_lead_and_may_have_it_again(engine: Engine) -> None:
    lead, other = Lead(engine), Lead(engine)
    assert lead.hold()
    assert lead.hold()
    assert not other.hold()
    with engine.connect() as connection:
        assert is_led(connection)
        holder = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE classid = :key AND objid = 0"
        connection.execute(text(holder), {"key": LOCK})
    wait_until(other.hold, "the lock was not free")
    assert not lead.hold()
    assert not lead.hold()
    other.give_up()
    wait_until(lead.hold, "the lead was not given back")
    lead.give_up()


def test_a_process_that_is_killed_is_followed_by_another(
    ledger: Ledger, engine: Engine, database_url: str, tmp_path: Path
) -> None:
    processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(name: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        processes[name] = subprocess.Popen(
            [sys.executable, "-c", "from api.cli import main; main()", "schedule"],
            cwd=PROJECT,
            env={**os.environ, "DATABASE_URL": database_url, "TONGDUI_DATA": str(folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def leader() -> str | None:
        with engine.connect() as connection:
            state = read_states(connection).get(LAPSE.name)
        pids = {str(process.pid): name for name, process in processes.items()}
        return None if state is None else pids.get(state.ran_by.rpartition(":")[2])

    try:
        start("one")
        wait_until(lambda: leader() == "one", "the first does not run jobs")
        start("two")
        time.sleep(1)
        assert leader() == "one"
        processes["one"].kill()
        processes["one"].wait()
        end_holds_and_lots(engine)
        wait_until(lambda: statuses(engine) == ["expired"], "nobody took over")
        wait_until(lambda: leader() == "two", "it was not the second")
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def test_what_is_posted_is_sealed_within_five_seconds(ledger: Ledger, engine: Engine) -> None:
    def waiting() -> int:
        with engine.connect() as connection:
            query = text(
                "SELECT count(*) FROM transactions WHERE id NOT IN (SELECT transaction_id FROM tree_leaves)"
            )
            return int(connection.execute(query).scalar_one())

    jobs = Schedule(engine, (seal_job(keys),))
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
        other.exec_driver_sql("SELECT pg_advisory_lock(%s, %s)", (LOCK, LAPSE.number))
        assert run_job(engine, LAPSE) is None
        assert statuses(engine) == ["held"]
        other.exec_driver_sql("SELECT pg_advisory_unlock(%s, %s)", (LOCK, LAPSE.number))
    assert run_job(engine, LAPSE) == {"lapsed": 1}
    assert statuses(engine) == ["expired"]


def test_what_is_not_due_at_the_time_asked_for_is_left(ledger: Ledger, engine: Engine) -> None:
    end_holds_and_lots(engine)
    with engine.connect() as connection:
        now: datetime = connection.execute(text("SELECT now()")).scalar_one()
    assert run_job(engine, LAPSE, now - timedelta(days=1)) == {"lapsed": 0}
    assert run_job(engine, EXPIRE, datetime.fromisoformat("2026-11-01T12:00+08:00")) == {
        "lots": 0,
        "points": 0,
        "value": 0,
        "arrears_paid": 0,
    }
    assert run_job(engine, EXPIRE, datetime.fromisoformat("2026-11-02T12:00+08:00")) == {
        "lots": 1,
        "points": 600,
        "value": 0,
        "arrears_paid": 0,
    }


def test_the_lock_is_given_back_when_a_job_fails_and_the_error_is_kept(engine: Engine) -> None:
    failing = job(fail, Every(2))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            run_job(engine, failing, ran_by="tests")
    assert runs(engine, failing) == [({}, "ZeroDivisionError: by zero")] * 2
    with engine.connect() as connection:
        state = read_states(connection)["probe"]
    assert (state.error, state.ran_by) == ("ZeroDivisionError: by zero", "tests")


def test_runs_without_work_leave_no_rows_but_the_last_run(engine: Engine) -> None:
    idle = job(nothing, Every(2))
    for _ in range(3):
        assert run_job(engine, idle) == {"done": 0}
    assert runs(engine, idle) == []
    with engine.connect() as connection:
        first = read_states(connection)["probe"]
    # Nothing new within a minute; after that the last run moves on.
    with engine.begin() as connection:
        connection.execute(text("UPDATE job_states SET started_at = started_at - interval '61 s'"))
    run_job(engine, idle)
    with engine.connect() as connection:
        assert read_states(connection)["probe"].started_at > first.started_at
    busy = job(lambda *_: {"done": 2}, Every(2))
    run_job(engine, busy)
    assert runs(engine, busy) == [({"done": 2}, None)]


def test_a_job_of_the_day_leaves_a_row_also_when_it_is_cut_off(engine: Engine) -> None:
    def cut_off(*_: object) -> Counts:
        raise SystemExit  # the process ends

    daily = job(cut_off, Daily(3, 0))
    with pytest.raises(SystemExit):
        run_job(engine, daily)
    assert runs(engine, daily) == [(None, None)]
    run_job(engine, daily._replace(work=nothing))
    assert runs(engine, daily) == [({"done": 0}, None), (None, CUT_OFF)]


def test_the_nightly_verification_names_what_does_not_add_up(ledger: Ledger, engine: Engine) -> None:
    assert run_job(engine, VERIFY) != {}
    with engine.begin() as connection:
        connection.execute(text("UPDATE lots SET available = available + 1"))
    with pytest.raises(Differs, match="lot_balances"):
        run_job(engine, VERIFY)
    [(_, error), (counts, none)] = runs(engine, VERIFY)
    assert error is not None
    assert "lot_balances" in error
    assert none is None
    assert counts is not None
    assert counts["checks"] > 20


def test_a_check_that_cannot_be_carried_out_does_not_stop_the_others(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the database, too, which ends what it stands in."""

    broken = Check("broken", "Tests", "SELECT '', '', 1 / 0")
    monkeypatch.setattr(jobs_module, "checks", lambda: [broken, *checks()])
    with engine.begin() as connection:
        connection.execute(text("UPDATE lots SET available = available + 1"))
    with pytest.raises(Differs, match=r"^broken could not be checked: DataError: .*; .*expected "):
        run_job(engine, VERIFY)


def test_names_and_numbers_of_jobs_are_their_own() -> None:
    assert len({job.name for job in LISTED}) == len({job.number for job in LISTED}) == len(LISTED)
    assert all(job.number > 0 for job in LISTED)


def _breakage(engine: Engine) -> int:
    with engine.connect() as connection:
        query = text("SELECT coalesce(sum(quantity), 0) FROM entries WHERE kind = 16")
        return int(connection.execute(query).scalar_one())
