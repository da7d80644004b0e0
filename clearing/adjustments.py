"""Adjustments by hand: one operator proposes, another approves, and only then something is posted.

The posting's key is made from the adjustment's id, so that an approval that was cut off can be repeated and
posts once. Every function works in the caller's transaction.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from clearing.core.commands import Caller, Command, MoneyAdjustment, PointsAdjustment
from clearing.idempotency import key_hash, request_hash
from clearing.tables import adjustments

#: Money between participants moves no member's points; the hub has a wallet of its own for it.
HUB_WALLET = 0


class AdjustmentKind(StrEnum):
    POINTS = "points"
    MONEY = "money"


class AdjustmentStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


def propose(connection: Connection, id_: int, values: Mapping[str, Any], proposed_by: str) -> Row:
    """`values`: the other columns of `adjustments` that its kind needs."""
    row = insert(adjustments).values(
        id=id_,
        status=AdjustmentStatus.PROPOSED,
        proposed_by=proposed_by,
        proposed_at=func.clock_timestamp(),
        **values,
    )
    return connection.execute(row.returning(adjustments)).one()


def decide(connection: Connection, id_: int, status: AdjustmentStatus, decided_by: str) -> Row | None:
    """The adjustment after the decision; None if it had been decided before, or does not exist."""
    decided = (
        update(adjustments)
        .where(adjustments.c.id == id_, adjustments.c.status == AdjustmentStatus.PROPOSED)
        .values(status=status, decided_by=decided_by, decided_at=func.clock_timestamp())
    )
    return connection.execute(decided.returning(adjustments)).one_or_none()


def read_adjustment(connection: Connection, id_: int) -> Row | None:
    return connection.execute(select(adjustments).where(adjustments.c.id == id_)).one_or_none()


def list_adjustments(connection: Connection, status: str | None, before: int | None, limit: int) -> list[Row]:
    """The newest first."""
    query = select(adjustments).order_by(adjustments.c.id.desc()).limit(limit)
    if status is not None:
        query = query.where(adjustments.c.status == status)
    if before is not None:
        query = query.where(adjustments.c.id < before)
    return list(connection.execute(query))


def posting_key(id_: int) -> str:
    """The idempotency key under which an adjustment is posted."""
    return key_hash("adjustments", str(id_))


def command(row: Row, caller: Caller) -> Command:
    """What an approved adjustment posts; `caller` approved it."""
    common: dict[str, Any] = {
        "key": posting_key(row.id),
        "request_hash": request_hash("adjustment", {"id": row.id}),
        "caller": caller,
        "reason": row.reason,
    }
    if row.kind == AdjustmentKind.POINTS:
        return PointsAdjustment(
            **common,
            card=row.card_number,
            issuer_id=row.issuer_id,
            points=row.points,
            expires_on=row.expires_on,
        )
    return MoneyAdjustment(
        **common,
        wallet_id=row.wallet_id,
        debtor_id=row.debtor_id,
        creditor_id=row.creditor_id,
        amount=row.amount,
    )
