"""Gather for what names something of before: where it lies now; of a transaction that is to be reversed, how
it was booked and what is left.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select, tuple_

from clearing import arrays
from clearing.core.accounts import Asset, EntryKind
from clearing.core.commands import Command, OnHold, Opening, Reversal
from clearing.core.directory import Directory
from clearing.core.holds import Hold
from clearing.core.journal import Transaction, TransactionKind
from clearing.core.snapshot import Card, Lot, Original, ReferenceKey, Terms
from clearing.locks import PERIODS
from clearing.money_corrections import MoneyCorrection, corrected, read_corrections
from clearing.query import family, read_bookings
from clearing.tables import legs, references, rulebooks, transactions


class Named(NamedTuple):
    """`cards`: with which it was begun; their wallets are concerned today. `elsewhere`, `merged`: see
    `Snapshot`.
    """

    cards: set[str]
    elsewhere: dict[tuple[int, int], int]
    merged: dict[int, int]


NOTHING_NAMED = Named(set(), {}, {})

_NAMED = f"""
SELECT n.wallet_id, n.id, coalesce(h.wallet_id, t.wallet_id), coalesce(h.card_number, t.card_number),
       (SELECT merged_into FROM wallets WHERE id = coalesce(h.wallet_id, t.wallet_id))
  FROM unnest(%(wallets)s::bigint[], %(ids)s::bigint[]) AS n (wallet_id, id)
 CROSS JOIN LATERAL ({family("n.wallet_id")}) AS f
  LEFT JOIN holds h ON h.wallet_id = f.id AND h.id = n.id
  LEFT JOIN transactions t ON t.wallet_id = f.id AND t.id = n.id
 WHERE h.id IS NOT NULL OR t.id IS NOT NULL
"""  # noqa: S608


def read_named(connection: Connection, commands: Sequence[OnHold | Reversal], *, locked: bool) -> Named:
    """What these name. With `locked` no wallet is merged or parted until the transaction ends."""
    lock = f"SELECT pg_advisory_xact_lock_shared({PERIODS});" if locked else ""
    ids = [one.transaction_id if isinstance(one, Reversal) else one.hold_id for one in commands]
    rows = connection.exec_driver_sql(
        lock + _NAMED,
        {"wallets": arrays.numbers(one.wallet_id for one in commands), "ids": arrays.numbers(ids)},
    ).all()
    cards = {card for *_, card, _ in rows if card is not None}
    elsewhere = {(name, id_): wallet_id for name, id_, wallet_id, *_ in rows if wallet_id != name}
    merged = {wallet_id: into for _, _, wallet_id, _, into in rows if into is not None}
    return Named(cards, elsewhere, merged)


_ACCEPTORS = f"""
SELECT DISTINCT n.wallet_id, n.id, coalesce(h.acceptor_id, t.acceptor_id)
  FROM unnest(%(wallets)s::bigint[], %(ids)s::bigint[]) AS n (wallet_id, id)
 CROSS JOIN LATERAL ({family("n.wallet_id")}) AS f
  LEFT JOIN holds h ON h.wallet_id = f.id AND h.id = n.id
  LEFT JOIN transactions t ON t.wallet_id = f.id AND t.id = n.id
 WHERE h.id IS NOT NULL OR t.id IS NOT NULL
