"""Settlement periods and expiry dates: calendar months in the alliance's time zone.

A period is named by a whole number, 202611 for November 2026 (text form `2026-11`).
"""

from calendar import monthrange
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

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


def month_of(at: datetime, zone: ZoneInfo) -> Period:
    """The open calendar month that holds the instant `at`."""
    local = at.astimezone(zone)
    return month(local.year * 100 + local.month, zone)


def month(number: int, zone: ZoneInfo) -> Period:
    """The open calendar month of that number, from its first instant to the next month's first."""
    starts_at, ends_at = _first_instant(number, zone), _first_instant(following(number), zone)
    return Period(number, starts_at, ends_at, PeriodState.OPEN)


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
