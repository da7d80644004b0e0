"""Gather for what names something of before: where it lies now; of a transaction that is to be reversed, how
it was booked and what is left.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select

from clearing import arrays
from clearing.core.commands import OnHold, Reversal
from clearing.core.snapshot import Original, Terms
from clearing.locks import PERIODS
from clearing.query import read_bookings
from clearing.tables import legs, rulebooks, transactions


class Named(NamedTuple):
    """`cards`: those with which it was begun; their wallets are concerned today. `merged`: see `Snapshot`."""

    cards: set[str]
    merged: dict[int, int]


NOTHING_NAMED = Named(set(), {})

# What was begun in a wallet that was merged into another lies in either of them.
_NAMED = """
SELECT w.id, w.merged_into,
       (SELECT h.card_number FROM holds h WHERE h.wallet_id IN (w.id, w.merged_into) AND h.id = n.id),
       (SELECT t.card_number FROM transactions t WHERE t.wallet_id IN (w.id, w.merged_into) AND t.id = n.id)
  FROM unnest(%(wallets)s::bigint[], %(ids)s::bigint[]) AS n (wallet_id, id)
  JOIN wallets w ON w.id = n.wallet_id
"""


def read_named(connection: Connection, commands: Sequence[OnHold | Reversal], *, locked: bool) -> Named:
    """What these name. With `locked` no wallet is merged or parted until the transaction ends."""
    lock = f"SELECT pg_advisory_xact_lock_shared({PERIODS});" if locked else ""
    ids = [one.transaction_id if isinstance(one, Reversal) else one.hold_id for one in commands]
    rows = connection.exec_driver_sql(
        lock + _NAMED,
        {"wallets": arrays.numbers(one.wallet_id for one in commands), "ids": arrays.numbers(ids)},
    ).all()
    cards = {card for _, _, *found in rows for card in found if card is not None}
    return Named(cards, {id_: merged_into for id_, merged_into, *_ in rows if merged_into is not None})


def read_originals(
    connection: Connection, commands: Sequence[Reversal], merged: Mapping[int, int]
) -> dict[int, Original]:
    """By transaction id; one that does not exist is left out.

    The wallets must be locked: then nobody else can be reversing the same transactions.
    """
    keys = sorted(
        {
            (wallet_id, command.transaction_id)
            for command in commands
            for wallet_id in (command.wallet_id, merged.get(command.wallet_id, command.wallet_id))
        }
    )
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