"""  # noqa: S608


def read_acceptors(connection: Connection, names: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """At whose merchants these holds and transactions were made, by (wallet id, id) as they are named."""
    values = {
        "wallets": arrays.numbers(wallet_id for wallet_id, _ in names),
        "ids": arrays.numbers(id_ for _, id_ in names),
    }
    rows = connection.exec_driver_sql(_ACCEPTORS, values)
    return {(wallet_id, id_): acceptor_id for wallet_id, id_, acceptor_id in rows}


def read_originals(
    connection: Connection, commands: Sequence[Reversal], elsewhere: Mapping[tuple[int, int], int]
) -> dict[int, Original]:
    """By transaction id; one that does not exist is left out.

    The wallets must be locked: then nobody else can be reversing the same transactions.
    """
    names = {(command.wallet_id, command.transaction_id) for command in commands}
    keys = sorted((elsewhere.get(name, name[0]), name[1]) for name in names)
    return _read(connection, keys) if keys else {}


def _read(connection: Connection, keys: Sequence[tuple[int, int]]) -> dict[int, Original]:
    """`keys`: wallet and transaction."""
    bookings = read_bookings(connection, keys)
    terms = _terms(connection, {one.transaction.rule_version for one in bookings})
    given_back = read_given_back(connection, [row.transaction.id for row in bookings])
    originals = {}
    for booking in bookings:
        row = booking.transaction
        parts, corrections = given_back.get(row.id, NOTHING_GIVEN_BACK)
        points, amount = sum(part.points for part in parts), sum(part.amount for part in parts)
        known = terms[row.rule_version]
        originals[row.id] = Original(booking, known, points, amount, corrected=corrected(corrections))
    return originals


class Ended(NamedTuple):
    """Originals with how their lots ended, and these lots, which a batch has no other reason to read."""

    originals: dict[int, Original]
    lots: list[Lot]


_ENDS = f"""
SELECT a.id AS accrual_id, l.wallet_id, l.id AS lot_id, l.available, l.held, t.id AS end_id
  FROM unnest(%(ids)s::bigint[], %(wallets)s::bigint[], %(today)s::bigint[], %(issuers)s::int[],
              %(days)s::date[]) AS a (id, wallet_id, wallet_today, issuer_id, expires_on)
 CROSS JOIN LATERAL ({family("a.wallet_id")} UNION SELECT a.wallet_today) AS f
  JOIN lots l ON l.wallet_id = f.id AND l.issuer_id = a.issuer_id AND l.asset = {Asset.POINTS:d}
             AND l.expires_on = a.expires_on
  LEFT JOIN (transactions t
             JOIN entries e ON e.wallet_id = t.wallet_id AND e.transaction_id = t.id
                           AND e.kind = {EntryKind.POINTS_EXPIRED:d})
    ON t.wallet_id = l.wallet_id AND t.kind = {TransactionKind.EXPIRY:d} AND e.debit = l.id
 ORDER BY t.id
