"""Natural batching: whatever arrives while one batch is carried out is the next batch.

Those who had their answer just now are about to ask again, one after the other. The next batch waits for
them, as two small batches cost more than one of both; but only a moment, and not at all for who is alone.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

Asked = TypeVar("Asked")
Result = TypeVar("Result")

Job = tuple[Asked, Future[Result]]

log = structlog.get_logger(__name__)

BATCH_MAX = 1000
#: How long a batch waits for the next to ask, and for all of them.
PAUSE_SECONDS_MAX = 0.002
WAIT_SECONDS_MAX = 0.01


class Batches(Generic[Asked, Result]):
    """A thread that carries out what any number of threads ask for.

    `opened` gives it what carries out a batch (one result for each, in order), for as long as it runs.
    """

    def __init__(
        self,
        name: str,
        opened: Callable[[], AbstractContextManager[Callable[[Sequence[Asked]], Sequence[Result]]]],
    ) -> None:
        self._name = name
        self._opened = opened
        self._jobs: SimpleQueue[Job[Asked, Result] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, asked: Asked, timeout_seconds: float) -> Result:
        """The result, once its batch is carried out.

        Raises TimeoutError if it is not known by then (it may still be carried out), and whatever carrying
        it out alone raised.
        """
        self._start()
        future: Future[Result] = Future()
        self._jobs.put((asked, future))
        return future.result(timeout_seconds)

    def close(self) -> None:
        """Carry out what is waiting, then stop."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            thread.join()

    def _start(self) -> None:
        # At the first use and not before: a server that forks its workers must not fork a thread.
        if self._thread is not None:
            return
        with self._lock:
            if self._closed:
                raise RuntimeError(f"{self._name} is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        expected = 1
        with self._opened() as carry_out:

            def counted(batch: Sequence[Asked]) -> Sequence[Result]:
                nonlocal expected
                results = carry_out(batch)
                # Before anybody is answered, so that nobody counts twice.
                expected = len(batch) + self._jobs.qsize()
                return results

            running = True
            while running:
                jobs, running = self._next_batch(expected)
                if jobs:
                    _settle(counted, jobs)

    def _next_batch(self, expected: int) -> tuple[list[Job[Asked, Result]], bool]:
        """Wait for one job and take all that are there, or come soon if there are less than `expected`; False
        with the last batch before closing.
        """
        jobs: list[Job[Asked, Result]] = []
        job = self._jobs.get()
        give_up_at = time.monotonic() + WAIT_SECONDS_MAX
        while job is not None:
            jobs.append(job)
            if len(jobs) == BATCH_MAX:
                return jobs, True
            pause = 0.0 if len(jobs) >= expected else give_up_at - time.monotonic()
            try:
                job = self._jobs.get(timeout=min(max(pause, 0), PAUSE_SECONDS_MAX))
            except Empty:
                return jobs, True
        return jobs, False


def _settle(
    carry_out: Callable[[Sequence[Asked]], Sequence[Result]],
    jobs: Sequence[Job[Asked, Result]],
) -> None:
    try:
        results = _again_if_cut_off(carry_out, [asked for asked, _ in jobs])
    except Exception as error:
        if len(jobs) == 1:
            jobs[0][1].set_exception(error)
            return
        # One must not harm its neighbours: each is tried alone, and only the culprit fails.
        log.warning("batch_failed", size=len(jobs), error=repr(error))
        for job in jobs:
            _settle(carry_out, [job])
        return
    for (_, future), result in zip(jobs, results, strict=True):
        future.set_result(result)


def _again_if_cut_off(
    carry_out: Callable[[Sequence[Asked]], Sequence[Result]], batch: Sequence[Asked]
) -> Sequence[Result]:
    """What is carried out must bear it: a posting that was committed before is found by its keys."""
    try:
        return carry_out(batch)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        log.warning("connection_lost", size=len(batch))
        return carry_out(batch)
