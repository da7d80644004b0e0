"""One clock for all workers, which only ever moves forward."""

import threading
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")

#: Later than the real clock, by which the database tells which lots may still be added to.
START = datetime(2041, 5, 20, 9, 0, tzinfo=ZONE)

_TICK = timedelta(microseconds=1)


class Clock:
    """No two readings are the same, as in a database whose clock is read under a lock."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            self._now += _TICK
            return self._now

    def advance(self, step: timedelta) -> None:
        with self._lock:
            self._now += step