"""  # noqa: S608


def read_ended(
    connection: Connection, originals: Mapping[int, Original], cards: Mapping[str, Card], at: datetime
) -> Ended:
    """Of accruals whose points have ended: into whatever wallet they had come by then."""
    tomorrow = (at + timedelta(days=1)).date()
    ended = [
        (one.booking.transaction, movement)
        for one in originals.values()
        if one.booking.transaction.kind is TransactionKind.ACCRUAL
        for movement in one.booking.movements
        if movement.expires_on is not None and movement.expires_on <= tomorrow
    ]
    if not ended:
        return Ended(dict(originals), [])
    today = [_wallet_today(cards, row) for row, _ in ended]
    asked = {
        "ids": arrays.numbers(row.id for row, _ in ended),
        "wallets": arrays.numbers(row.wallet_id for row, _ in ended),
        "today": arrays.numbers(today),
        "issuers": arrays.numbers(movement.issuer_id for _, movement in ended),
        "days": arrays.times(movement.expires_on for _, movement in ended),
    }
    rows = connection.exec_driver_sql(_ENDS, asked).all()
    keys = sorted({(row.wallet_id, row.end_id) for row in rows if row.end_id is not None})
    ends = _read(connection, keys) if keys else {}
    place = {row.id: movement for row, movement in ended}
    lots: dict[int, Lot] = {}
    found = dict(originals)
    for row in rows:
        lot = place[row.accrual_id]
        lots[row.lot_id] = Lot(
            row.wallet_id, row.lot_id, lot.issuer_id, Asset.POINTS, lot.expires_on, row.available, row.held
        )
        if row.end_id is not None:
            before = found[row.accrual_id]
            found[row.accrual_id] = before._replace(ends=(*before.ends, ends[row.end_id]))
    return Ended(found, list(lots.values()))


def read_references(
    connection: Connection,
    commands: Sequence[Reversal],
    originals: Mapping[int, Original],
    holds: Mapping[int, Hold],
) -> set[ReferenceKey]:
    """Of the numbers that merchants give these reversals, those that they have given to others before.

    `holds`: what is to be reversed may be captured only now, and its merchant is known from its hold.
    """
    numbered = [one for one in commands if one.reference is not None]
    if not numbered:
        return set()
    kind = TransactionKind.REVERSAL
    merchant_of: dict[int, int | None] = {id_: hold.merchant_id for id_, hold in holds.items()}
    merchant_of |= {id_: one.booking.transaction.merchant_id for id_, one in originals.items()}
    named = [(merchant_of.get(one.transaction_id), kind, one.reference) for one in numbered]
    return _taken(connection, named)


def read_opening_references(
    connection: Connection, commands: Sequence[Command], directory: Directory
) -> set[ReferenceKey]:
    """Of the numbers that issuers give these opening balances, those that they have given before."""
    numbered = [one for one in commands if isinstance(one, Opening) and one.reference is not None]
    issuers = [(directory.participant(one.issuer), one.reference) for one in numbered]
    named = [(issuer.id, TransactionKind.OPENING, reference) for issuer, reference in issuers if issuer]
    return _taken(connection, named) if named else set()


def _taken(
    connection: Connection, named: Sequence[tuple[int | None, TransactionKind, str | None]]
) -> set[ReferenceKey]:
    table = references.c
    keys = tuple_(table.merchant_id, table.kind, table.reference)
    rows = connection.execute(select(table.merchant_id, table.kind, table.reference).where(keys.in_(named)))
    return {ReferenceKey(row.merchant_id, TransactionKind(row.kind), row.reference) for row in rows}


def _wallet_today(cards: Mapping[str, Card], row: Transaction) -> int:
    card = cards.get(row.card_number) if row.card_number is not None else None
    return card.wallet_id if card else row.wallet_id


class ReversedPart(NamedTuple):
    """What was reversed of one issuer's part of a transaction, above zero."""

    issuer_id: int
    points: int
    amount: int


class GivenBack(NamedTuple):
    """What was given back of a transaction: by reversals, and in money only."""

    reversed: Sequence[ReversedPart] = ()
    corrected: Sequence[MoneyCorrection] = ()


NOTHING_GIVEN_BACK = GivenBack()


def read_given_back(connection: Connection, ids: Sequence[int]) -> dict[int, GivenBack]:
    """By transaction id; one of which nothing was given back is left out."""
    parts, corrections = read_reversed(connection, ids), read_corrections(connection, ids)
    return {
        id_: GivenBack(parts.get(id_, ()), corrections.get(id_, ()))
        for id_ in parts.keys() | corrections.keys()
    }


def read_reversed(connection: Connection, ids: Sequence[int]) -> dict[int, list[ReversedPart]]:
    """By transaction id; one of which nothing was reversed is left out."""
    table = transactions.c
    rows = connection.execute(
        select(
            table.original_id,
            legs.c.issuer_id,
            func.sum(legs.c.points).label("points"),
            func.sum(legs.c.amount).label("amount"),
        )
        .join(
            legs,
            and_(
                legs.c.period == table.period,
                legs.c.wallet_id == table.wallet_id,
                legs.c.transaction_id == table.id,
            ),
        )
        .where(table.original_id.in_(ids))
        .group_by(table.original_id, legs.c.issuer_id)
    )
    parts: dict[int, list[ReversedPart]] = {}
    for row in rows:
        part = ReversedPart(row.issuer_id, -int(row.points), -int(row.amount))
        parts.setdefault(row.original_id, []).append(part)
    return parts


def _terms(connection: Connection, versions: set[int]) -> dict[int, Terms]:
    table = rulebooks.c
    rows = connection.execute(
        select(table.version, table.point_value, table.reimbursement_rate).where(table.version.in_(versions))
    )
    return {version: Terms(point_value, rate) for version, point_value, rate in rows}
