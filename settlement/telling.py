"""Telling those concerned that a period was closed, in the transaction that closes it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from clearing.core.accounts import HUB
from clearing.core.calendar import period_name
from clearing.core.events import EventType
from clearing.events import Told, tell


def tell_of_closing(
    connection: Connection, period: int, at: datetime, statements: Sequence[tuple[int, str, str]]
) -> None:
    """The hub and every participant of the closing, and each participant of its statement.

    `statements`: (participant id, statement id, number) of each. A period is closed once, and told of once.
    """
    name = period_name(period)
    closed = {"period": name, "closed_at": at.isoformat(timespec="milliseconds")}
    told = [Told(EventType.PERIOD_CLOSED, HUB, closed)]
    for participant_id, statement_id, number in statements:
        told.append(Told(EventType.PERIOD_CLOSED, participant_id, closed))
        ready = {"statement": statement_id, "number": number, "period": name}
        told.append(Told(EventType.STATEMENT_READY, participant_id, ready))
    tell(connection, told)
