"""What runs by the clock, and when. A trigger says when; what is due is always looked up.

Any number of processes may run the schedule: a job takes a lock in the database, and whoever finds it taken
leaves the work to the other.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from clearing.directory import read_directory
from clearing.locks import JOBS
from clearing.proof.keys import SealingKeys
from clearing.proof.seal import seal
from clearing.upkeep import expire_lots, lapse_holds, remind
from clearing.writer import Writer

log = structlog.get_logger(__name__)

LAPSE_SECONDS = 10
#: Within five seconds what was posted is to be in the tree, signed.
SEAL_SECONDS = 2
SEAL = 4


class Job(NamedTuple):
    """`number` names its lock; never renumber."""

    name: str
    number: int
    work: Callable[[Engine, Writer], object]


LAPSE = Job("lapse_holds", 1, lapse_holds)
EXPIRE = Job("expire_lots", 2, expire_lots)
REMIND = Job("remind", 3, remind)


def _seal(keys: Callable[[], SealingKeys], engine: Engine, _: Writer) -> int:
    return seal(engine, keys)


class Schedule:
    """The jobs of one process, on threads of their own."""

    def __init__(
        self,
        engine: Engine,
        scheduler: BaseScheduler | None = None,
        sealing_keys: Callable[[], SealingKeys] | None = None,
    ) -> None:
        """Without `sealing_keys` the journal is not sealed here."""
        self._engine = engine
        self._sealing_keys = sealing_keys
        self._scheduler = scheduler or BackgroundScheduler()

    def start(self) -> None:
        """Begin; whatever fell due while nobody was running is done at once."""
        with self._engine.connect() as connection:
            zone = read_directory(connection).rulebook.settings.time_zone
        common = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        add = self._scheduler.add_job
        add(self._run, "interval", seconds=LAPSE_SECONDS, args=[LAPSE], id=LAPSE.name, **common)
        if self._sealing_keys is not None:
            seal_job = Job("seal", SEAL, partial(_seal, self._sealing_keys))
            add(self._run, "interval", seconds=SEAL_SECONDS, args=[seal_job], id=seal_job.name, **common)
        for job, minute in ((EXPIRE, 5), (REMIND, 15)):
            at = {"hour": 0, "minute": minute, "timezone": zone}
            add(self._run, "cron", **at, args=[job], id=job.name, **common)
            add(self._run, args=[job], id=f"{job.name}_at_start", **common)
        self._scheduler.start()

    def stop(self) -> None:
        """Let the jobs that are running finish."""
        if self._scheduler.running:
            self._scheduler.shutdown()

    def _run(self, job: Job) -> None:
        try:
            run_job(self._engine, job)
        except SQLAlchemyError as error:
            # The database may be restarting; the next turn finds the same work due.
            log.warning("job_failed", job=job.name, error=repr(error))


def run_job(engine: Engine, job: Job) -> object:
    """What the job answers, or None if another process is at it."""
    with engine.connect() as connection:
        taken = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s, %s)", (JOBS, job.number)).scalar()
        connection.rollback()
        if not taken:
            return None
        try:
            with Writer(engine) as writer:
                done = job.work(engine, writer)
        finally:
            connection.exec_driver_sql("SELECT pg_advisory_unlock(%s, %s)", (JOBS, job.number))
            connection.rollback()
    if done:
        log.info("job_done", job=job.name, done=str(done))
    return done
