"""Gather for reversals: the transactions that are to be reversed, as they were booked, and what is left."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select, tuple_

from clearing.core.commands import Reversal
from clearing.core.snapshot import Original, Terms
from clearing.query import read_bookings
from clearing.tables import legs, rulebooks, transactions


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
