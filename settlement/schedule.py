"""What runs the jobs: a trigger says when, and what is due is always looked up.

Any number of processes may run the schedule; one of them leads and runs the jobs. The lead is a lock that
its session holds: when the process or its connection ends, another one has it within seconds, and makes up
for what was missed. Each job takes a lock of its own besides, so that one run by hand, or still running in a
process that has lost the lead, is never run twice at a time.
"""

from datetime import UTC, datetime, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from clearing.directory import read_time_zone
from clearing.locks import JOBS as LOCK
from clearing.query import database_time
from settlement.core.timetable import Daily, Every, Monthly
from settlement.job_runs import process_name, read_states, run_job
from settlement.jobs import JOBS, Job

log = structlog.get_logger(__name__)

#: How often a process that does not lead asks for the lead, and one that does makes sure of it.
LEAD_SECONDS = 5
#: Jobs that run at the same time, at most.
THREADS = 4
#: A job of the day that failed is tried again before the next day.
RETRY_MINUTES = 10

_LEAD = 0  # beside the jobs' numbers


class Lead:
    """The lock of who runs the jobs, held by a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def hold(self) -> bool:
        """Take the lead or make sure that it is still held; whether it is."""
        if self._connection is None:
            connection = self._engine.connect()
            key = (LOCK, _LEAD)
            taken = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s, %s)", key).scalar()
            connection.rollback()
            if not taken:
                connection.close()
                return False
            self._connection = connection
            return True
        try:
            self._connection.exec_driver_sql("SELECT 1")
            self._connection.rollback()
        except SQLAlchemyError:
            self.give_up()
            return False
        return True

    def give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()  # ends the session, and the lock with it
            connection.close()


class Schedule:
    """The schedule of one process, on threads of its own."""

    def __init__(self, engine: Engine, jobs: tuple[Job, ...] = JOBS) -> None:
        self._engine = engine
        self._jobs = jobs
        self._lead = Lead(engine)
        self._ran_by = process_name()
        self._zone: ZoneInfo | None = None  # by which the jobs of the day and month are set
        # Looking after the lead must not wait for jobs.
        executors = {"default": ThreadPoolExecutor(THREADS), "lead": ThreadPoolExecutor(1)}
        common = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = BackgroundScheduler(executors=executors, job_defaults=common, timezone=UTC)
        # A scheduler that shuts down waits for its threads with its own lock in hand: one of them that asked
        # it for anything would wait for ever. So they ask under this lock, and not at all once it stops.
        self._asking = Lock()
        self._stops = False

    def start(self) -> None:
        """Begin to ask for the lead; whoever has it first does what fell due while nobody was running."""
        self._scheduler.add_job(
            self._look_after_lead,
            "interval",
            seconds=LEAD_SECONDS,
            id="lead",
            executor="lead",
            next_run_time=datetime.now(UTC),
        )
        self._scheduler.start()

    def stop(self) -> None:
        """Let the jobs that are running finish."""
        with self._asking:
            self._stops = True
        if self._scheduler.running:
            self._scheduler.shutdown()
        self._lead.give_up()

    @property
    def leads(self) -> bool:
        return self._scheduler.get_job(self._jobs[0].name) is not None

    def _look_after_lead(self) -> None:
        with self._asking:
            if not self._stops:
                self._take_or_leave_lead()

    def _take_or_leave_lead(self) -> None:
        try:
            holds = self._lead.hold()
            begins = holds and not self.leads
            if begins:
                log.info("schedule_leads", process=self._ran_by)
                self._zone = None
            if holds:
                self._set_jobs()
            if begins:
                self._repeat_jobs()
        except SQLAlchemyError as error:
            holds = False
            self._lead.give_up()
            log.warning("schedule_without_database", error=str(error).splitlines()[0])
        if not holds and self.leads:
            log.warning("schedule_lost_lead", process=self._ran_by)
            for job in self._jobs:
                for id_ in (job.name, _now(job), _again(job)):
                    if self._scheduler.get_job(id_) is not None:
                        self._scheduler.remove_job(id_)

    def _set_jobs(self) -> None:
        """Set those of the day and month by the alliance's zone, anew when it has changed; do what is due."""
        with self._engine.connect() as connection:
            zone = read_time_zone(connection)
            if zone == self._zone:
                return
            states, now = read_states(connection), database_time(connection)
        if self._zone is not None:
            log.info("schedule_moved", zone=zone.key, before=self._zone.key)
        for job in self._jobs:
            if isinstance(job.when, Every):
                continue
            state = states.get(job.name)
            last = None if state is None or state.error is not None else state.at
            at = job.when._asdict() | {"timezone": zone}
            self._scheduler.add_job(self._run, "cron", **at, args=[job], id=job.name, replace_existing=True)
            if job.when.is_due(last, now, zone):
                self._scheduler.add_job(self._run, args=[job], id=_now(job), replace_existing=True)
        self._zone = zone

    def _repeat_jobs(self) -> None:
        """Begin with those that are run again and again."""
        for job in self._jobs:
            if isinstance(job.when, Every):
                self._scheduler.add_job(
                    self._run,
                    "interval",
                    seconds=job.when.seconds,
                    args=[job],
                    id=job.name,
                    next_run_time=datetime.now(UTC),
                )

    def _run(self, job: Job) -> None:
        try:
            run_job(self._engine, job, ran_by=self._ran_by)
        except SQLAlchemyError as error:
            # The database may be restarting; the same work is found due again.
            log.warning("job_failed", job=job.name, error=repr(error))
            self._try_again(job)
        except Exception as error:
            log.error("job_failed", job=job.name, exc_info=error)
            self._try_again(job)

    def _try_again(self, job: Job) -> None:
        if not isinstance(job.when, Daily | Monthly):
            return
        at = datetime.now(UTC) + timedelta(minutes=RETRY_MINUTES)
        with self._asking:
            if not self._stops:
                self._scheduler.add_job(
                    self._run, "date", run_date=at, args=[job], id=_again(job), replace_existing=True
                )


def is_led(connection: Connection) -> bool:
    """Whether some process runs the jobs of this database now."""
    query = """
        SELECT EXISTS (SELECT FROM pg_locks
                        WHERE locktype = 'advisory' AND granted
                          AND classid = %s AND objid = %s AND objsubid = 2
                          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"""
    led: bool = connection.exec_driver_sql(query, (LOCK, _LEAD)).scalar_one()
    return led


def _now(job: Job) -> str:
    return f"{job.name}_at_start"


def _again(job: Job) -> str:
    return f"{job.name}_again"
