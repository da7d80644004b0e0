"""How sessions and the server are killed."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from database import EmbeddedServer
from simulation.script import ServerCrash


class Sessions:
    """Kills sessions by the name of their application, from a session of its own each time."""

    def __init__(self, url: str) -> None:
        self._engine: Engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def kill(self, application_name: str) -> None:
        """End what this application has open, in the middle of whatever it is doing."""
        query = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()"
        )
        with suppress(DBAPIError), self._engine.connect() as connection:  # the server may be down as well
            connection.exec_driver_sql(query, (application_name,))

    @contextmanager
    def killed_after(self, seconds: float, application_name: str) -> Iterator[None]:
        """Kill so long after the beginning of what is done within; never after its end."""
        timer = threading.Timer(seconds, self.kill, (application_name,))
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


class ServerKiller(threading.Thread):
    """Crashes the embedded server when its time has come, and starts it again."""

    def __init__(
        self, server: EmbeddedServer, crashes: Sequence[ServerCrash], finished_batches: Callable[[], int]
    ) -> None:
        super().__init__(name="server killer", daemon=True)
        self._server = server
        self._crashes = crashes
        self._finished_batches = finished_batches
        self._over = threading.Event()
        self.crashed = 0
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            for crash in self._crashes:
                while self._finished_batches() < crash.after_batches:
                    if self._over.wait(0.005):
                        return
                self._over.wait(crash.delay_seconds)
                self._crash(crash.kill_all)
                self.crashed += 1
        except BaseException as error:
            self.fault = error

    def stop(self) -> None:
        """Crash no more; wait until the server is up."""
        self._over.set()
        self.join()

    def _crash(self, kill_all: bool) -> None:
        pid = self._server.pid
        assert pid is not None, "the server runs"
        if kill_all:
            postmaster = psutil.Process(pid)
            family = [postmaster, *postmaster.children(recursive=True)]
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()  # none may tidy up while the others are killed
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        else:
            os.kill(pid, signal.SIGQUIT)  # what `pg_ctl stop -m immediate` sends
        self._server.wait()
        self._server.stop()
        self._server.start()
