"""Gather for reversals: the transactions that are to be reversed, as they were booked, and what is left."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select, tuple_

from clearing.core.commands import Reversal
from clearing.core.decide import NUMBERED
from clearing.core.holds import Hold
from clearing.core.snapshot import Original, ReferenceKey, Terms
from clearing.query import read_bookings
from clearing.tables import legs, references, rulebooks, transactions


def read_originals(connection: Connection, commands: Sequence[Reversal]) -> dict[int, Original]:
    """By transaction id; one that does not exist is left out.

    The wallets must be locked: then nobody else can be reversing the same transactions.
    """
    keys = sorted({(command.wallet_id, command.transaction_id) for command in commands})
    if not keys:
        return {}
    bookings = read_bookings(connection, keys)
    terms = _terms(connection, {one.transaction.rule_version for one in bookings})
    reversed_ = read_reversed(connection, keys)
    originals = {}
    for booking in bookings:
        row = booking.transaction
        parts = reversed_.get((row.wallet_id, row.id), ())
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
    kind = NUMBERED[Reversal]
    merchant_of: dict[int, int | None] = {id_: hold.merchant_id for id_, hold in holds.items()}
    merchant_of |= {id_: one.booking.transaction.merchant_id for id_, one in originals.items()}
    named = [(merchant_of.get(one.transaction_id), kind, one.reference) for one in numbered]
    table = references.c
    keys = tuple_(table.merchant_id, table.kind, table.reference)
    rows = connection.execute(select(table.merchant_id, table.reference).where(keys.in_(named)))
    return {ReferenceKey(row.merchant_id, kind, row.reference) for row in rows}


class ReversedPart(NamedTuple):
    """What was reversed of one issuer's part of a transaction, above zero."""

    issuer_id: int
    points: int
    amount: int


def read_reversed(
    connection: Connection, keys: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], list[ReversedPart]]:
    """By transaction; one of which nothing was reversed is left out."""
    table = transactions.c
    rows = connection.execute(
        select(
            table.wallet_id,
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
        .where(tuple_(table.wallet_id, table.original_id).in_(keys))
        .group_by(table.wallet_id, table.original_id, legs.c.issuer_id)
    )
    parts: dict[tuple[int, int], list[ReversedPart]] = {}
    for row in rows:
        part = ReversedPart(row.issuer_id, -int(row.points), -int(row.amount))
        parts.setdefault((row.wallet_id, row.original_id), []).append(part)
    return parts


def _terms(connection: Connection, versions: set[int]) -> dict[int, Terms]:
    table = rulebooks.c
    rows = connection.execute(
        select(table.version, table.point_value, table.reimbursement_rate).where(table.version.in_(versions))
    )
    return {version: Terms(point_value, rate) for version, point_value, rate in rows}
