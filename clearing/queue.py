"""Natural batching: whatever arrives while one batch commits is the next batch.

There is no timer, so an idle server adds no delay, and under load a batch is as large as the load.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue

import structlog
from sqlalchemy.exc import DBAPIError

from clearing.core.commands import Command
from clearing.core.outcomes import Outcome
from clearing.writer import Writer

log = structlog.get_logger(__name__)

BATCH_MAX = 1000

_Job = tuple[Command, "Future[Outcome]"]


class PostingQueue:
    """A thread that owns a Writer. Any number of threads may call `post`."""

    def __init__(self, make_writer: Callable[[], Writer]) -> None:
        self._make_writer = make_writer
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def post(self, command: Command, timeout_seconds: float) -> Outcome:
        """The command's outcome, once it is committed.

        Raises TimeoutError if it is not known by then (it may still be posted: repeat it with the same
        key), and whatever the database or a bug raised.
        """
        self._start()
        future: Future[Outcome] = Future()
        self._jobs.put((command, future))
        return future.result(timeout_seconds)

    def close(self) -> None:
        """Post what is waiting, then stop."""
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
                raise RuntimeError("the posting queue is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="posting", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        with self._make_writer() as writer:
            running = True
            while running:
                jobs, running = self._next_batch()
                if jobs:
                    _post(writer, jobs)

    def _next_batch(self) -> tuple[list[_Job], bool]:
        """Wait for one job and take all that are there; False with the last batch before closing."""
        jobs: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == BATCH_MAX:
                return jobs, True
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False


def _post(writer: Writer, jobs: Sequence[_Job]) -> None:
    try:
        outcomes = _post_again_if_cut_off(writer, [command for command, _ in jobs])
    except Exception as error:
        if len(jobs) == 1:
            jobs[0][1].set_exception(error)
            return
        # One command must not harm its neighbours: each is tried alone, and only the culprit fails.
        log.warning("batch_failed", size=len(jobs), error=repr(error))
        for job in jobs:
            _post(writer, [job])
        return
    for (_, future), outcome in zip(jobs, outcomes, strict=True):
        future.set_result(outcome)


def _post_again_if_cut_off(writer: Writer, commands: Sequence[Command]) -> list[Outcome]:
    try:
        return writer.post(commands)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        # Perhaps it broke after the commit: then the keys say so, and the repetition changes nothing.
        log.warning("connection_lost", size=len(commands))
        return writer.post(commands)
