"""From events to deliveries: each committed event once for each endpoint that subscribes to it, and again on
demand.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, any_, case, literal, or_, select
from sqlalchemy.dialects.postgresql import insert

from clearing.core.events import OF_ONE_ENDPOINT, EventType
from clearing.events import Told, number_new, tell
from clearing.tables import events
from webhooks.backoff import PATIENCE
from webhooks.endpoints import endpoint_id_text
from webhooks.tables import webhook_deliveries, webhook_endpoints

PORTION = 1_000


def publish(connection: Connection, at: datetime) -> int:
    """Number the events that have been committed and note for whom they are; how many events there were.

    In the caller's transaction, which must be READ COMMITTED. At most a portion is done at once.
    """
    numbers = number_new(connection, PORTION)
    if numbers is None:
        return 0
    wanted = _wanted().where(events.c.number.between(numbers.first, numbers.last))
    # Locked, so that an endpoint which is removed or disabled at this moment is waited for and left out.
    query = _as_deliveries(wanted, at).with_for_update(of=webhook_endpoints, read=True)
    connection.execute(insert(webhook_deliveries).from_select(_COLUMNS, query).on_conflict_do_nothing())
    return numbers.last - numbers.first + 1


def send_test(connection: Connection, owner_id: int, endpoint_id: int, at: datetime) -> int:
    """Send the endpoint an event of no meaning; the event's id. It is tried once."""
    data = {"endpoint": endpoint_id_text(endpoint_id)}
    once = f"{EventType.ENDPOINT_TEST} {endpoint_id} {at.isoformat()}"
    tell(connection, [Told(EventType.ENDPOINT_TEST, owner_id, data, once)], at)
    event_id = int(connection.execute(select(events.c.id).where(events.c.once == once)).scalar_one())
    delivery = {"endpoint_id": endpoint_id, "event_id": event_id, "due_at": at, "give_up_at": at}
    connection.execute(insert(webhook_deliveries).values(delivery).on_conflict_do_nothing())
    return event_id


def replay_one(connection: Connection, endpoint_id: int, event_id: int, at: datetime) -> bool:
    """Deliver once more, whatever became of it; False if there is no such delivery.

    Call `hold_endpoint` before, as before every replay and test.
    """
    query = select(webhook_deliveries.c.event_id).where(
        webhook_deliveries.c.endpoint_id == endpoint_id, webhook_deliveries.c.event_id == event_id
    )
    if connection.execute(query).one_or_none() is None:
        return False
    again = select(webhook_endpoints, events).where(
        webhook_endpoints.c.id == endpoint_id,
        events.c.id == event_id,
        events.c.participant_id == webhook_endpoints.c.participant_id,
    )
    _deliver_again(connection, again, at)
    return True


def replay_range(
    connection: Connection,
    endpoint_id: int,
    since: datetime,
    until: datetime,
    *,
    delivered_too: bool,
    at: datetime,
) -> int:
    """Deliver the events made in [since, until) that the endpoint subscribes to and has not received; with
    `delivered_too` all of them. Also those of a time when it was disabled. How many there are.
    """
    wanted = _wanted().where(
        webhook_endpoints.c.id == endpoint_id, events.c.made_at >= since, events.c.made_at < until
    )
    if not delivered_too:
        received = select(webhook_deliveries.c.event_id).where(
            webhook_deliveries.c.endpoint_id == endpoint_id, webhook_deliveries.c.status == "delivered"
        )
        wanted = wanted.where(events.c.id.not_in(received))
    return _deliver_again(connection, wanted, at)


def _deliver_again(connection: Connection, wanted: Select[Any], at: datetime) -> int:
    new = insert(webhook_deliveries).from_select(_COLUMNS, _as_deliveries(wanted, at))
    return connection.execute(
        new.on_conflict_do_update(
            index_elements=["endpoint_id", "event_id"],
            set_={
                "status": "pending",
                "due_at": new.excluded.due_at,
                "give_up_at": new.excluded.give_up_at,
                "attempts_before": webhook_deliveries.c.attempts,
                "first_tried_at": None,
            },
        )
    ).rowcount


def _wanted() -> Select[Any]:
    """Each event beside each endpoint that is to be told of it."""
    return select(webhook_endpoints, events).where(
        webhook_endpoints.c.participant_id == events.c.participant_id,
        webhook_endpoints.c.enabled,
        events.c.type.not_in([str(one) for one in OF_ONE_ENDPOINT]),
        _subscribes(),
    )


def _subscribes() -> ColumnElement[bool]:
    types = webhook_endpoints.c.event_types
    return or_(types.is_(None), events.c.type == any_(types))


_COLUMNS = ["endpoint_id", "event_id", "due_at", "give_up_at"]


def _as_deliveries(wanted: Select[Any], at: datetime) -> Select[Any]:
    """`_COLUMNS` of the pairs. A test is tried once, all else as long as our patience lasts."""
    is_test = events.c.type.in_([str(one) for one in OF_ONE_ENDPOINT])
    due_at = literal(at, webhook_deliveries.c.due_at.type)
    give_up_at = literal(at + PATIENCE, webhook_deliveries.c.give_up_at.type)
    return wanted.with_only_columns(
        webhook_endpoints.c.id, events.c.id, due_at, case((is_test, due_at), else_=give_up_at)
    )
