"""Endpoints: registered, changed, given new secrets, disabled and removed by whom they belong to.

The owner is a participant, or the hub (0). Every function works in the caller's transaction; `at` is now.
Postings tell only those who have subscribed, so whatever changes that is a change of the directory.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    any_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from clearing.core.events import EventType
from clearing.directory import hold_for_change
from clearing.events import Told, tell
from clearing.ids import encode
from clearing.privacy import PersonalData
from clearing.tables import participants
from webhooks.signing import OLD_SECRET_KEPT, new_secret, seal
from webhooks.tables import webhook_deliveries, webhook_endpoints

#: Of one owner. Each is called for each event, so it is a factor of our work.
ENDPOINTS_MAX = 20


class Disabled(StrEnum):
    """Why an endpoint is not called. Stored."""

    OWNER = "owner"
    GONE = "gone"
    FAILING = "failing"


def endpoint_id_text(endpoint_id: int) -> str:
    return encode("whe", endpoint_id)


def register(
    connection: Connection,
    personal_data: PersonalData,
    endpoint_id: int,
    owner_id: int,
    values: Mapping[str, Any],
    *,
    made_by: str,
    at: datetime,
) -> tuple[Row, str] | None:
    """The new endpoint and its secret, which is told this once; None if the owner has too many.

    `values`: url, event_types (None: all) and description, checked by the caller.
    """
    hold_for_change(connection)
    if _count(connection, owner_id) >= ENDPOINTS_MAX:
        return None
    secret = new_secret()
    row = connection.execute(
        insert(webhook_endpoints)
        .values(
            id=endpoint_id,
            participant_id=owner_id,
            secret_cipher=seal(personal_data, endpoint_id, secret),
            made_at=at,
            made_by=made_by,
            **values,
        )
        .returning(webhook_endpoints)
    ).one()
    _note_who_is_told(connection, owner_id)
    return row, secret


def read_endpoint(connection: Connection, owner_id: int, endpoint_id: int) -> Row | None:
    """One of the owner's; others do not exist for it."""
    query = select(webhook_endpoints).where(*_is(owner_id, endpoint_id))
    return connection.execute(query).one_or_none()


def hold_endpoint(connection: Connection, owner_id: int, endpoint_id: int) -> Row | None:
    """The same, held to the end of the transaction: it is neither disabled nor removed meanwhile."""
    query = select(webhook_endpoints).where(*_is(owner_id, endpoint_id))
    return connection.execute(query.with_for_update(key_share=True)).one_or_none()


def list_endpoints(connection: Connection, owner_id: int, after: int, limit: int) -> list[Row]:
    """In the order in which they were made."""
    query = select(webhook_endpoints).where(
        webhook_endpoints.c.participant_id == owner_id, webhook_endpoints.c.id > after
    )
    return list(connection.execute(query.order_by(webhook_endpoints.c.id).limit(limit)))


def change(
    connection: Connection, owner_id: int, endpoint_id: int, changes: Mapping[str, Any], at: datetime
) -> Row | None:
    """Change url, event_types, description or enabled; None if there is no such endpoint.

    One that is enabled again begins with a clean sheet; what is pending when it is disabled is dropped.
    """
    hold_for_change(connection)
    before = read_endpoint(connection, owner_id, endpoint_id)
    if before is None:
        return None
    columns = dict(changes)
    enabled = columns.pop("enabled", before.enabled)
    if enabled and not before.enabled:
        columns |= {"enabled": True, "disabled_reason": None, "disabled_at": None, "failing_since": None}
    if columns:
        connection.execute(update(webhook_endpoints).where(*_is(owner_id, endpoint_id)).values(columns))
    if before.enabled and not enabled:
        _disable(connection, endpoint_id, Disabled.OWNER, at)
    _note_who_is_told(connection, owner_id)
    return read_endpoint(connection, owner_id, endpoint_id)


def rotate_secret(
    connection: Connection, personal_data: PersonalData, owner_id: int, endpoint_id: int, at: datetime
) -> tuple[Row, str] | None:
    """A new secret; the one before signs beside it for a day, and one before that no longer."""
    secret = new_secret()
    row = connection.execute(
        update(webhook_endpoints)
        .where(*_is(owner_id, endpoint_id))
        .values(
            old_secret_cipher=webhook_endpoints.c.secret_cipher,
            old_secret_until=at + OLD_SECRET_KEPT,
            secret_cipher=seal(personal_data, endpoint_id, secret),
        )
        .returning(webhook_endpoints)
    ).one_or_none()
    return None if row is None else (row, secret)


def remove(connection: Connection, owner_id: int, endpoint_id: int) -> Row | None:
    """Delete it with all its deliveries; the endpoint as it was, or None if there is none."""
    hold_for_change(connection)
    row = connection.execute(
        delete(webhook_endpoints).where(*_is(owner_id, endpoint_id)).returning(webhook_endpoints)
    ).one_or_none()
    _note_who_is_told(connection, owner_id)
    return row


def disable(connection: Connection, endpoint_id: int, reason: Disabled, at: datetime) -> None:
    """Stop calling an endpoint that wants no calls or takes none, and tell its owner.

    Call `hold_for_change` before.
    """
    row = connection.execute(
        select(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id, webhook_endpoints.c.enabled)
    ).one_or_none()
    if row is None:
        return
    _disable(connection, endpoint_id, reason, at)
    _note_who_is_told(connection, row.participant_id)
    data = {
        "endpoint": endpoint_id_text(endpoint_id),
        "url": row.url,
        "reason": reason.value,
        "failing_since": None if row.failing_since is None else row.failing_since.isoformat(),
    }
    tell(connection, [Told(EventType.ENDPOINT_DISABLED, row.participant_id, data)], at)


def _disable(connection: Connection, endpoint_id: int, reason: Disabled, at: datetime) -> None:
    connection.execute(
        update(webhook_endpoints)
        .where(webhook_endpoints.c.id == endpoint_id)
        .values(enabled=False, disabled_reason=reason.value, disabled_at=at)
    )
    connection.execute(
        update(webhook_deliveries)
        .where(webhook_deliveries.c.endpoint_id == endpoint_id, webhook_deliveries.c.status == "pending")
        .values(status="dropped")
    )


def _note_who_is_told(connection: Connection, owner_id: int) -> None:
    """Let postings know whether the owner wants an event for each; the lock of the directory is held."""
    subscribed = exists().where(
        webhook_endpoints.c.participant_id == owner_id,
        webhook_endpoints.c.enabled,
        or_(
            webhook_endpoints.c.event_types.is_(None),
            literal(EventType.TRANSACTION_POSTED.value) == any_(webhook_endpoints.c.event_types),
        ),
    )
    connection.execute(
        update(participants).where(participants.c.id == owner_id).values(told_of_postings=subscribed)
    )


def _count(connection: Connection, owner_id: int) -> int:
    query = select(func.count()).where(webhook_endpoints.c.participant_id == owner_id)
    return int(connection.execute(query).scalar_one())


def _is(owner_id: int, endpoint_id: int) -> tuple[ColumnElement[bool], ...]:
    return webhook_endpoints.c.id == endpoint_id, webhook_endpoints.c.participant_id == owner_id
