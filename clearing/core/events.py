"""What others are told of: written with what caused it, delivered later."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class EventType(StrEnum):
    HOLD_LAPSED = "hold.lapsed"
    CAP_WARNING = "cap.warning"
    POINTS_EXPIRING = "points.expiring"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_ANSWERED = "dispute.answered"
    DISPUTE_CLOSED = "dispute.closed"


class Event(NamedTuple):
    """`participant_id` is who may see it, beside the hub; `data` is what the event's type documents."""

    id: int
    type: EventType
    participant_id: int
    data: Mapping[str, Any]
