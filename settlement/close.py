"""Closing a period: cut-off, nets, and a statement for every participant.

The cut-off holds the lock of the periods exclusively, which every posting holds shared: it waits for the
postings in flight, and none can enter the period afterwards. Then the nets are made, while postings go on: of
running positions, so that it costs as many rows as there are pairs of participants, however many transactions
there were.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, Engine, Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from clearing import locks
from clearing.beside import Beside, nothing
from clearing.core.calendar import Period, PeriodState, following, period_at, period_name, period_numbered
from clearing.directory import read_rulebook
from clearing.ids import encode
from clearing.one_by_one import Failures
from clearing.periods import open_period, read_periods
from clearing.tables import participants, periods, transactions
from clearing.upkeep import CLOCK
from settlement.accounts import Stated, read_open, read_paid, read_stated, up_to_now
from settlement.core.netting import Netting
from settlement.liabilities import write_liabilities
from settlement.query import (
    Settlement,
    net_now,
    read_participant_codes,
    read_settlement,
    read_stated_by,
    running,
)
from settlement.tables import (
    settlement_nets,
    settlement_positions,
    settlement_rebates,
    settlements,
    statement_keys,
    statements,
)
from settlement.telling import tell_of_closing
from settlement.verify import is_reproduced

log = structlog.get_logger(__name__)

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
    """Cut the period off and settle it, in the caller's transaction; see `cut_off` and `settle_period`.

    A closed period is answered with the settlement it has: closing twice is the same as once.
    """
    refusal = cut_off(connection, number, at=at, early=early, closed_by=closed_by)
    return refusal or settle_period(connection, number)


def cut_off(
    connection: Connection,
    number: int,
    *,
    at: datetime | None = None,
    early: bool = False,
    closed_by: str,
    beside: Beside = nothing,
) -> CloseRefusal | None:
    """End the period in the caller's transaction, which must be READ COMMITTED: nothing enters it any more.

    `at` is now; None takes the database's clock once no posting is in flight any more, which is what
    anything but a test or a simulation wants. A period whose end has passed ends there. With `early` the
    period in course ends at `at` and the next one begins at that instant; should something have been
    booked in it after `at` (it committed while this closing waited), it ends right after that.
    `early` has no meaning for a period whose end has passed, and one that has not begun is refused.

    Postings wait until the transaction ends. A period that is closed already stays as it is.
    """
    _refuse_other_isolation(connection)
    locks.hold_exclusively(connection, locks.PERIODS)
    if at is None:
        at = connection.execute(select(func.clock_timestamp())).scalar_one()
    existing = read_periods(connection)
    period = next((one for one in existing if one.number == number), None)
    if period is not None and period.state is not PeriodState.OPEN:
        return None
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
    connection.execute(
        update(periods).where(periods.c.number == number).values(state=PeriodState.CLOSED.value)
    )
    connection.execute(
        insert(settlements).values(
            period=number,
            closed_at=at,
            closed_by=closed_by,
            early=ended_early,
            rule_version=rulebook.version,
            due_on=at.astimezone(settings.time_zone).date() + timedelta(days=settings.due_days),
            last_payment=stated.until_payment,
            last_carry_forward=stated.until_carry_forward,
        )
    )
    beside(connection)
    return None


def settle_period(connection: Connection, number: int) -> Settlement:
    """Write the nets and statements of a period that has been cut off, in the caller's transaction.

    Earlier ones that were left without come first. Nobody waits for it, as nothing they are made of changes
    any more; doing it again changes nothing. Raises NotZeroSum, writing nothing, if nets do not balance.
    """
    unsettled = select(settlements).where(settlements.c.period <= number, settlements.c.zero_sum.is_(None))
    for cut in connection.execute(unsettled.order_by(settlements.c.period).with_for_update()).all():
        stated = read_stated_by(connection, cut.period)
        rulebook, codes = read_rulebook(connection), read_participant_codes(connection)
        netting = net_now(connection, cut.period, codes, rulebook, stated)
        if not netting.zero_sum:
            raise NotZeroSum(f"the nets of {period_name(cut.period)} and the hub's do not add up to zero")
        _write_netting(connection, cut.period, netting, stated)
        written = _write_statements(connection, cut.period, cut.closed_at)
        tell_of_closing(
            connection,
            cut.period,
            cut.closed_at,
            [(one["participant_id"], one["id"], one["number"]) for one in written],
        )
        done = update(settlements).where(settlements.c.period == cut.period)
        connection.execute(done.values(zero_sum=True))
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


def close_and_check(
    engine: Engine,
    number: int,
    *,
    at: datetime | None = None,
    early: bool = False,
    closed_by: str,
    beside: Beside = nothing,
) -> Settlement | CloseRefusal:
    """Close the period, with what the caller writes `beside`, and add its journal up again.

    In three transactions.

    Postings wait for the first only, which reads no more than a few rows. If a later one was cut off, closing
    again makes up for it.
    """
    with engine.begin() as connection:
        refusal = cut_off(connection, number, at=at, early=early, closed_by=closed_by, beside=beside)
    return refusal or finish(engine, number)


def finish(engine: Engine, number: int) -> Settlement:
    """Settle a period that has been cut off and add its journal up again, as far as that is not done."""
    with engine.begin() as connection:
        settlement = settle_period(connection, number)
    if settlement.recomputed is not None:
        return settlement
    with engine.begin() as connection:
        check_recomputed(connection, number)
    with engine.connect() as connection:
        return _written(connection, number)


def close_due(engine: Engine, at: datetime) -> int:
    """Close every month that ended the alliance's quiet time ago, in their order; how many there were.

    A period that was opened after its end holds history: whoever loads it knows when it is complete, and
    closes it by hand. Later ones wait for it, and so does a month without a posting right behind it.

    One that is cut off and then cannot be finished does not hold up the next; what failed is raised at the
    end as NotAllDone, by the names of the periods, and is for `finish_unfinished` to try again.
    """
    closed, failures, failed = 0, Failures(), None
    while (number := _next_due(engine, at)) is not None:
        if number == failed:
            break  # it could not even be cut off, and no later one is before it
        failed = number
        with failures.of(period_name(number)):
            outcome = close_and_check(engine, number, at=at, closed_by=CLOCK.key_id)
            if isinstance(outcome, CloseRefusal):
                log.warning("period_not_closed", period=period_name(number), detail=outcome.detail)
                break
            log.info("period_closed", period=outcome.period.name, recomputed=outcome.recomputed)
            closed, failed = closed + 1, None
    failures.tell({"closed": closed})
    return closed


def finish_unfinished(engine: Engine) -> int:
    """Finish the closed periods of which that was cut off; how many there were.

    All are tried. Those that fail are raised at the end as NotAllDone, by the names of the periods.
    """
    with engine.connect() as connection:
        query = select(settlements.c.period).where(settlements.c.recomputed.is_(None))
        numbers = list(connection.execute(query.order_by(settlements.c.period)).scalars())
    failures = Failures()
    for number in numbers:
        with failures.of(period_name(number)):
            finish(engine, number)
    failures.tell({"finished": len(numbers) - len(failures)})
    return len(numbers)


def _next_due(engine: Engine, at: datetime) -> int | None:
    """The month to be closed now by the clock, if there is one; it need not have been opened."""
    query = select(periods, settlements.c.closed_by).outerjoin(settlements).order_by(periods.c.number)
    with engine.connect() as connection:
        settings = read_rulebook(connection).settings
        rows = connection.execute(query).all()
    if settings.close_quiet_minutes is None:
        return None
    due: Row | Period | None
    last_closed = next((row for row in reversed(rows) if row.closed_by is not None), None)
    first_open = next((row for row in rows if row.closed_by is None), None)
    due = first_open
    if last_closed is not None and not _holds_history(last_closed):
        existing = [Period(row.number, row.starts_at, row.ends_at, PeriodState(row.state)) for row in rows]
        unopened = period_numbered(following(last_closed.number), settings.time_zone, existing)
        if first_open is None or unopened.number < first_open.number:
            # Nothing was posted in it, so nobody has opened it; it settles too.
            due = unopened
    if due is None or (due is first_open and _holds_history(first_open)):
        return None
    is_due: bool = due.ends_at + timedelta(minutes=settings.close_quiet_minutes) <= at
    return due.number if is_due else None


def list_waiting(connection: Connection, at: datetime) -> list[Period]:
    """Open periods that the clock would have closed if they did not hold history, the earliest first."""
    quiet = read_rulebook(connection).settings.close_quiet_minutes
    if quiet is None:
        return []
    query = select(periods, settlements.c.closed_by).outerjoin(settlements).order_by(periods.c.number)
    return [
        Period(row.number, row.starts_at, row.ends_at, PeriodState(row.state))
        for row in connection.execute(query)
        if row.closed_by is None and _holds_history(row) and row.ends_at + timedelta(minutes=quiet) <= at
    ]


def history_open_from(connection: Connection) -> date | None:
    """The first day, in the alliance's time zone, on which rows of the past may still be booked: that of the
    end of the last closed period, `date.min` where none is closed. None where nobody is loading history.

    Somebody is while a period that holds some is open, and between two such periods: the one was closed by
    hand and the next is not opened yet.
    """
    query = select(periods, settlements.c.closed_by).outerjoin(settlements).order_by(periods.c.number)
    rows = connection.execute(query).all()
    last_closed = next((row for row in reversed(rows) if row.closed_by is not None), None)
    waits = any(row.closed_by is None and _holds_history(row) for row in rows)
    if last_closed is None:
        return date.min if waits else None
    follows = any(row.closed_by is None and row.starts_at <= last_closed.ends_at for row in rows)
    if not waits and (follows or not _holds_history(last_closed)):
        return None
    day: date = last_closed.ends_at.astimezone(read_rulebook(connection).settings.time_zone).date()
    return day


def _holds_history(period: Row) -> bool:
    """Whether it was opened for rows of the past; empty months that the clock closed were opened late too."""
    late: bool = period.opened_at >= period.ends_at and period.closed_by != CLOCK.key_id
    return late


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
    present = period_at(at, zone, existing)
    if not existing or present is None or not existing[0].number <= number <= present.number:
        return None
    later = [one for one in existing if one.number > number and one.state is not PeriodState.OPEN]
    return None if later else open_period(connection, period_numbered(number, zone, existing))


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
    number = following(period.number)
    if any(one.number == number for one in existing):
        # Opened ahead of time by a clock that runs ahead; what it holds was booked later than this end.
        connection.execute(update(periods).where(periods.c.number == number).values(starts_at=ends_at))
    else:
        open_period(connection, period_numbered(number, zone, ended))


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
    # From table to table: there may be as many as pairs of participants.
    columns = [column.name for column in settlement_positions.c]
    connection.execute(insert(settlement_positions).from_select(columns, running(number)))


def _write_statements(connection: Connection, number: int, at: datetime) -> list[dict[str, Any]]:
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
        return []
    written = [_statement(number, row, at) for row in rows]
    connection.execute(insert(statements), written)
    keys = upsert(statement_keys).on_conflict_do_nothing()
    connection.execute(keys, [{"participant_id": row.id} for row in rows])
    return written


def _statement(number: int, participant: Row, at: datetime) -> dict[str, Any]:
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
