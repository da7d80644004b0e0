"""Gather for what names something of before: where it lies now; of a transaction that is to be reversed, how
it was booked and what is left.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select, tuple_

from clearing import arrays
from clearing.core.commands import Command, OnHold, Opening, Reversal
from clearing.core.directory import Directory
from clearing.core.holds import Hold
from clearing.core.journal import TransactionKind
from clearing.core.snapshot import Original, ReferenceKey, Terms
from clearing.locks import PERIODS
from clearing.query import family, read_bookings
from clearing.tables import legs, references, rulebooks, transactions


class Named(NamedTuple):
    """`cards`: with which it was begun; their wallets are concerned today. `elsewhere`: see `Snapshot`."""

    cards: set[str]
    elsewhere: dict[tuple[int, int], int]


NOTHING_NAMED = Named(set(), {})

_NAMED = f"""
SELECT n.wallet_id, n.id, coalesce(h.wallet_id, t.wallet_id), coalesce(h.card_number, t.card_number)
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
    cards = {card for *_, card in rows if card is not None}
    elsewhere = {(name, id_): wallet_id for name, id_, wallet_id, _ in rows if wallet_id != name}
    return Named(cards, elsewhere)


def read_originals(
    connection: Connection, commands: Sequence[Reversal], elsewhere: Mapping[tuple[int, int], int]
) -> dict[int, Original]:
    """By transaction id; one that does not exist is left out.

    The wallets must be locked: then nobody else can be reversing the same transactions.
    """
    names = {(command.wallet_id, command.transaction_id) for command in commands}
    keys = sorted((elsewhere.get(name, name[0]), name[1]) for name in names)
    if not keys:
        return {}
    bookings = read_bookings(connection, keys)
    terms = _terms(connection, {one.transaction.rule_version for one in bookings})
    reversed_ = read_reversed(connection, [row.transaction.id for row in bookings])
    originals = {}
    for booking in bookings:
        row = booking.transaction
        parts = reversed_.get(row.id, ())
        points, amount = sum(part.points for part in parts), sum(part.amount for part in parts)
        originals[row.id] = Original(booking, terms[row.rule_version], points, amount)
    return originals


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


class ReversedPart(NamedTuple):
    """What was reversed of one issuer's part of a transaction, above zero."""

    issuer_id: int
    points: int
    amount: int


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
