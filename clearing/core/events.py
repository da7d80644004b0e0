"""What others are told of: written with what caused it, delivered later."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class EventType(StrEnum):
    """Stored, sent and subscribed to by these names; docs/webhooks.md says what each tells."""

    TRANSACTION_POSTED = "transaction.posted"
    HOLD_LAPSED = "hold.lapsed"
    CAP_WARNING = "cap.warning"
    POINTS_EXPIRING = "points.expiring"
    LINK_PROPOSED = "link.proposed"
    WALLETS_LINKED = "wallets.linked"
    WALLETS_PARTED = "wallets.parted"
    PERIOD_CLOSED = "period.closed"
    STATEMENT_READY = "statement.ready"
    PAYMENT_RECORDED = "payment.recorded"
    PARTICIPANT_SUSPENDED = "participant.suspended"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_ANSWERED = "dispute.answered"
    DISPUTE_CLOSED = "dispute.closed"
    ENDPOINT_DISABLED = "endpoint.disabled"
    ENDPOINT_TEST = "endpoint.test"


#: Written only while somebody has subscribed to them: each posting would cause some.
ON_DEMAND = frozenset({EventType.TRANSACTION_POSTED})
#: Sent to the endpoint that they name and to no other.
OF_ONE_ENDPOINT = frozenset({EventType.ENDPOINT_TEST})


class Event(NamedTuple):
    """`participant_id` is who may see it, beside the hub (or the hub alone, if it is the hub's); `data` is
    what the event's type documents, in the ledger's own ids where `clearing.events` gives them their form.
    """

    id: int
    type: EventType
    participant_id: int
    data: Mapping[str, Any]
