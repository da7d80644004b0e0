"""Server processes: granian's, forked from one that has loaded the program once, whose memory they share."""

import gc
import multiprocessing
import os
import signal
from _thread import start_new_thread
from collections.abc import Callable

from flask import Flask
from granian.constants import HTTPModes, Interfaces
from granian.server.mp import MPServer

from api.processors import stay_on_one
from config import Settings

BACKLOG = 2048
#: How long a process may take to finish what it has begun when it is asked to stop.
STOP_SECONDS_MAX = 60


class Server(MPServer):
    """Granian, which a signal cannot stop from stopping."""

    def signal_handler_interrupt(self, *args: object, **kwargs: object) -> None:
        """Tell the loop of the first process to stop.

        Not from here: a handler interrupts this loop, which may hold the lock of the event that is to be set.
        """
        start_new_thread(super().signal_handler_interrupt, ())


def serve_with(make_app: Callable[[], Flask], settings: Settings) -> None:
    """Serve what `make_app` makes in each server process, until SIGINT or SIGTERM.

    Call it from a process that has no other thread and holds no lock: those that are forked inherit both.
    """
    multiprocessing.set_start_method("fork", force=True)
    os.register_at_fork(after_in_child=_end_when_told)
    forked = multiprocessing.Value("i", os.getpid())

    def make_one() -> Flask:
        with forked.get_lock():
            number = forked.value
            forked.value += 1
        stay_on_one(number)
        return make_app()

    server = Server(
        f"{make_app.__module__}:{make_app.__name__}",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        # Of a stream of HTTP/2 that is broken off the application would not be told.
        http=HTTPModes.http1,
        workers=settings.workers,
        blocking_threads=settings.threads,
        workers_kill_timeout=STOP_SECONDS_MAX,
        backlog=BACKLOG,
        websockets=False,
        log_enabled=False,
    )
    # What is loaded stays for good: no collection need touch it, and so copy it for each process.
    gc.collect()
    gc.freeze()
    server.serve(target_loader=make_one, wrap_loader=False)


def _end_when_told() -> None:
    """Until granian has set its own signals: what the first process does with them is lost here."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
