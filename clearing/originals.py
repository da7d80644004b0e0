"""Gather for reversals: the transactions that are to be reversed, as they were booked, and what is left."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select, tuple_

from clearing.core.commands import Reversal
from clearing.core.snapshot import Original, Terms
from clearing.query import read_bookings
from clearing.tables import rulebooks, transactions


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
    return {
        row.id: Original(booking, terms[row.rule_version], *reversed_.get((row.wallet_id, row.id), (0, 0)))
        for booking in bookings
        for row in (booking.transaction,)
    }


def read_reversed(
    connection: Connection, keys: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[int, int]]:
    """(points, fen) that were reversed of each transaction; one of which nothing was is left out."""
    table = transactions.c
    rows = connection.execute(
        select(table.wallet_id, table.original_id, func.sum(table.points), func.sum(table.amount))
        .where(tuple_(table.wallet_id, table.original_id).in_(keys))
        .group_by(table.wallet_id, table.original_id)
    )
    return {(wallet_id, id_): (-int(points), -int(amount)) for wallet_id, id_, points, amount in rows}


def _terms(connection: Connection, versions: set[int]) -> dict[int, Terms]:
    table = rulebooks.c
    rows = connection.execute(
        select(table.version, table.point_value, table.reimbursement_rate).where(table.version.in_(versions))
    )
    return {version: Terms(point_value, rate) for version, point_value, rate in rows}
