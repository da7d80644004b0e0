"""The workers: threads that post their part of the script, and keep what they were told."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import NamedTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from clearing.core.calendar import PeriodState
from clearing.core.commands import Command
from clearing.core.outcomes import Outcome
from clearing.periods import read_periods
from clearing.writer import Writer
from settlement.close import close_period
from simulation.clock import Clock
from simulation.crashes import Sessions
from simulation.register import Register
from simulation.script import Batch, Closing, Crash

#: How often a batch may be cut off; a server that starts again takes some dozens.
ATTEMPTS_MAX = 1_000

#: Written in the transaction that posts, while its wallets are locked: conflicting batches have numbers in
#: the order in which they were posted. `seen`: all up to this number was committed before this one began.
LOG = """
CREATE TABLE simulation_log (
  serial bigserial PRIMARY KEY, worker int NOT NULL, work int NOT NULL, attempt int NOT NULL,
  seen bigint NOT NULL, at timestamptz NOT NULL, clock timestamptz NOT NULL, periods jsonb
)
"""
_NOTE = """
INSERT INTO simulation_log (worker, work, attempt, seen, at, clock, periods)
VALUES (%s, %s, %s, %s, %s, clock_timestamp(),
        CASE WHEN %s
             THEN (SELECT jsonb_agg(jsonb_build_array(number, starts_at, ends_at, state)) FROM periods)
        END)
RETURNING serial
"""


class Attempt(NamedTuple):
    """`work` is the place of the batch in its worker's script."""

    worker: int
    work: int
    attempt: int


class Told(NamedTuple):
    """What a worker was told; None where the answer never reached it."""

    commands: Sequence[Command]
    outcomes: Sequence[Outcome] | None


class Horizon:
    """Up to which number of the log everything is committed, as seen by a batch that begins now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._began: dict[int, int] = {}

    def begin(self, worker: int) -> int:
        with self._lock:
            seen = min([self._last, *self._began.values()])
            self._began[worker] = self._last
            return seen

    def finish(self, worker: int, serial: int) -> None:
        with self._lock:
            self._last = max(self._last, serial)
            del self._began[worker]


class Shared(NamedTuple):
    """What all workers share."""

    clock: Clock
    register: Register
    sessions: Sessions
    horizon: Horizon
    stop: threading.Event


class Worker(threading.Thread):
    """Posts its part of the script; after a crash it repeats the batch with the same keys."""

    def __init__(
        self,
        number: int,
        script: Sequence[Batch | Closing],
        make_engine: Callable[[str], Engine],
        shared: Shared,
    ) -> None:
        super().__init__(name=f"simulated worker {number}", daemon=True)
        self.number = number
        self.told: dict[Attempt, Told] = {}
        self.crashes: Counter[str] = Counter()
        self.finished = 0
        self.fault: BaseException | None = None
        self._name = f"simulated-{number}"
        self._script = script
        self._engine = make_engine(self._name)
        self._shared = shared
        self._at = shared.clock.now()
        self._serial = 0
        self._writer = self._new_writer()

    def run(self) -> None:
        try:
            for work, what in enumerate(self._script):
                if self._shared.stop.is_set():
                    break
                if isinstance(what, Closing):
                    self._until_done(work, lambda attempt, seen: self._close(attempt, seen, what))  # noqa: B023
                else:
                    self._shared.clock.advance(what.step)
                    self._until_done(work, self._poster(what))
                    self.finished += 1
        except BaseException as error:
            self.fault = error
            self._shared.stop.set()
        finally:
            self._writer.close()
            self._engine.dispose()

    def _until_done(self, work: int, act: Callable[[Attempt, int], bool]) -> None:
        """Repeat what was cut off. `act` returns whether the worker has heard of its success."""
        seen = self._shared.horizon.begin(self.number)
        for attempt in count(1):
            try:
                if act(Attempt(self.number, work, attempt), seen):
                    break
            except DBAPIError as error:
                if not is_cut_off(error) or attempt == ATTEMPTS_MAX:
                    raise
                self.crashes["cut off"] += 1
                time.sleep(0.002 if error.connection_invalidated else 0.05)
        self._shared.horizon.finish(self.number, self._serial)

    def _poster(self, batch: Batch) -> Callable[[Attempt, int], bool]:
        register = self._shared.register
        commands = [send.instead or register.command(send.act) for send in batch.sends]

        def post(attempt: Attempt, seen: int) -> bool:
            crash = batch.crash if attempt.attempt == 1 else None
            if crash and crash.afresh:
                self._writer.close()
                self._writer = self._new_writer()
            self.told[attempt] = Told(commands, None)
            with self._crashing(batch if crash else None):
                outcomes = self._writer.post(commands, self._noting(attempt, seen, crash and crash.when))
            if crash and crash.when is Crash.AFTER:
                return False
            self.told[attempt] = Told(commands, outcomes)
            for send, outcome in zip(batch.sends, outcomes, strict=True):
                if send.instead is None:
                    register.tell(send.act, outcome)
            return True

        return post

    @contextmanager
    def _crashing(self, batch: Batch | None) -> Iterator[None]:
        crash = batch.crash if batch else None
        if crash is None:
            yield
            return
        self.crashes[crash.when.name.lower()] += 1
        if crash.when is Crash.BEFORE:
            self._shared.sessions.kill(self._name)
        if crash.when is Crash.DURING:
            with self._shared.sessions.killed_after(crash.delay_seconds, self._name):
                yield
        else:
            yield

    def _noting(
        self, attempt: Attempt, seen: int, crash: Crash | None
    ) -> Callable[[Connection, Sequence[Outcome]], None]:
        def note(connection: Connection, _: Sequence[Outcome]) -> None:
            self._note(connection, attempt, seen, self._at)
            if crash is Crash.AT_COMMIT:
                self._shared.sessions.kill(self._name)

        return note

    def _note(
        self, connection: Connection, attempt: Attempt, seen: int, at: datetime, *, periods: bool = False
    ) -> None:
        self._serial = connection.exec_driver_sql(_NOTE, (*attempt, seen, at, periods)).scalar_one()

    def _close(self, attempt: Attempt, seen: int, closing: Closing) -> bool:
        with self._engine.begin() as connection:
            at = self._shared.clock.now()
            open_ones = [one for one in read_periods(connection) if one.state is PeriodState.OPEN]
            if open_ones and (closing.early or open_ones[0].ends_at <= at):
                number = open_ones[0].number
                close_period(connection, number, at=at, early=closing.early, closed_by="simulation")
                self._note(connection, attempt, seen, at, periods=True)
        return True

    def _new_writer(self) -> Writer:
        return Writer(self._engine, fixed_time=self._read_clock)

    def _read_clock(self) -> datetime:
        self._at = self._shared.clock.now()
        return self._at


def is_cut_off(error: DBAPIError) -> bool:
    """Whether the session or the server went away; anything else is a fault."""
    text = str(error.orig)
    return error.connection_invalidated or any(
        words in text
        for words in (
            "terminating connection",
            "server closed the connection",
            "the database system is",
            "connection to server",
            "could not receive data",
            "no connection to the server",
            "could not send data",
        )
    )
