"""Running a job, and the rows that tell of it.

A job of the day leaves a row for each run, written when it begins, so that one that was cut off is seen. A
job that runs every few seconds leaves one only if it did something or failed. The last run of each is kept
beside them, at most once a minute where there was nothing to do.
"""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import SQLAlchemyError

from clearing.locks import JOBS as LOCK
from clearing.one_by_one import NotAllDone
from clearing.query import database_time
from clearing.writer import Writer
from settlement.core.timetable import Daily, Monthly
from settlement.jobs import Counts, Job
from settlement.tables import job_runs, job_states

log = structlog.get_logger(__name__)

IDLE = timedelta(seconds=60)
ERROR_CHARACTERS_MAX = 2_000
CUT_OFF = "It was cut off: its process or the database ended."


def process_name() -> str:
    """`host:pid` of this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def run_job(engine: Engine, job: Job, at: datetime | None = None, ran_by: str | None = None) -> Counts | None:
    """Run the job for the instant `at`, by default now; what it did, or None if another process is at it.

    Raises what the job raises, after noting it.
    """
    with _alone(engine, job) as connection:
        if connection is None:
            return None
        started_at = database_time(connection)
        connection.rollback()
        run = _Run(engine, job, at or started_at, started_at, ran_by or process_name())
        run.begin()
        try:
            with Writer(engine) as writer:
                counts = job.work(engine, writer, run.at)
        except NotAllDone as some:
            run.end(some.counts, f"Not all was done. {some}"[:ERROR_CHARACTERS_MAX])
            raise
        except Exception as error:
            run.end({}, f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS_MAX])
            raise
        run.end(counts, None)
    if any(counts.values()):
        log.info("job_done", job=job.name, **counts)
    return counts


def read_states(connection: Connection) -> dict[str, Row]:
    """The last run of each job that has run."""
    return {row.job: row for row in connection.execute(select(job_states))}


def list_runs(connection: Connection, job: str, before: int | None, limit: int) -> Sequence[Row]:
    """Runs that did something or failed, the newest first."""
    query = select(job_runs).where(job_runs.c.job == job).order_by(job_runs.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(job_runs.c.id < before)
    return connection.execute(query).all()


@contextmanager
def _alone(engine: Engine, job: Job) -> Iterator[Connection | None]:
    """A connection that holds the job's lock; None if another one does."""
    with engine.connect() as connection:
        key = (LOCK, job.number)
        taken = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s, %s)", key).scalar()
        connection.rollback()
        if not taken:
            yield None
            return
        try:
            yield connection
        finally:
            try:
                connection.exec_driver_sql("SELECT pg_advisory_unlock(%s, %s)", key)
                connection.rollback()
            except SQLAlchemyError:
                # The session has ended, and its locks with it.
                connection.invalidate()


class _Run:
    def __init__(self, engine: Engine, job: Job, at: datetime, started_at: datetime, ran_by: str) -> None:
        self.at = at
        self._engine = engine
        self._job = job
        self._facts: dict[str, Any] = {"at": at, "started_at": started_at, "ran_by": ran_by}
        self._id: int | None = None

    def begin(self) -> None:
        if not isinstance(self._job.when, Daily | Monthly):
            return
        with self._engine.begin() as connection:
            # Nobody else runs it, as the lock is ours.
            unfinished = update(job_runs).where(
                job_runs.c.job == self._job.name, job_runs.c.ended_at.is_(None)
            )
            connection.execute(unfinished.values(ended_at=func.clock_timestamp(), error=CUT_OFF))
            row = insert(job_runs).values(job=self._job.name, **self._facts).returning(job_runs.c.id)
            self._id = connection.execute(row).scalar_one()

    def end(self, counts: Counts, error: str | None) -> None:
        """Note how it ended; where the database is gone nothing can be noted."""
        outcome = {"counts": dict(counts), "error": error}
        try:
            with self._engine.begin() as connection:
                self._note_run(connection, outcome)
                self._note_state(connection, outcome)
        except SQLAlchemyError as fault:
            if error is None:
                raise
            log.warning("job_not_noted", job=self._job.name, error=repr(fault))

    def _note_run(self, connection: Connection, outcome: dict[str, Any]) -> None:
        ended = {"ended_at": func.now(), **outcome}
        if self._id is not None:
            connection.execute(update(job_runs).where(job_runs.c.id == self._id).values(**ended))
        elif _is_worth_a_row(outcome):
            connection.execute(insert(job_runs).values(job=self._job.name, **self._facts, **ended))

    def _note_state(self, connection: Connection, outcome: dict[str, Any]) -> None:
        facts = {**self._facts, "ended_at": func.now(), **outcome}
        row = upsert(job_states).values(job=self._job.name, **facts)
        is_told = self._id is not None or _is_worth_a_row(outcome)
        stale = None if is_told else job_states.c.started_at <= facts["started_at"] - IDLE
        connection.execute(row.on_conflict_do_update(index_elements=["job"], set_=facts, where=stale))


def _is_worth_a_row(outcome: dict[str, Any]) -> bool:
    return outcome["error"] is not None or any(outcome["counts"].values())
