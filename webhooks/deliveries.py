"""Reading back what became of deliveries, and forgetting what is old."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, select, tuple_

from clearing.events import forget_events
from clearing.tables import events
from webhooks.tables import webhook_attempts, webhook_deliveries

#: Events are kept for so long, and with each its deliveries; the documentation says so.
KEPT = timedelta(days=90)
PORTION = 5_000


class Delivery(NamedTuple):
    """`row`: the delivery with its event's `type` and `made_at`; `attempts`: at, number, duration_ms,
    status_code, error of each, the first one first.
    """

    row: Row[Any]
    attempts: Sequence[Row[Any]]


def list_deliveries(
    connection: Connection, endpoint_id: int, status: str | None, before: int | None, limit: int
) -> list[Delivery]:
    """The newest event first; `before`: the id of the last one already seen."""
    query = _query(endpoint_id)
    if status is not None:
        query = query.where(webhook_deliveries.c.status == status)
    if before is not None:
        query = query.where(webhook_deliveries.c.event_id < before)
    rows = connection.execute(query.order_by(webhook_deliveries.c.event_id.desc()).limit(limit)).all()
    return _with_attempts(connection, rows)


def read_delivery(connection: Connection, endpoint_id: int, event_id: int) -> Delivery | None:
    query = _query(endpoint_id).where(webhook_deliveries.c.event_id == event_id)
    found = _with_attempts(connection, connection.execute(query).all())
    return found[0] if found else None


def forget(engine: Engine, at: datetime) -> int:
    """Delete events older than they are kept, in portions, with their deliveries; how many there were."""
    forgotten = 0
    while True:
        with engine.begin() as connection:
            portion = forget_events(connection, at - KEPT, PORTION)
        forgotten += portion
        if portion < PORTION:
            return forgotten


def _query(endpoint_id: int) -> Any:
    return (
        select(webhook_deliveries, events.c.type, events.c.made_at)
        .join(events, events.c.id == webhook_deliveries.c.event_id)
        .where(webhook_deliveries.c.endpoint_id == endpoint_id)
    )


def _with_attempts(connection: Connection, rows: Sequence[Row[Any]]) -> list[Delivery]:
    keys = [(row.endpoint_id, row.event_id) for row in rows]
    attempts = webhook_attempts.c
    query = select(webhook_attempts).where(tuple_(attempts.endpoint_id, attempts.event_id).in_(keys))
    found: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(query.order_by(attempts.event_id, attempts.number)) if keys else ():
        found.setdefault(row.event_id, []).append(row)
    return [Delivery(row, found.get(row.event_id, [])) for row in rows]
