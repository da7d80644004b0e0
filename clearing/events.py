"""Events: written with what caused them, listed, numbered after the commit, and shown to whom they concern.

An event's id is made before its transaction commits, so a smaller one may come to sight after a greater one.
Who reads on from where he stopped, goes by the number instead. Numbers are given to committed events under
one lock: whoever has seen a number has seen all smaller ones, or never will see them.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from secrets import randbelow
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from clearing import ids, locks
from clearing.core.accounts import HUB, HUB_CODE
from clearing.core.directory import Directory
from clearing.core.events import EventType
from clearing.core.limits import WRITERS
from clearing.tables import events


class Told(NamedTuple):
    """One thing to tell. `participant_id` may be the hub's. `data` goes out as it is, so it holds codes and
    ids in their outer form, unless `shown` gives them that. Of several with the same `once` only the first
    is written, ever.
    """

    type: EventType
    participant_id: int
    data: Mapping[str, Any]
    once: str | None = None


class Numbered(NamedTuple):
    """The numbers given by one call, the last one included."""

    first: int
    last: int


def tell(connection: Connection, told: Sequence[Told], at: datetime | None = None) -> int:
    """Write the events in the caller's transaction, with what causes them; how many are new.

    `at` is now; None takes the database's clock.
    """
    if not told:
        return 0
    new_ids = _new_ids()
    made_at = at or func.clock_timestamp()
    rows = [{"id": next(new_ids), "made_at": made_at, **one._asdict()} for one in told]
    query = insert(events).values(rows).on_conflict_do_nothing(index_elements=["once"])
    return connection.execute(query).rowcount


def list_events(
    connection: Connection, participant_id: int | None, type_: str | None, before: int | None, limit: int
) -> list[Row]:
    """The newest first: id, type, participant_id, made_at, data; of one participant, or of all.

    For people: an event that commits late may appear between two that were listed before.
    """
    query = _confined(participant_id, type_).order_by(events.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(events.c.id < before)
    return list(connection.execute(query))


def list_events_after(
    connection: Connection, participant_id: int | None, type_: str | None, after: int, limit: int
) -> list[Row]:
    """Those with a greater `number`, in its order. For machines: none is ever left out."""
    query = _confined(participant_id, type_).where(events.c.number > after)
    return list(connection.execute(query.order_by(events.c.number).limit(limit)))


def number_new(connection: Connection, most: int) -> Numbered | None:
    """Give numbers to committed events that have none, the oldest first; None if there is nothing to number.

    Holds the lock to the end of the caller's transaction, which must be READ COMMITTED: only then does the
    statement after the lock see what the holder before has numbered.
    """
    locks.hold_exclusively(connection, locks.EVENTS)
    row = connection.execute(_NUMBER, {"most": most}).one()
    return Numbered(row.first, row.last) if row.first is not None else None


def read_range(numbers: Numbered) -> Select[Any]:
    """A query for the events that have these numbers."""
    return select(events).where(events.c.number.between(numbers.first, numbers.last))


def forget_events(connection: Connection, before: datetime, most: int) -> int:
    """Delete up to so many events written before that time; how many there were.

    The one with the greatest number stays: from it the next one is counted, and a poller's place must not
    be given away twice. What has no number yet stays, too.
    """
    newest = select(func.max(events.c.number)).scalar_subquery()
    old = select(events.c.id).where(events.c.id < ids.first_id_at(before), events.c.number < newest)
    return connection.execute(delete(events).where(events.c.id.in_(old.limit(most)))).rowcount


def shown(row: Row, directory: Directory) -> dict[str, Any]:
    """An event as it is known outside: `id`, `type`, `participant`, `made_at`, `data`."""
    made_at = row.made_at.astimezone(directory.rulebook.settings.time_zone)
    participant_id = row.participant_id
    return {
        "id": ids.encode("evt", row.id),
        "type": row.type,
        "participant": HUB_CODE if participant_id == HUB else directory.participants[participant_id].code,
        "made_at": made_at.isoformat(timespec="milliseconds"),
        "data": _data(row, directory),
    }


def _data(row: Row, directory: Directory) -> dict[str, Any]:
    """The data with ids and codes as they are known outside."""
    data = dict(row.data)
    match EventType(row.type):
        case EventType.TRANSACTION_POSTED:
            return _posted(data, directory)
        case EventType.HOLD_LAPSED:
            hold = ids.hold_id(data.pop("wallet_id"), data.pop("hold_id"))
            return {"hold": hold, "merchant": directory.merchant(data.pop("merchant_id")).code, **data}
        case EventType.POINTS_EXPIRING:
            issuer = directory.participants[data.pop("issuer_id")].code
            return {"member": ids.member_id(data.pop("member_id")), "issuer": issuer, **data}
        case _:
            return data


def _posted(data: dict[str, Any], directory: Directory) -> dict[str, Any]:
    wallet_id, merchant_id = data.pop("wallet_id"), data.pop("merchant_id")
    transaction_id, original_id = data.pop("transaction_id"), data.pop("original_id")
    original_wallet_id = data.pop("original_wallet_id", None) or wallet_id
    return {
        "transaction": ids.transaction_id(wallet_id, transaction_id),
        "merchant": None if merchant_id is None else directory.merchant(merchant_id).code,
        "reverses": None if original_id is None else ids.transaction_id(original_wallet_id, original_id),
        **data,
    }


def _confined(participant_id: int | None, type_: str | None) -> Select[Any]:
    query = select(events)
    if participant_id is not None:
        query = query.where(events.c.participant_id == participant_id)
    if type_ is not None:
        query = query.where(events.c.type == type_)
    return query


def _new_ids() -> Iterator[int]:
    """Ids that no writer makes: their numbers are below; two tellers in one millisecond share one rarely."""
    number = WRITERS + randbelow(ids.WRITERS - WRITERS)
    return ids.make_ids(number, iter(lambda: time.time_ns() // 1_000_000, None))


_NUMBER = text(
    """
WITH new AS (
  SELECT id, row_number() OVER (ORDER BY id) + (SELECT coalesce(max(number), 0) FROM events) AS number
    FROM (SELECT id FROM events WHERE number IS NULL ORDER BY id LIMIT :most) AS waiting
),
numbered AS (
  UPDATE events SET number = new.number FROM new WHERE events.id = new.id RETURNING events.number
)
SELECT min(number) AS first, max(number) AS last FROM numbered
"""
)
