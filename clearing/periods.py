"""Opening of settlement periods, with the partitions of the journal that belong to them."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select, text

from clearing import locks
from clearing.core.calendar import Period, PeriodState, period_at
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
    period = period_at(at, zone, existing)
    if period is None:
        raise PeriodIsOver(f"{at.isoformat()} lies in a gap between two periods; run `tongdui verify`")
    if period in existing:
        return period
    closed = closed_until(existing)
    if closed is not None and at < closed:
        raise PeriodIsOver(f"{at.isoformat()} lies before the end of a closed period")
    return open_period(connection, period)


def open_period(connection: Connection, period: Period) -> Period:
    """Open it as it is; see `period_at` and `period_numbered` for one that fits between its neighbours.

    The caller holds `locks.PERIODS` exclusively.
    """
    connection.execute(insert(periods).values(**period._asdict()))
    for table in JOURNAL:
        # Made apart and then attached: unlike CREATE … PARTITION OF, this waits for no reader of the journal.
        partition = f"{table.name}_{period.number}"
        connection.execute(text(f"CREATE TABLE {partition} (LIKE {table.name} INCLUDING ALL)"))
        connection.execute(
            text(f"ALTER TABLE {table.name} ATTACH PARTITION {partition} FOR VALUES IN ({period.number})")
        )
    return period
