"""Telling the parties of a dispute what the others have done, in the transaction that did it."""

from typing import Any

from sqlalchemy import Connection, Row

from clearing.core.accounts import HUB
from clearing.core.events import EventType
from clearing.events import Told, tell
from clearing.ids import encode, transaction_id


def tell_others(connection: Connection, type_: EventType, dispute: Row[Any], actor_id: int) -> None:
    """Both parties but the one who acted. The hub is not told; it lists what waits for it."""
    others = {dispute.opener_id, dispute.counterparty_id} - {actor_id, HUB}
    data = {
        "dispute": encode("dsp", dispute.id),
        "status": dispute.status,
        "reason": dispute.reason,
        "transaction": transaction_id(dispute.wallet_id, dispute.transaction_id),
    }
    tell(connection, [Told(type_, one, data) for one in sorted(others)])
