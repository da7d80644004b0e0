"""The shell that joins gather, decide and apply in one database transaction."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

import structlog
from psycopg2 import errors
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from clearing import append, load, periods
from clearing.append import apply
from clearing.core.commands import Command
from clearing.core.decide import PeriodMissing, decide
from clearing.core.limits import WRITERS, CapsContended
from clearing.core.outcomes import Outcome
from clearing.directory import DirectoryCache
from clearing.ids import make_ids
from clearing.load import DirectoryMoved, gather
from clearing.locks import WRITERS as WRITER_LOCK
from clearing.prepared import plan_by_keys

log = structlog.get_logger(__name__)

#: Faults that a repetition cures: another writer was first with the same key, reference or lot, or
#: the database chose this transaction to end a deadlock.
RETRIED = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure)
ATTEMPTS_MAX = 8

Alongside = Callable[[Connection, Sequence[Outcome]], None]
Result = TypeVar("Result")


class NoFreeWriter(RuntimeError):
    """All writer numbers are taken by other connections."""


class Writer:
    """One connection that posts. It owns a number, held as a session lock for as long as it is
    connected: its ids and its stripe of the running positions are its own. Not for use by two threads.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        fixed_time: Callable[[], datetime] | None = None,
        directory: DirectoryCache | None = None,
    ) -> None:
        """`fixed_time` replaces the database's clock in tests and simulations. `directory` lets others see
        by which directory the newest batch was judged.
        """
        self._engine = engine
        self._fixed_time = fixed_time
        self.directory = directory or DirectoryCache()
        self._connection: Connection | None = None
        self._ids: Iterator[int] = iter(())
        self.number = -1

    @property
    def ids(self) -> Iterator[int]:
        """New ids of this writer's own. They hold its number, so it connects first if it has none."""
        if self._connection is None:
            self._connected()
        return self._ids

    def post(self, commands: Sequence[Command], alongside: Alongside | None = None) -> list[Outcome]:
        """Judge the commands in order and write what they cause, all in one transaction.

        Refusals come back as values. `alongside` writes something of the caller's in the same
        transaction, given the outcomes. Faults of the database or of this program raise, and
        nothing is written.
        """

        alone: set[int] = set()

        def work(connection: Connection) -> list[Outcome]:
            snapshot, clock, _ = gather(connection, commands, self.directory, alone=frozenset(alone))
            at = self._fixed_time() if self._fixed_time else clock
            try:
                decision = decide(snapshot, commands, at, self.ids)
            except CapsContended as contended:
                alone.update(contended.participant_ids)
                raise
            apply(connection, decision, self.number, at)
            if alongside is not None:
                alongside(connection, decision.outcomes)
            return decision.outcomes

        return self.transact(work)

    def transact(self, work: Callable[[Connection], Result]) -> Result:
        """Do the work in one transaction, again from the start after a fault that a repetition cures."""
        attempt = 1
        while attempt <= ATTEMPTS_MAX:
            try:
                connection = self._connected()
                with connection.begin():
                    return work(connection)
            except PeriodMissing as missing:
                # A batch of history may need many; each time it has come one further.
                attempt += not self._open_period(missing.at)
                continue
            except (CapsContended, DirectoryMoved) as moved:
                log.debug("transaction_repeated", reason=type(moved).__name__, attempt=attempt)
            except DBAPIError as error:
                if error.connection_invalidated:
                    self.close()
                if not isinstance(error.orig, RETRIED) or attempt == ATTEMPTS_MAX:
                    raise
                log.info("transaction_repeated", reason=type(error.orig).__name__, attempt=attempt)
            attempt += 1
        raise RuntimeError(f"the transaction could not be prepared in {ATTEMPTS_MAX} attempts")

    def close(self) -> None:
        """Give the connection and the number back. A later post takes new ones."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()  # closes the session, and with it the lock on the number
            connection.close()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_period(self, at: datetime) -> bool:
        """Whether it could be opened: a later one may have been closed in the meantime."""
        connection = self._connected()
        try:
            with connection.begin():
                zone = self.directory.current(connection).rulebook.settings.time_zone
                period = periods.open_period_for(connection, at, zone)
        except periods.PeriodIsOver as over:
            log.info("period_is_over", detail=str(over))
            return False
        log.info("period_opened", period=period.name)
        return True

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.invalidated:
            self.close()
            connection = self._engine.connect()
            try:
                _prepare(connection)
                self.number = self._take_number(connection)
            except BaseException:
                # Kept without a number, it would post under that of somebody else.
                connection.invalidate()
                connection.close()
                raise
            self._connection = connection
            self._ids = make_ids(self.number, _milliseconds())
        return self._connection

    @staticmethod
    def _take_number(connection: Connection) -> int:
        with connection.begin():
            for number in range(WRITERS):
                query = "SELECT pg_try_advisory_lock(%s, %s)"
                if connection.exec_driver_sql(query, (WRITER_LOCK, number)).scalar():
                    return number
        raise NoFreeWriter(f"all {WRITERS} writer numbers are in use; stop a server that is not needed")


def _prepare(connection: Connection) -> None:
    """Prepare the session for posting."""
    with connection.begin():
        plan_by_keys(connection)
        connection.exec_driver_sql(load.PREPARE)
        connection.exec_driver_sql(append.PREPARE)


def _milliseconds() -> Iterator[int]:
    while True:
        yield time.time_ns() // 1_000_000
