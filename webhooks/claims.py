"""Taking deliveries to work on and noting how they went; the database sees to it that nobody takes one twice.

A claim moves the delivery's due time ahead and commits before anything is sent. If whoever claimed it dies
between sending and noting, it falls due again and is sent again, with the same `webhook-id`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text, update

from clearing.directory import hold_for_change
from webhooks.backoff import next_attempt, put_off_by
from webhooks.endpoints import Disabled, disable
from webhooks.sender import Answer
from webhooks.tables import webhook_deliveries, webhook_endpoints

#: How long a claim holds: longer than an attempt with the look-up of the name can last.
LEASE = timedelta(minutes=2)
#: The answer of a receiver that wants no more calls.
GONE = 410
ERROR_CHARACTERS_MAX = 300


class Claim(NamedTuple):
    """A delivery to be made now. `failing`: its endpoint answered badly the last time. `event`: id, type,
    participant_id, made_at, data.
    """

    endpoint_id: int
    failing: bool
    attempt: int
    attempt_of_round: int
    give_up_at: datetime
    first_tried_at: datetime
    url: str
    secret_cipher: bytes
    old_secret_cipher: bytes | None
    old_secret_until: datetime | None
    event: Row[Any]

    @property
    def key(self) -> tuple[int, int]:
        return self.endpoint_id, self.event.id


def claim(
    connection: Connection, at: datetime, most: int, *, each: int, failing: bool, busy: Mapping[int, int]
) -> list[Claim]:
    """Up to `most` deliveries that are due, at most `each` of one endpoint, those under way included.

    `failing`: of endpoints that answered badly the last time, or of the others. `busy`: how many of each
    endpoint the caller has under way.
    """
    rows = connection.execute(
        _CLAIM,
        {
            "at": at,
            "lease_end": at + LEASE,
            "most": most,
            "each": each,
            "failing": failing,
            "busy": list(busy),
            "counts": list(busy.values()),
        },
    )
    return [
        Claim(
            row.endpoint_id,
            failing,
            row.attempts,
            row.attempts - row.attempts_before,
            row.give_up_at,
            row.first_tried_at,
            row.url,
            bytes(row.secret_cipher),
            None if row.old_secret_cipher is None else bytes(row.old_secret_cipher),
            row.old_secret_until,
            row,
        )
        for row in rows
    ]


def note(connection: Connection, claimed: Claim, answer: Answer, at: datetime, chance: float) -> None:
    """Write down how an attempt went, and what follows from it: the next one, or the endpoint's end.

    An attempt that was noted late, after the delivery had been claimed anew, changes nothing of its state
    unless it succeeded. `chance` is drawn from [0, 1).
    """
    put_off = put_off_by(answer.retry_after, at)
    due_at = next_attempt(at, claimed.give_up_at, claimed.attempt_of_round, chance, put_off)
    is_gone = answer.status == GONE
    gave_up = not answer.delivered and due_at is None and not is_gone
    endpoint = connection.execute(_ENDPOINT, {"id": claimed.endpoint_id}).one_or_none()
    if endpoint is None:
        return  # removed meanwhile, and the delivery with it
    has_failed_throughout = (
        gave_up
        and claimed.give_up_at > claimed.first_tried_at
        and endpoint.failing_since is not None
        and endpoint.failing_since <= claimed.first_tried_at + LEASE
    )
    # Whatever another address has answered says nothing of the one that it was changed to meanwhile.
    is_end = (is_gone or has_failed_throughout) and endpoint.url == claimed.url
    if is_end:
        # Before any row, as in every change of an endpoint; and the endpoint's row before its deliveries'.
        hold_for_change(connection)
    connection.execute(_LOCK_ENDPOINT, {"id": claimed.endpoint_id})
    _note_delivery(connection, claimed, answer, None if is_end else due_at, at)
    _note_health(connection, claimed, answer.delivered, at)
    if is_end:
        disable(connection, claimed.endpoint_id, Disabled.GONE if is_gone else Disabled.FAILING, at)


def _note_delivery(
    connection: Connection, claimed: Claim, answer: Answer, due_at: datetime | None, at: datetime
) -> None:
    endpoint_id, event_id = claimed.key
    deliveries = webhook_deliveries.c
    changed = update(webhook_deliveries).where(
        deliveries.endpoint_id == endpoint_id, deliveries.event_id == event_id
    )
    if answer.delivered:
        changed = changed.values(status="delivered", delivered_at=at)
    else:
        after = {"status": "failed"} if due_at is None else {"due_at": due_at}
        is_newest = deliveries.attempts == claimed.attempt
        changed = changed.where(deliveries.status == "pending", is_newest).values(after)
    connection.execute(changed)
    connection.execute(
        _ATTEMPT,
        {
            "endpoint_id": endpoint_id,
            "event_id": event_id,
            "number": claimed.attempt,
            "at": at,
            "duration_ms": answer.duration_ms,
            "status_code": answer.status,
            "error": None if answer.error is None else answer.error[:ERROR_CHARACTERS_MAX],
        },
    )


def _note_health(connection: Connection, claimed: Claim, is_well: bool, at: datetime) -> None:
    """Since when an endpoint has answered nothing well; an attempt that says nothing new writes nothing."""
    endpoints = webhook_endpoints.c
    changed = update(webhook_endpoints).where(endpoints.id == claimed.endpoint_id)
    if is_well:
        changed = changed.where(endpoints.failing_since.is_not(None)).values(failing_since=None)
    else:
        changed = changed.where(endpoints.failing_since.is_(None)).values(failing_since=at)
    connection.execute(changed)


_CLAIM = text(
    """
