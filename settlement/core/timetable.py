"""When a job runs: again and again, or once a day or month in the alliance's time zone. Pure."""

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Every(NamedTuple):
    """So many seconds after it began the last time."""

    seconds: float

    @property
    def text(self) -> str:
        return f"every {self.seconds:g} s"

    def next_after(self, last: datetime | None, now: datetime, zone: ZoneInfo) -> datetime:
        return now if last is None else max(last + timedelta(seconds=self.seconds), now)

    def is_due(self, last: datetime | None, now: datetime, zone: ZoneInfo) -> bool:
        return last is None or last + timedelta(seconds=self.seconds) <= now


class Daily(NamedTuple):
    """At this time of the day."""

    hour: int
    minute: int

    @property
    def text(self) -> str:
        return f"daily at {self.hour:02d}:{self.minute:02d}"

    def next_after(self, last: datetime | None, now: datetime, zone: ZoneInfo) -> datetime:
        """Today's or tomorrow's; now if the last time was missed."""
        if self.is_due(last, now, zone):
            return now
        today = self._on(now, zone, 0)
        return today if today > now else self._on(now, zone, 1)

    def is_due(self, last: datetime | None, now: datetime, zone: ZoneInfo) -> bool:
        """Whether it has not run since it last should have."""
        today = self._on(now, zone, 0)
        should_have = today if today <= now else self._on(now, zone, -1)
        return last is None or last < should_have

    def _on(self, now: datetime, zone: ZoneInfo, days: int) -> datetime:
        day = now.astimezone(zone).date() + timedelta(days=days)
        return datetime(day.year, day.month, day.day, self.hour, self.minute, tzinfo=zone)


class Monthly(NamedTuple):
    """On this day of the month (1 to 28), at this time."""

    day: int
    hour: int
    minute: int

    @property
    def text(self) -> str:
        return f"monthly on day {self.day} at {self.hour:02d}:{self.minute:02d}"

    def next_after(self, last: datetime | None, now: datetime, zone: ZoneInfo) -> datetime:
        """This month's or the next one's; now if the last time was missed."""
        if self.is_due(last, now, zone):
            return now
        this = self._in(now, zone, 0)
        return this if this > now else self._in(now, zone, 1)

    def is_due(self, last: datetime | None, now: datetime, zone: ZoneInfo) -> bool:
        """Whether it has not run since it last should have."""
        this = self._in(now, zone, 0)
        should_have = this if this <= now else self._in(now, zone, -1)
        return last is None or last < should_have

    def _in(self, now: datetime, zone: ZoneInfo, months: int) -> datetime:
        local = now.astimezone(zone)
        year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
        return datetime(year, month + 1, self.day, self.hour, self.minute, tzinfo=zone)
