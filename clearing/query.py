"""Reading the ledger back: transactions as they were booked, wallets and their lots."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    exists,
    func,
    not_,
    or_,
    select,
    text,
    tuple_,
    union_all,
)

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
    hold_draws,
    holds,
    legs,
    lots,
    members,
    reference_collisions,
    references,
    transactions,
    wallets,
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
    booked_since: datetime | None = None


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


def database_time(connection: Connection) -> datetime:
    """The database's clock, by which holds end."""
    at: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return at


def local_date(connection: Connection, zone: ZoneInfo) -> date:
    """The day it is there, by the database's clock."""
    return database_time(connection).astimezone(zone).date()


def read_hold(connection: Connection, wallet_id: int, hold_id: int) -> Hold | None:
    """`wallet_id`: where it was placed; it may have gone on with that wallet's other things."""
    query = select(holds).where(holds.c.wallet_id.in_(_family(wallet_id)), holds.c.id == hold_id)
    found = _holds(connection, query)
    return found[0] if found else None


def read_open_holds(connection: Connection, wallet_id: int) -> list[Hold]:
    """All that is held in this wallet, whether its time is over or not."""
    query = select(holds).where(holds.c.wallet_id == wallet_id, holds.c.status == HoldStatus.HELD)
    return _holds(connection, query.order_by(holds.c.id))


def read_booking(connection: Connection, wallet_id: int, transaction_id: int) -> Booking | None:
    """`wallet_id`: where it was begun; a hold that went to another wallet was captured there."""
    query = select(transactions.c.wallet_id).where(
        transactions.c.wallet_id.in_(_family(wallet_id)), transactions.c.id == transaction_id
    )
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else read_bookings(connection, [(found, transaction_id)])[0]


def wallet_now(connection: Connection, wallet_id: int) -> int:
    """The wallet itself, or the one that it was merged into."""
    merged_into = connection.execute(select(wallets.c.merged_into).where(wallets.c.id == wallet_id))
    return merged_into.scalar_one_or_none() or wallet_id


def family(wallet: str) -> str:
    """SQL for the wallets (`id`) in which something may lie that was begun in this one: itself, the one that
    it was merged into, and those that were merged into that. A hold goes from one to the next and is captured
    on its way; a transaction stays where it was booked.

    `wallet`: how the wallet's id is written.
    """
    return f"""
SELECT {wallet} AS id
 UNION ALL
SELECT merged_into FROM wallets WHERE id = {wallet} AND merged_into IS NOT NULL
 UNION ALL
SELECT beside.id FROM wallets w JOIN wallets beside ON beside.merged_into = w.merged_into
 WHERE w.id = {wallet} AND beside.id <> w.id"""  # noqa: S608


def _family(wallet_id: int) -> Select[Any]:
    return select(text(family(":wallet_id")).bindparams(wallet_id=wallet_id).columns(wallets.c.id).subquery())


def _with_merged(wallet_id: int) -> Select[Any]:
    """The wallet, and those that were merged into it."""
    return select(wallets.c.id).where(or_(wallets.c.id == wallet_id, wallets.c.merged_into == wallet_id))


def list_holds(
    connection: Connection, wanted: HoldFilter, at: datetime, before: int | None, limit: int
) -> list[Hold]:
    """The newest first; `before`: the id of the last one already seen. Their status is that at `at`."""
    query = select(holds)
    for column, value in (
        (holds.c.acceptor_id, wanted.acceptor_id),
        (holds.c.merchant_id, wanted.merchant_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.wallet_id is not None:
        query = query.where(holds.c.wallet_id.in_(_with_merged(wanted.wallet_id)))
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
                "draws": tuple(draws.get(row.id, ())),
            }
        )
        for row in rows
    ]


def read_card(connection: Connection, number: str) -> Card | None:
    row = connection.execute(select(cards).where(cards.c.number == number)).one_or_none()
    return _card(row) if row else None


def read_cards(connection: Connection, numbers: Iterable[str]) -> dict[str, Card]:
    rows = connection.execute(select(cards).where(cards.c.number.in_(sorted(numbers))))
    return {row.number: _card(row) for row in rows}


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
        yield transactions.c.wallet_id.in_(_with_merged(wanted.wallet_id))
    if wanted.merchant_id is not None:
        yield transactions.c.merchant_id == wanted.merchant_id
    if wanted.period is not None:
        yield transactions.c.period == wanted.period
    if wanted.booked_since is not None:
        # A period may be closed early, so that the next one begins in its month; never the other way round.
        # A day before is in no later month, whatever the zone.
        eve = wanted.booked_since.astimezone(UTC) - timedelta(days=1)
        yield transactions.c.period >= eve.year * 100 + eve.month
        yield transactions.c.booked_at >= wanted.booked_since
    if wanted.reference is not None:
        yield tuple_(transactions.c.wallet_id, transactions.c.id).in_(
            union_all(
                *(
                    select(table.c.wallet_id, table.c.transaction_id).where(
                        table.c.reference == wanted.reference
                    )
                    # What has the number, and what was booked under it before numbers were compared as now.
                    for table in (references, reference_collisions)
                )
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
