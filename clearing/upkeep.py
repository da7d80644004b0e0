"""What the passing of time does to the ledger: holds lapse, lots end; what earlier versions left is mended.

Each run looks for what is due at an instant, by default now, and posts a command for each, in portions,
through the same path as everything else. One that fails does not stop the others: what failed is raised at
the end as NotAllDone. A run that is repeated, late or cut off in the middle does no harm: a key is one
outcome. The instant may be past, but not future: what a command finds is judged by the database's clock.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, exists, func, select

from clearing import ids
from clearing.core.accounts import Asset
from clearing.core.commands import ArrearsPayment, Caller, Expiry, Lapse, Scope
from clearing.core.events import EventType
from clearing.core.outcomes import Held, Posted
from clearing.events import Told, tell
from clearing.idempotency import key_hash, request_hash
from clearing.one_by_one import Failures, together_or_each
from clearing.query import database_time
from clearing.tables import arrears, holds, lots, members
from clearing.writer import Writer

#: Who acts. It has no key, so nobody can come as this caller from outside.
CLOCK = Caller("clock", Scope.OPERATOR)
PORTION = 1_000
#: Days before the end of points at which participants are told.
REMINDED_DAYS = (30, 7)


class Ended(NamedTuple):
    """What one run has ended: lots, and the points and fen that became breakage."""

    lots: int = 0
    points: int = 0
    value: int = 0

    def __bool__(self) -> bool:
        return self.lots > 0


def lapse_holds(engine: Engine, writer: Writer, at: datetime | None = None) -> int:
    """Release every hold whose time is over; how many there were."""
    lapsed, failures = 0, Failures()
    last: tuple[datetime, int, int] | None = None
    while due := _due_holds(engine, at, last):
        commands = [_lapse(wallet_id, hold_id) for _, wallet_id, hold_id in due]
        outcomes = together_or_each(writer.post, commands, _hold_named, failures)
        lapsed += sum(isinstance(outcome, Held) for outcome in outcomes)
        if len(due) < PORTION:
            break
        last = due[-1]
    failures.tell({"lapsed": lapsed})
    return lapsed


def expire_lots(
    engine: Engine, writer: Writer, at: datetime | None = None, before: date | None = None
) -> Ended:
    """End every lot whose last day is over in the alliance's time zone.

    `before`: the first day on which rows of the past may still use points; what ended then or later is left.
    """
    ended, failures = Ended(), Failures()
    today = _today(engine, writer, at)
    for portion in _ended_lots(engine, today if before is None else min(today, before)):
        commands = [_expiry(wallet_id, lot_id, today) for wallet_id, lot_id in portion]
        for outcome in together_or_each(writer.post, commands, _lot_named, failures):
            if isinstance(outcome, Posted):
                row = outcome.booking.transaction
                value = 0 if row.points else row.amount
                ended = Ended(ended.lots + 1, ended.points + row.points, ended.value + value)
    failures.tell(ended._asdict())
    return ended


def pay_arrears(engine: Engine, writer: Writer, at: datetime | None = None) -> int:
    """Let points pay what their wallet owes their issuer; how many points were paid.

    Since they do so at once there is nothing to find, but for what earlier versions have left. Each portion
    is a transaction of its own: stopped at any time, it goes on where it was.
    """
    paid, last = 0, (-1, 0)
    while True:
        with engine.connect() as connection:
            places = _next_owing(connection, last)
        if places:
            today = _today(engine, writer, at)
            outcomes = writer.post([_payment(wallet_id, issuer_id, today) for wallet_id, issuer_id in places])
            booked = [one.booking.transaction.points for one in outcomes if isinstance(one, Posted)]
            paid -= sum(booked)
        if len(places) < PORTION:
            return paid
        last = places[-1]


def remind(engine: Engine, writer: Writer, at: datetime | None = None) -> int:
    """Tell participants of their members' points that end in 30, and again in 7 days; how many reminders.

    Once for each lot, member and date. A run that comes late tells of what should have been told.
    """
    today = _today(engine, writer, at)
    reminders, failures = 0, Failures()
    after = (date.min, 0, 0, 0)
    while True:
        rows = _next_ending(engine, today, after)
        reminded = [_reminder(row, today) for row in rows]
        reminders += sum(together_or_each(partial(_tell, writer), reminded, _reminder_named, failures))
        if len(rows) < PORTION:
            break
        after = (rows[-1].expires_on, rows[-1].wallet_id, rows[-1].lot_id, rows[-1].member_id)
    failures.tell({"reminders": reminders})
    return reminders


def _tell(writer: Writer, reminded: Sequence[Told]) -> list[int]:
    """How many were new: what has been told before is not told again."""
    return [writer.transact(partial(tell, told=reminded))]


def _hold_named(lapse: Lapse) -> str:
    return ids.hold_id(lapse.wallet_id, lapse.hold_id)


def _lot_named(expiry: Expiry) -> str:
    return ids.lot_id(expiry.wallet_id, expiry.lot_id)


def _reminder_named(told: Told) -> str:
    return f"{ids.member_id(told.data['member_id'])}, points that end on {told.data['expires_on']}"


def _today(engine: Engine, writer: Writer, at: datetime | None) -> date:
    """The day in the alliance's time zone, by the database's clock unless told otherwise."""
    with engine.connect() as connection:
        zone = writer.directory.current(connection).rulebook.settings.time_zone
        return (at or database_time(connection)).astimezone(zone).date()


def _due_holds(
    engine: Engine, at: datetime | None, last: tuple[datetime, int, int] | None
) -> list[tuple[datetime, int, int]]:
    """The next behind `last`: one that could not be ended is not met twice in a run."""
    place = (holds.c.expires_at, holds.c.wallet_id, holds.c.id)
    query = select(*place).where(holds.c.status == "held", holds.c.expires_at <= (at or func.now()))
    if last is not None:
        query = query.where(func.row(*place) > func.row(*last))
    with engine.connect() as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(*place).limit(PORTION))]


def _ended_lots(engine: Engine, today: date) -> Iterator[list[tuple[int, int]]]:
    """In portions, in the order of their last day."""
    last: tuple[date, int, int] | None = None
    while True:
        with engine.connect() as connection:
            rows = _next_ended(connection, today, last)
        if rows:
            yield [(wallet_id, lot_id) for _, wallet_id, lot_id in rows]
        if len(rows) < PORTION:
            return
        last = rows[-1]


def _next_ended(
    connection: Connection, today: date, last: tuple[date, int, int] | None
) -> list[tuple[date, int, int]]:
    place = (lots.c.expires_on, lots.c.wallet_id, lots.c.id)
    query = select(*place).where(lots.c.expires_on < today, lots.c.available > 0)
    if last is not None:
        query = query.where(func.row(*place) > func.row(*last))
    return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(*place).limit(PORTION))]


def _next_owing(connection: Connection, last: tuple[int, int]) -> list[tuple[int, int]]:
    """Wallets and the issuers whom they owe points, and of whom they have some to use."""
    usable = exists().where(
        lots.c.wallet_id == arrears.c.wallet_id,
        lots.c.issuer_id == arrears.c.issuer_id,
        lots.c.asset == int(Asset.POINTS),
        lots.c.available > 0,
    )
    place = (arrears.c.wallet_id, arrears.c.issuer_id)
    query = select(*place).where(arrears.c.points > 0, usable, func.row(*place) > func.row(*last))
    return [(row[0], row[1]) for row in connection.execute(query.order_by(*place).limit(PORTION))]


def _next_ending(engine: Engine, today: date, after: tuple[date, int, int, int]) -> Sequence[Row[Any]]:
    """Points that end soon, one row for each member of the wallet."""
    place = (lots.c.expires_on, lots.c.wallet_id, lots.c.id, members.c.id)
    query = (
        select(
            lots.c.expires_on,
            lots.c.wallet_id,
            lots.c.id.label("lot_id"),
            members.c.id.label("member_id"),
            members.c.participant_id,
            lots.c.issuer_id,
            lots.c.available,
        )
        .join(members, members.c.wallet_id == lots.c.wallet_id)
        .where(
            lots.c.expires_on.between(today, today + timedelta(days=max(REMINDED_DAYS))),
            lots.c.available > 0,
            lots.c.asset == int(Asset.POINTS),
            members.c.erased_at.is_(None),
            func.row(*place) > func.row(*after),
        )
        .order_by(*place)
        .limit(PORTION)
    )
    with engine.connect() as connection:
        return list(connection.execute(query))


def _reminder(row: Row[Any], today: date) -> Told:
    days = (row.expires_on - today).days
    due = min(one for one in REMINDED_DAYS if days <= one)
    return Told(
        EventType.POINTS_EXPIRING,
        row.participant_id,
        {
            "member_id": row.member_id,
            "issuer_id": row.issuer_id,
            "points": row.available,
            "expires_on": row.expires_on.isoformat(),
            "days": days,
        },
        once=f"{EventType.POINTS_EXPIRING} {row.lot_id} {row.member_id} {row.expires_on} {due}",
    )


def _lapse(wallet_id: int, hold_id: int) -> Lapse:
    named = {"wallet": wallet_id, "hold": hold_id}
    return Lapse(
        key=key_hash(CLOCK.key_id, f"lapse {wallet_id} {hold_id}"),
        request_hash=request_hash("lapse", named),
        caller=CLOCK,
        wallet_id=wallet_id,
        hold_id=hold_id,
    )


def _expiry(wallet_id: int, lot_id: int, today: date) -> Expiry:
    """Of one lot on one day: what a hold gives back later is ended by a later run."""
    named = {"wallet": wallet_id, "lot": lot_id, "on": today}
    return Expiry(
        key=key_hash(CLOCK.key_id, f"expiry {wallet_id} {lot_id} {today}"),
        request_hash=request_hash("expiry", named),
        caller=CLOCK,
        wallet_id=wallet_id,
        lot_id=lot_id,
    )


def _payment(wallet_id: int, issuer_id: int, today: date) -> ArrearsPayment:
    """Of one wallet to one issuer on one day: what an older server leaves later is paid by a later run."""
    named = {"wallet": wallet_id, "issuer": issuer_id, "on": today}
    return ArrearsPayment(
        key=key_hash(CLOCK.key_id, f"arrears {wallet_id} {issuer_id} {today}"),
        request_hash=request_hash("arrears", named),
        caller=CLOCK,
        wallet_id=wallet_id,
        issuer_id=issuer_id,
    )
