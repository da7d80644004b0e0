"""Gather for what names something of before: where it lies now; of a transaction that is to be reversed, how
it was booked and what is left.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, select, tuple_

from clearing import arrays
from clearing.core import arrears
from clearing.core.accounts import Asset, EntryKind
from clearing.core.commands import Command, OnHold, Opening, Reversal
from clearing.core.directory import Directory
from clearing.core.holds import Hold
from clearing.core.journal import Transaction, TransactionKind
from clearing.core.snapshot import Card, Lot, Original, ReferenceKey, Terms, Trace
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
    """Originals with how points ended, and these lots, which a batch has no other reason to read."""

    originals: dict[int, Original]
    lots: list[Lot]


# The wallets to which the points of accruals may have come.
_PLACES = f"""
  FROM unnest(%(ids)s::bigint[], %(wallets)s::bigint[], %(today)s::bigint[], %(issuers)s::int[])
       AS a (id, wallet_id, wallet_today, issuer_id)
 CROSS JOIN LATERAL ({family("a.wallet_id")} UNION SELECT a.wallet_today) AS f
"""

_ENDS = f"""
SELECT a.id AS accrual_id, t.wallet_id, t.id AS end_id
{_PLACES}
  JOIN transactions t ON t.wallet_id = f.id AND t.kind = {TransactionKind.EXPIRY:d}
                     AND t.acceptor_id = a.issuer_id AND t.points > 0
 ORDER BY t.id
"""

_ENDED_LOTS = f"""
SELECT DISTINCT l.wallet_id, l.id, l.issuer_id, l.expires_on, l.available, l.held
{_PLACES}
  JOIN lots l ON l.wallet_id = f.id AND l.issuer_id = a.issuer_id AND l.asset = {Asset.POINTS:d}
             AND l.expires_on <= %(tomorrow)s
"""

_TRACES = f"""
SELECT a.id AS accrual_id, t.kind, t.id, t.original_id, l.expires_on,
       e.kind = {EntryKind.POINTS_RETURNED:d} AS credit
{_PLACES}
  JOIN transactions t ON t.wallet_id = f.id
                     AND (t.kind IN ({TransactionKind.REDEMPTION:d}, {TransactionKind.REVERSAL:d})
                          OR (t.kind = {TransactionKind.TRANSFER:d} AND t.purpose = '{arrears.PURPOSE}'))
  JOIN entries e ON e.period = t.period AND e.wallet_id = t.wallet_id AND e.transaction_id = t.id
                AND e.kind IN ({EntryKind.POINTS_REDEEMED:d}, {EntryKind.POINTS_RETURNED:d},
                               {EntryKind.POINTS_MOVED_OUT:d})
  JOIN lots l ON l.wallet_id = e.wallet_id AND l.issuer_id = a.issuer_id
             AND l.id = CASE e.kind WHEN {EntryKind.POINTS_RETURNED:d} THEN e.credit ELSE e.debit END
 ORDER BY t.id, e.number
"""


def read_ended(
    connection: Connection, originals: Mapping[int, Original], cards: Mapping[str, Card], at: datetime
) -> Ended:
    """Of accruals whose issuer's points have ended: in whatever wallet theirs may have come to by then."""
    accruals = [
        one.booking.transaction
        for one in originals.values()
        if one.booking.transaction.kind is TransactionKind.ACCRUAL
    ]
    if not accruals:
        return Ended(dict(originals), [])
    ends = _read_ends(connection, _places(accruals, cards))
    if not ends:
        return Ended(dict(originals), [])
    places = _places([row for row in accruals if row.id in ends], cards)
    tomorrow = (at + timedelta(days=1)).date()
    lots = [
        Lot(row.wallet_id, row.id, row.issuer_id, Asset.POINTS, row.expires_on, row.available, row.held)
        for row in connection.exec_driver_sql(_ENDED_LOTS, {**places, "tomorrow": tomorrow})
    ]
    traces: dict[int, list[Trace]] = {}
    for row in connection.exec_driver_sql(_TRACES, places):
        trace = Trace(TransactionKind(row.kind), row.id, row.original_id, row.expires_on, row.credit)
        traces.setdefault(row.accrual_id, []).append(trace)
    found = dict(originals)
    for id_, of_accrual in ends.items():
        found[id_] = found[id_]._replace(ends=tuple(of_accrual), traces=tuple(traces.get(id_, ())))
    return Ended(found, lots)


def _places(accruals: Sequence[Transaction], cards: Mapping[str, Card]) -> dict[str, Any]:
    return {
        "ids": arrays.numbers(row.id for row in accruals),
        "wallets": arrays.numbers(row.wallet_id for row in accruals),
        "today": arrays.numbers(_wallet_today(cards, row) for row in accruals),
        "issuers": arrays.numbers(row.acceptor_id for row in accruals),
    }


def _read_ends(connection: Connection, places: Mapping[str, Any]) -> dict[int, list[Original]]:
    """How points of their issuers have become breakage, the earliest first, by the id of the accrual."""
    rows = connection.exec_driver_sql(_ENDS, places).all()
    read = _read(connection, sorted({(row.wallet_id, row.end_id) for row in rows})) if rows else {}
    ends: dict[int, list[Original]] = {}
    for row in rows:
        ends.setdefault(row.accrual_id, []).append(read[row.end_id])
    return ends


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
