"""Reading the ledger back: transactions as they were booked, wallets and their lots."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, not_, or_, select, tuple_

from clearing.core.accounts import CHART, Account, Asset, EntryKind
from clearing.core.holds import HeldDraw, Hold, HoldStatus
from clearing.core.journal import (
    Booking,
    Leg,
    LegKind,
    LotMovement,
    Reason,
    Transaction,
    TransactionKind,
)
from clearing.core.snapshot import Card, CardStatus, Lot
from clearing.tables import (
    cards,
    entries,
    events,
    hold_draws,
    holds,
    legs,
    lots,
    members,
    references,
    transactions,
)

TransactionKey = tuple[int, int]  # (wallet id, transaction id)


class TransactionFilter(NamedTuple):
    """What a list of transactions is confined to; None does not confine.

    `visible_to`: the participant that must be acceptor, or issuer of one of the legs.
    """

    visible_to: int | None = None
    wallet_id: int | None = None
    merchant_id: int | None = None
    period: int | None = None
    reference: str | None = None


def transaction_key(booking: Booking) -> TransactionKey:
    return booking.transaction.wallet_id, booking.transaction.id


def read_bookings(connection: Connection, keys: Sequence[TransactionKey]) -> list[Booking]:
    """The bookings with these keys, in the order asked for; one that does not exist is left out."""
    if not keys:
        return []
    found = {
        (row.wallet_id, row.id): _transaction(row)
        for row in connection.execute(
            select(transactions).where(tuple_(transactions.c.wallet_id, transactions.c.id).in_(keys))
        )
    }
    legs_of = _legs(connection, keys)
    movements_of = _movements(connection, keys)
    return [
        Booking(found[key], legs_of.get(key, []), movements_of.get(key, [])) for key in keys if key in found
    ]


def list_bookings(
    connection: Connection, wanted: TransactionFilter, before: int | None, limit: int
) -> list[Booking]:
    """The newest first; `before`: the id of the last one already seen."""
    query = select(transactions.c.wallet_id, transactions.c.id).where(*_conditions(wanted))
    if before is not None:
        query = query.where(transactions.c.id < before)
    rows = connection.execute(query.order_by(transactions.c.id.desc()).limit(limit))
    return read_bookings(connection, [(row.wallet_id, row.id) for row in rows])


class HoldFilter(NamedTuple):
    """What a list of holds is confined to; None does not confine."""

    acceptor_id: int | None = None
    wallet_id: int | None = None
    merchant_id: int | None = None
    status: HoldStatus | None = None


def list_events(
    connection: Connection, participant_id: int | None, type_: str | None, before: int | None, limit: int
) -> list[Row]:
    """The newest first: id, type, participant_id, made_at, data; of one participant, or of all."""
    query = select(events).order_by(events.c.id.desc()).limit(limit)
    if participant_id is not None:
        query = query.where(events.c.participant_id == participant_id)
    if type_ is not None:
        query = query.where(events.c.type == type_)
    if before is not None:
        query = query.where(events.c.id < before)
    return list(connection.execute(query))


def database_time(connection: Connection) -> datetime:
    """The database's clock, by which holds end."""
    at: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return at


def local_date(connection: Connection, zone: ZoneInfo) -> date:
    """The day it is there, by the database's clock."""
    return database_time(connection).astimezone(zone).date()


def read_hold(connection: Connection, wallet_id: int, hold_id: int) -> Hold | None:
    query = select(holds).where(holds.c.wallet_id == wallet_id, holds.c.id == hold_id)
    found = _holds(connection, query)
    return found[0] if found else None


def list_holds(
    connection: Connection, wanted: HoldFilter, at: datetime, before: int | None, limit: int
) -> list[Hold]:
    """The newest first; `before`: the id of the last one already seen. Their status is that at `at`."""
    query = select(holds)
    for column, value in (
        (holds.c.acceptor_id, wanted.acceptor_id),
        (holds.c.wallet_id, wanted.wallet_id),
        (holds.c.merchant_id, wanted.merchant_id),
    ):
        if value is not None:
            query = query.where(column == value)
    is_over = and_(holds.c.status == HoldStatus.HELD, holds.c.expires_at <= at)
    match wanted.status:
        case None:
            pass
        case HoldStatus.EXPIRED:
            query = query.where(or_(holds.c.status == HoldStatus.EXPIRED, is_over))
        case status:
            query = query.where(holds.c.status == status, not_(is_over))
    if before is not None:
        query = query.where(holds.c.id < before)
    return _holds(connection, query.order_by(holds.c.id.desc()).limit(limit))


