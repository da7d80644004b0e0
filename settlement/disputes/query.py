"""Following disputes: one, lists of them, their threads and what they have caused."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from clearing.core.accounts import HUB
from settlement.core.disputes import DisputeStatus
from settlement.disputes.lines import Line, LineKey, read_lines_by_key
from settlement.tables import dispute_corrections, dispute_messages, disputes, statement_keys


class DisputeFilter(NamedTuple):
    """What a list is confined to; None does not confine. `visible_to`: one of the parties."""

    visible_to: int | None = None
    status: DisputeStatus | None = None
    period: int | None = None
    participant_id: int | None = None
    waits_for: int | None = None


class Followed(NamedTuple):
    """A dispute with what is shown of it. `member_key` makes the viewer's own tokens of members."""

    dispute: Row[Any]
    line: Line
    corrections: Sequence[Row[Any]]
    member_key: bytes | None


def read_dispute(connection: Connection, id_: int, visible_to: int | None = None) -> Row[Any] | None:
    """One dispute; None if there is none, or it is none of `visible_to`'s business."""
    wanted = (disputes.c.id == id_, *_conditions(DisputeFilter(visible_to)))
    return connection.execute(select(disputes).where(*wanted)).one_or_none()


def list_disputes(
    connection: Connection, wanted: DisputeFilter, before: int | None, limit: int
) -> list[Row[Any]]:
    """The newest first; `before`: the id of the last one already seen."""
    query = select(disputes).where(*_conditions(wanted)).order_by(disputes.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(disputes.c.id < before)
    return list(connection.execute(query))


def read_messages(connection: Connection, id_: int) -> list[Row[Any]]:
    """The thread, in its order."""
    query = select(dispute_messages).where(dispute_messages.c.dispute_id == id_)
    return list(connection.execute(query.order_by(dispute_messages.c.number)))


def read_followed(
    connection: Connection, rows: Sequence[Row[Any]], viewer_id: int | None = None
) -> list[Followed]:
    """The disputes with all that is shown of them to one party, or to who sees both sides."""
    keys = [LineKey(row.wallet_id, row.transaction_id, row.leg_number) for row in rows]
    lines = read_lines_by_key(connection, keys)
    corrections = _read_corrections(connection, [row.id for row in rows])
    member_key = None if viewer_id is None else _read_member_key(connection, viewer_id)
    return [
        Followed(row, lines[key], corrections.get(row.id, []), member_key)
        for row, key in zip(rows, keys, strict=True)
    ]


def _read_corrections(connection: Connection, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    query = select(dispute_corrections).where(dispute_corrections.c.dispute_id.in_(ids))
    found: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(query.order_by(*dispute_corrections.primary_key.columns)):
        found.setdefault(row.dispute_id, []).append(row)
    return found


def _read_member_key(connection: Connection, participant_id: int) -> bytes | None:
    query = select(statement_keys.c.member_key).where(statement_keys.c.participant_id == participant_id)
    key = connection.execute(query).scalar_one_or_none()
    return UUID(key).bytes if key else None


def _conditions(wanted: DisputeFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for participant_id in (wanted.visible_to, wanted.participant_id):
        if participant_id is not None:
            is_opener = disputes.c.opener_id == participant_id
            conditions.append(or_(is_opener, disputes.c.counterparty_id == participant_id))
    if wanted.status is not None:
        conditions.append(disputes.c.status == wanted.status)
    if wanted.period is not None:
        conditions.append(disputes.c.period == wanted.period)
    if wanted.waits_for is not None:
        is_asked = (disputes.c.status == DisputeStatus.NEEDS_RESPONSE) & (
            disputes.c.counterparty_id == wanted.waits_for
        )
        is_operators = disputes.c.status == DisputeStatus.OPEN
        conditions.append(or_(is_asked, is_operators) if wanted.waits_for == HUB else is_asked)
    return conditions
