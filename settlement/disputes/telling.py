"""Telling the parties of a dispute what the others have done, in the transaction that did it."""

import time
from collections.abc import Iterable
from secrets import randbelow
from typing import Any

from sqlalchemy import Connection, Row, func, insert

from clearing.core.accounts import HUB
from clearing.core.events import EventType
from clearing.ids import WRITERS, encode, make_ids, transaction_id
from clearing.tables import events


def tell_others(connection: Connection, type_: EventType, dispute: Row[Any], actor_id: int) -> None:
    """Both parties but the one who acted. The hub has no events; it lists what waits for it."""
    others = {dispute.opener_id, dispute.counterparty_id} - {actor_id, HUB}
    data = {
        "dispute": encode("dsp", dispute.id),
        "status": dispute.status,
        "reason": dispute.reason,
        "transaction": transaction_id(dispute.wallet_id, dispute.transaction_id),
    }
    _tell(connection, type_, sorted(others), data)


def _tell(
    connection: Connection, type_: EventType, participant_ids: Iterable[int], data: dict[str, Any]
) -> None:
    ids = make_ids(randbelow(WRITERS), iter(lambda: time.time_ns() // 1_000_000, None))
    rows = [
        {
            "id": next(ids),
            "type": type_,
            "participant_id": one,
            "made_at": func.clock_timestamp(),
            "data": data,
        }
        for one in participant_ids
    ]
    if rows:
        connection.execute(insert(events).values(rows))
