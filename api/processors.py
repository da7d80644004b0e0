"""On which processor a server process runs: one, always the same.

Of the threads of a Python program one runs at a time. On several processors each would find what it works on
in the cache of another, and be woken up from afar: together that takes a third of all time.
"""

import os
from contextlib import suppress

#: The platform tells none where it does not let a program choose.
_ALLOWED = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def stay_on_one(number: int) -> None:
    """Keep this thread, and all that it will start, on one processor; processes that follow in number
    are on different ones.
    """
    if not _ALLOWED:
        return
    with suppress(OSError):  # where it is forbidden, as in some containers, the server is slower and no worse
        os.sched_setaffinity(0, {_ALLOWED[number % len(_ALLOWED)]})
        # Who is woken waits for a turn: taken from the thread that has the interpreter, it would be lost.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def go_anywhere() -> None:
    """Let this thread, and all that it will start, run where the program was allowed to when it began."""
    if _ALLOWED:
        with suppress(OSError):
            os.sched_setaffinity(0, _ALLOWED)
