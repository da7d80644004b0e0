"""Closing a period: cut-off, nets, and a statement for every participant, in one transaction.

Closing holds the lock of the periods exclusively, which every posting holds shared: it waits for the
postings in flight, and none can enter the period afterwards. It adds up running positions, so it costs
as many rows as there are pairs of participants, however many transactions there were.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from clearing import locks
from clearing.core.calendar import Period, PeriodState, following, month, month_of, period_name
from clearing.directory import read_rulebook
from clearing.ids import encode
from clearing.periods import next_month, open_month, read_periods
from clearing.tables import participants, periods, transactions
from settlement.accounts import Stated, read_open, read_paid, read_stated, up_to_now
from settlement.core.netting import Netting
from settlement.liabilities import write_liabilities
from settlement.query import Settlement, net_now, read_participant_codes, read_settlement
from settlement.tables import (
    settlement_nets,
    settlement_positions,
    settlement_rebates,
    settlements,
    statement_keys,
    statements,
)
from settlement.verify import is_reproduced

#: The resolution of the database's clock.
TICK = timedelta(microseconds=1)


class CloseRefused(StrEnum):
    """Why a period is not closed, in the order of precedence."""

    NOT_FOUND = "not_found"
    PERIOD_NOT_ENDED = "period_not_ended"
    EARLIER_PERIOD_OPEN = "earlier_period_open"


class CloseRefusal(NamedTuple):
    """`detail` is a sentence that says what to do."""

    code: CloseRefused
    detail: str


class NotZeroSum(Exception):
    """The nets do not add up to nothing: a fault of this program. Nothing is written."""


def close_period(
    connection: Connection, number: int, *, at: datetime | None = None, early: bool = False, closed_by: str
) -> Settlement | CloseRefusal:
    """Close the period with this number in the caller's transaction, which must be READ COMMITTED.

    `at` is now; None takes the database's clock once no posting is in flight any more, which is what
    anything but a test or a simulation wants. A period whose end has passed ends there. With `early` the
    period in course ends at `at` and the next one begins at that instant; should something have been
    booked in it after `at` (it committed while this closing waited), it ends right after that.
    `early` has no meaning for a period whose end has passed, and one that has not begun is refused.

    A closed period is answered with the settlement it has: closing twice is the same as once.
    Raises NotZeroSum, and nothing is written, if the nets do not balance.
    """
    _refuse_other_isolation(connection)
    locks.hold_exclusively(connection, locks.PERIODS)
    if at is None:
        at = connection.execute(select(func.clock_timestamp())).scalar_one()
    existing = read_periods(connection)
    period = next((one for one in existing if one.number == number), None)
    if period is not None and period.state is not PeriodState.OPEN:
        return _written(connection, number)
    rulebook = read_rulebook(connection)
    settings = rulebook.settings
    if period is None:
        period = _empty_month(connection, number, existing, at, settings.time_zone)
    if period is None:
        return CloseRefusal(CloseRefused.NOT_FOUND, f"No period {period_name(number)} has been opened.")
    refusal = _refusal(period, existing, at, early, settings.time_zone)
    if refusal is not None:
        return refusal
    ended_early = at < period.ends_at
    if ended_early:
        _end_early(connection, period, existing, at, settings.time_zone)
    stated = up_to_now(connection, read_stated(connection))
    netting = net_now(connection, number, read_participant_codes(connection), rulebook, stated)
    if not netting.zero_sum:
        raise NotZeroSum(f"the nets of {period.name} and the hub's do not add up to zero")
    connection.execute(
        update(periods).where(periods.c.number == number).values(state=PeriodState.CLOSED.value)
    )
    connection.execute(
        insert(settlements).values(
            period=number,
            closed_at=at,
            closed_by=closed_by,
            early=ended_early,
            zero_sum=True,
            rule_version=rulebook.version,
            due_on=at.astimezone(settings.time_zone).date() + timedelta(days=settings.due_days),
            last_payment=stated.until_payment,
            last_carry_forward=stated.until_carry_forward,
        )
    )
    _write_netting(connection, number, netting, stated)
    _write_statements(connection, number, at)
    return _written(connection, number)


def check_recomputed(connection: Connection, number: int) -> bool:
    """Add up a closed period again from its journal and note whether it comes out the same.

    What issuers owe members at its end is written first, as that too needs the whole period to be read.
    Legs and entries are added up each by themselves. That reads the whole period, so it has a transaction
    of its own after the one that closed it; postings do not wait for it. Raises ValueError for a period
    that is not closed.
    """
    write_liabilities(connection, number)
    reproduced = is_reproduced(connection, number)
    noted = connection.execute(
        update(settlements)
        .where(settlements.c.period == number)
        .values(recomputed=reproduced)
        .returning(settlements.c.period)
    ).one_or_none()
    if noted is None:
        raise ValueError(f"{period_name(number)} is not closed")
    return reproduced


def statement_id(number: int, participant_id: int) -> str:
    """The same for the same period and participant; in the order of periods."""
    return encode("stm", number << 32 | participant_id)


def _refuse_other_isolation(connection: Connection) -> None:
    """With a snapshot taken before the lock was granted, the postings waited for would not be seen."""
    isolation = connection.exec_driver_sql("SHOW transaction_isolation").scalar_one()
    if isolation != "read committed":
        raise RuntimeError(f"a period is closed in a READ COMMITTED transaction, not {isolation.upper()}")


def _refusal(
    period: Period, existing: Sequence[Period], at: datetime, early: bool, zone: ZoneInfo
) -> CloseRefusal | None:
    name = period.name
    if at <= period.starts_at:
        begins = period.starts_at.astimezone(zone).isoformat()
        return CloseRefusal(
            CloseRefused.PERIOD_NOT_ENDED, f"{name} begins at {begins} and cannot end before that."
        )
    if at < period.ends_at and not early:
        ends = period.ends_at.astimezone(zone).isoformat()
        return CloseRefusal(
            CloseRefused.PERIOD_NOT_ENDED,
            f'{name} ends at {ends}. To end it now, close it early: {{"early": true}} or --early.',
        )
    earlier = next(
        (one for one in existing if one.number < period.number and one.state is PeriodState.OPEN), None
    )
    if earlier is not None:
        return CloseRefusal(
            CloseRefused.EARLIER_PERIOD_OPEN, f"{earlier.name} is still open. Close it before {name}."
        )
    return None


def _empty_month(
    connection: Connection, number: int, existing: Sequence[Period], at: datetime, zone: ZoneInfo
) -> Period | None:
    """A month without a posting has not been opened; it settles too, once the alliance has begun.

    None for a month before the first period or after the present one.
    """
    if not existing or not existing[0].number <= number <= month_of(at, zone).number:
        return None
    later = [one for one in existing if one.number > number and one.state is not PeriodState.OPEN]
    return None if later else open_month(connection, month(number, zone), existing)


def _end_early(
    connection: Connection, period: Period, existing: Sequence[Period], at: datetime, zone: ZoneInfo
) -> None:
    """End the period at `at`, or right after its last booking, and let the next month begin there."""
    last = connection.execute(
        select(func.max(transactions.c.booked_at)).where(
            transactions.c.period == period.number, transactions.c.booked_at >= at
        )
    ).scalar_one()
    ends_at = at if last is None else min(last + TICK, period.ends_at)
    connection.execute(update(periods).where(periods.c.number == period.number).values(ends_at=ends_at))
    ended = [one._replace(ends_at=ends_at) if one.number == period.number else one for one in existing]
    wanted = next_month(following(period.number), zone, ends_at)
    if any(one.number == wanted.number for one in existing):
        # Opened ahead of time by a clock that runs ahead; what it holds was booked later than this end.
        connection.execute(update(periods).where(periods.c.number == wanted.number).values(starts_at=ends_at))
    else:
        open_month(connection, wanted, ended)


def _write_netting(connection: Connection, number: int, netting: Netting, stated: Stated) -> None:
    if netting.lines:
        open_before, paid = read_open(connection, number), read_paid(connection, stated)
        lines = [
            {
                "period": number,
                **line._asdict(),
                "net": line.net,
                "opening_balance": open_before.get(line.participant_id, 0),
                "payments": paid.get(line.participant_id, 0),
            }
            for line in netting.lines
        ]
        connection.execute(insert(settlement_nets), lines)
    if netting.rebates:
        rebates = [{"period": number, **row._asdict()} for row in netting.rebates]
        connection.execute(insert(settlement_rebates), rebates)
    if netting.exchanges:
        rows = [{"period": number, **row._asdict()} for row in netting.exchanges]
        connection.execute(insert(settlement_positions), rows)


def _write_statements(connection: Connection, number: int, at: datetime) -> None:
    """One for each participant that has a line in the settlement, so also for one without business."""
    query = (
        select(
            participants.c.id,
            participants.c.code,
            participants.c.name,
            participants.c.registered_name,
            participants.c.address,
            participants.c.tax_number,
        )
        .join(settlement_nets, settlement_nets.c.participant_id == participants.c.id)
        .where(settlement_nets.c.period == number)
    )
    rows = connection.execute(query.order_by(participants.c.id)).all()
    if not rows:
        return
    connection.execute(insert(statements), [_statement(number, row, at) for row in rows])
    keys = upsert(statement_keys).on_conflict_do_nothing()
    connection.execute(keys, [{"participant_id": row.id} for row in rows])


def _statement(number: int, participant: Row, at: datetime) -> dict[str, object]:
    return {
        "id": statement_id(number, participant.id),
        "period": number,
        "participant_id": participant.id,
        "participant_code": participant.code,
        "participant_name": participant.name,
        "registered_name": participant.registered_name,
        "address": participant.address,
        "tax_number": participant.tax_number,
        # The last part counts the issues of one statement; a closed period has only ever the first.
        "number": f"{period_name(number)}-{participant.code}-1",
        "issued_at": at,
    }


def _written(connection: Connection, number: int) -> Settlement:
    settlement = read_settlement(connection, number)
    if settlement is None:
        raise AssertionError("unreachable: a closed period has a settlement")
    return settlement
