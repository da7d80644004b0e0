"""Settlement periods and expiry dates: calendar months in the alliance's time zone.

A period is named by a whole number, 202611 for November 2026 (text form `2026-11`). Periods follow each other
without gap or overlap, whatever the time zone was when each of them was opened: the next one begins where the
last one ends, and has the next name.
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

#: Names that stand for whatever a machine is set to, or for no place: they are files of some machines, and
#: mean something else, or nothing, on the next.
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})
_NO_PLACES_BELOW = ("posix/", "right/", "SystemV/")

#: Years in which anything can have happened here, or may end. A date beyond is a slip of the pen, or what
#: another program writes for "never"; here that is said by leaving it out.
YEARS = range(1970, 2200)


class PeriodState(StrEnum):
    """The life of a period; the later stages also count as closed."""

    OPEN = "open"
    CLOSED = "closed"
    APPROVED = "approved"
    SETTLED = "settled"


class Period(NamedTuple):
    """Half open: `starts_at` ≤ booked < `ends_at`."""

    number: int
    starts_at: datetime
    ends_at: datetime
    state: PeriodState

    @property
    def name(self) -> str:
        return period_name(self.number)


def period_name(number: int) -> str:
    """202611 → `2026-11`."""
    return f"{number // 100:04d}-{number % 100:02d}"


def period_number(name: str) -> int:
    """`2026-11` → 202611; raises ValueError for anything else."""
    year, separator, month = name.partition("-")
    if not (
        len(year) == 4
        and len(month) == 2
        and separator
        and name.isascii()
        and year.isdigit()
        and month.isdigit()
        and 1 <= int(month) <= 12
        and int(year) >= 1
    ):
        raise ValueError(f"{name!r} is not a period; write it as YYYY-MM")
    return int(year) * 100 + int(month)


def following(number: int) -> int:
    """The number of the next month."""
    return number + 1 if number % 100 < 12 else number + 89


def preceding(number: int) -> int:
    """The number of the month before."""
    return number - 1 if number % 100 > 1 else number - 89


def month_of(at: datetime, zone: ZoneInfo) -> Period:
    """The open calendar month that holds the instant `at`."""
    local = at.astimezone(zone)
    return month(local.year * 100 + local.month, zone)


def month(number: int, zone: ZoneInfo) -> Period:
    """The open calendar month of that number, from its first instant to the next month's first."""
    starts_at, ends_at = _first_instant(number, zone), _first_instant(following(number), zone)
    return Period(number, starts_at, ends_at, PeriodState.OPEN)


def period_at(at: datetime, zone: ZoneInfo, existing: Iterable[Period]) -> Period | None:
    """The period that holds the instant: one of those that exist, or the open one that fits between them.

    A new one is called after its month in the zone, unless that name has its place before or after its
    neighbours: then it takes the name next to theirs. `existing` may leave out what ended before the last
    closed one. None if the neighbours leave no name for it, as two follow each other with a gap.
    """
    known = sorted(existing)
    for period in known:
        if period.starts_at <= at < period.ends_at:
            return period
    number = month_of(at, zone).number
    before = [one for one in known if one.ends_at <= at]
    after = [one for one in known if one.starts_at > at]
    if before:
        number = max(number, following(before[-1].number))
    if after:
        number = min(number, preceding(after[0].number))
    if before and number <= before[-1].number:
        return None
    return period_numbered(number, zone, known)


def period_numbered(number: int, zone: ZoneInfo, existing: Sequence[Period]) -> Period:
    """The open period of a number that does not exist yet: its month in the zone, fitted between the others.

    It begins where the one before it ends, and ends where the one after it begins.
    """
    wanted = month(number, zone)
    starts_at, ends_at = wanted.starts_at, wanted.ends_at
    earlier = max((one for one in existing if one.number < number), default=None)
    later = min((one for one in existing if one.number > number), default=None)
    if earlier is not None:
        follows = earlier.number == preceding(number)
        starts_at = earlier.ends_at if follows else max(starts_at, earlier.ends_at)
    if later is not None:
        precedes = later.number == following(number)
        ends_at = later.starts_at if precedes else min(ends_at, later.starts_at)
        starts_at = min(starts_at, later.starts_at)
    return Period(number, starts_at, max(starts_at, ends_at), PeriodState.OPEN)


def is_time_zone(name: str) -> bool:
    """Whether it is a fixed name of the IANA database, which means the same on every machine."""
    return name in available_timezones() and name not in _NO_PLACES and not name.startswith(_NO_PLACES_BELOW)


def _first_instant(number: int, zone: ZoneInfo) -> datetime:
    return datetime(number // 100, number % 100, 1, tzinfo=zone)


class ExpiryKind(StrEnum):
    ROLLING = "rolling"
    FIXED = "fixed"
    NEVER = "never"


class ExpiryPolicy(NamedTuple):
    """When the points that a participant issues end.

    `rolling`: `months` after the day they are earned, rounded up to the end of that month.
    `fixed`: on `day` of `month` each year, the first such day after the day they are earned.
    """

    kind: ExpiryKind = ExpiryKind.ROLLING
    months: int = 24
    month: int = 12
    day: int = 31


def expires_on(policy: ExpiryPolicy, earned_on: date) -> date | None:
    """The last day on which points earned on `earned_on` can be used; None means never."""
    match policy.kind:
        case ExpiryKind.NEVER:
            return None
        case ExpiryKind.ROLLING:
            return end_of_month(add_months(earned_on, policy.months))
        case ExpiryKind.FIXED:
            this_year = _in_year(earned_on.year, policy)
            return this_year if this_year > earned_on else _in_year(earned_on.year + 1, policy)


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or that month's last day where it is shorter (31 Jan + 1 = 28 Feb)."""
    total = day.year * 12 + day.month - 1 + months
    year, month_index = divmod(total, 12)
    return date(year, month_index + 1, min(day.day, monthrange(year, month_index + 1)[1]))


def end_of_month(day: date) -> date:
    return date(day.year, day.month, monthrange(day.year, day.month)[1])


def _in_year(year: int, policy: ExpiryPolicy) -> date:
    return date(year, policy.month, min(policy.day, monthrange(year, policy.month)[1]))


def day_before(day: date) -> date:
    return day - timedelta(days=1)