WITH chosen AS (
  SELECT due.endpoint_id, due.event_id
    FROM webhook_endpoints e
    LEFT JOIN unnest(CAST(:busy AS bigint[]), CAST(:counts AS int[])) AS b (endpoint_id, count)
      ON b.endpoint_id = e.id
   CROSS JOIN LATERAL (
     SELECT d.endpoint_id, d.event_id, d.due_at
       FROM webhook_deliveries d
      WHERE d.endpoint_id = e.id AND d.status = 'pending' AND d.due_at <= :at
      ORDER BY d.due_at, d.event_id
      LIMIT least(greatest(:each - coalesce(b.count, 0), 0), :most)
        FOR NO KEY UPDATE SKIP LOCKED
   ) AS due
   WHERE e.enabled AND (e.failing_since IS NOT NULL) = :failing
   ORDER BY due.due_at
   LIMIT :most
)
UPDATE webhook_deliveries d
   SET attempts = d.attempts + 1, due_at = :lease_end, first_tried_at = coalesce(d.first_tried_at, :at)
  FROM chosen
  JOIN webhook_endpoints e ON e.id = chosen.endpoint_id
  JOIN events v ON v.id = chosen.event_id
 WHERE d.endpoint_id = chosen.endpoint_id AND d.event_id = chosen.event_id
RETURNING d.endpoint_id, d.attempts, d.attempts_before, d.give_up_at, d.first_tried_at,
          e.url, e.secret_cipher, e.old_secret_cipher, e.old_secret_until,
          v.id, v.type, v.participant_id, v.made_at, v.data
"""
)

_ENDPOINT = text("SELECT url, failing_since FROM webhook_endpoints WHERE id = :id")
_LOCK_ENDPOINT = text("SELECT id FROM webhook_endpoints WHERE id = :id FOR NO KEY UPDATE")

_ATTEMPT = text(
    """
INSERT INTO webhook_attempts (endpoint_id, event_id, number, at, duration_ms, status_code, error)
SELECT endpoint_id, event_id, :number, :at, :duration_ms, CAST(:status_code AS smallint), CAST(:error AS text)
  FROM webhook_deliveries
 WHERE endpoint_id = :endpoint_id AND event_id = :event_id
    ON CONFLICT DO NOTHING
"""
)
