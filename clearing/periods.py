"""Opening of settlement periods, with the partitions of the journal that belong to them."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select, text

from clearing import locks
from clearing.core.calendar import Period, PeriodState, month, month_of
from clearing.tables import JOURNAL, periods


class PeriodIsOver(ValueError):
    """The instant lies before the end of a closed period: none can be opened for it any more."""


def read_periods(connection: Connection) -> list[Period]:
    """All periods, the earliest first."""
    rows = connection.execute(select(periods).order_by(periods.c.number)).all()
    return [Period(row.number, row.starts_at, row.ends_at, PeriodState(row.state)) for row in rows]


def closed_until(all_periods: Sequence[Period]) -> datetime | None:
    """The end of the last closed period; None while nothing is closed."""
    return max((one.ends_at for one in all_periods if one.state is not PeriodState.OPEN), default=None)


def open_period_for(connection: Connection, at: datetime, zone: ZoneInfo) -> Period:
    """The period that holds `at`, opened if there is none yet. Waits for postings in flight.

    Raises PeriodIsOver if `at` lies before the end of a closed period.
    """
    locks.hold_exclusively(connection, locks.PERIODS)
    existing = read_periods(connection)
    for period in existing:
        if period.starts_at <= at < period.ends_at:
            return period
    closed = closed_until(existing)
    if closed is not None and at < closed:
        raise PeriodIsOver(f"{at.isoformat()} lies before the end of a closed period")
    return open_month(connection, month_of(at, zone), existing)


def open_month(connection: Connection, wanted: Period, existing: Sequence[Period]) -> Period:
    """Open that calendar month; it begins where an earlier period that reaches into it ends.

    The caller holds `locks.PERIODS` exclusively.
    """
    reach = max((one.ends_at for one in existing if one.number < wanted.number), default=wanted.starts_at)
    period = wanted._replace(starts_at=max(wanted.starts_at, reach))
    connection.execute(insert(periods).values(**period._asdict()))
    for table in JOURNAL:
        # Made apart and then attached: unlike CREATE … PARTITION OF, this waits for no reader of the journal.
        partition = f"{table.name}_{period.number}"
        connection.execute(text(f"CREATE TABLE {partition} (LIKE {table.name} INCLUDING ALL)"))
        connection.execute(
            text(f"ALTER TABLE {table.name} ATTACH PARTITION {partition} FOR VALUES IN ({period.number})")
        )
    return period


def next_month(number: int, zone: ZoneInfo, starts_at: datetime) -> Period:
    """The calendar month of that number, beginning elsewhere than at its first instant (early closing)."""
    return month(number, zone)._replace(starts_at=starts_at)
