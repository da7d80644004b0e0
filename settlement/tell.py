"""Telling a participant of what happened to its settlements, in the transaction in which it happens."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func
from sqlalchemy.dialects.postgresql import insert

from clearing.core.events import EventType
from clearing.new_id import new_id
from clearing.tables import events


def tell(
    connection: Connection, type_: EventType, participant_id: int, data: Mapping[str, Any], once: str
) -> bool:
    """Write the event, unless this has been told before: `once` names what it tells. True if written."""
    row = insert(events).values(
        id=new_id(),
        type=type_.value,
        participant_id=participant_id,
        made_at=func.clock_timestamp(),
        data=dict(data),
        once=once,
    )
    return connection.execute(row.on_conflict_do_nothing(index_elements=["once"])).rowcount > 0