def _holds(connection: Connection, query: Select[Any]) -> list[Hold]:
    rows = connection.execute(query).all()
    keys = [(row.wallet_id, row.id) for row in rows]
    draws: dict[int, list[HeldDraw]] = {}
    drawn = select(hold_draws).where(tuple_(hold_draws.c.wallet_id, hold_draws.c.hold_id).in_(keys))
    for row in connection.execute(drawn.order_by(hold_draws.c.hold_id, hold_draws.c.number)):
        draws.setdefault(row.hold_id, []).append(HeldDraw(row.lot_id, row.issuer_id, row.quantity))
    return [
        Hold(
            **{
                **row._mapping,
                "kind": TransactionKind(row.kind),
                "status": HoldStatus(row.status),
                "draws": tuple(draws[row.id]),
            }
        )
        for row in rows
    ]


def read_card(connection: Connection, number: str) -> Card | None:
    row = connection.execute(select(cards).where(cards.c.number == number)).one_or_none()
    return _card(row) if row else None


def list_cards(connection: Connection, wallet_id: int) -> list[Card]:
    rows = connection.execute(select(cards).where(cards.c.wallet_id == wallet_id).order_by(cards.c.number))
    return [_card(row) for row in rows]


def list_lots(connection: Connection, wallet_id: int, on: date | None = None) -> list[Lot]:
    """The wallet's lots with anything in them, earliest expiry first; `on` leaves out what ended before."""
    query = select(lots).where(lots.c.wallet_id == wallet_id, or_(lots.c.available > 0, lots.c.held > 0))
    if on is not None:
        query = query.where(or_(lots.c.expires_on.is_(None), lots.c.expires_on >= on))
    rows = connection.execute(query.order_by(lots.c.expires_on.nulls_last(), lots.c.id))
    return [
        Lot(row.wallet_id, row.id, row.issuer_id, Asset(row.asset), row.expires_on, row.available, row.held)
        for row in rows
    ]


def wallet_members(connection: Connection, wallet_id: int) -> list[Row]:
    """The wallet's members: id, participant_id."""
    query = select(members.c.id, members.c.participant_id).where(members.c.wallet_id == wallet_id)
    return list(connection.execute(query.order_by(members.c.id)))


def _conditions(wanted: TransactionFilter) -> Iterable[ColumnElement[bool]]:
    if wanted.wallet_id is not None:
        yield transactions.c.wallet_id == wanted.wallet_id
    if wanted.merchant_id is not None:
        yield transactions.c.merchant_id == wanted.merchant_id
    if wanted.period is not None:
        yield transactions.c.period == wanted.period
    if wanted.reference is not None:
        yield tuple_(transactions.c.wallet_id, transactions.c.id).in_(
            select(references.c.wallet_id, references.c.transaction_id).where(
                references.c.reference == wanted.reference
            )
        )
    if wanted.visible_to is not None:
        yield or_(
            transactions.c.acceptor_id == wanted.visible_to,
            exists().where(
                and_(
                    legs.c.wallet_id == transactions.c.wallet_id,
                    legs.c.transaction_id == transactions.c.id,
                    legs.c.issuer_id == wanted.visible_to,
                )
            ),
        )


def _legs(connection: Connection, keys: Sequence[TransactionKey]) -> dict[TransactionKey, list[Leg]]:
    query = select(legs).where(tuple_(legs.c.wallet_id, legs.c.transaction_id).in_(keys))
    found: dict[TransactionKey, list[Leg]] = {}
    for row in connection.execute(query.order_by(legs.c.transaction_id, legs.c.number)):
        leg = Leg(**{**row._mapping, "kind": LegKind(row.kind), "reason": Reason(row.reason)})
        found.setdefault((row.wallet_id, row.transaction_id), []).append(leg)
    return found


def _movements(
    connection: Connection, keys: Sequence[TransactionKey]
) -> dict[TransactionKey, list[LotMovement]]:
    """What the transactions put into lots and took out of them, from the entries on lot accounts."""
    on_lots = [kind for kind, posting in CHART.items() if Account.LOT in (posting.debit, posting.credit)]
    query = (
        select(entries, lots.c.expires_on)
        .join(
            lots,
            and_(
                lots.c.wallet_id == entries.c.wallet_id,
                or_(lots.c.id == entries.c.debit, lots.c.id == entries.c.credit),
            ),
        )
        .where(tuple_(entries.c.wallet_id, entries.c.transaction_id).in_(keys), entries.c.kind.in_(on_lots))
    )
    found: dict[TransactionKey, list[LotMovement]] = {}
    for row in connection.execute(query.order_by(entries.c.transaction_id, entries.c.number)):
        credit = CHART[EntryKind(row.kind)].credit is Account.LOT
        lot_id, issuer_id = (row.credit, row.debit) if credit else (row.debit, row.credit)
        movement = LotMovement(issuer_id, lot_id, row.expires_on, row.quantity, credit)
        found.setdefault((row.wallet_id, row.transaction_id), []).append(movement)
    return found


def _transaction(row: Row) -> Transaction:
    return Transaction(**{**row._mapping, "kind": TransactionKind(row.kind)})


def _card(row: Row) -> Card:
    return Card(row.number, row.wallet_id, row.issuer_id, CardStatus(row.status), row.expires_on)
