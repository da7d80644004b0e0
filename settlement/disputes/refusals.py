"""Who acts on a dispute, and why an act is not carried out."""

from enum import StrEnum
from typing import NamedTuple

from clearing.core.outcomes import Code


class DisputeRefused(StrEnum):
    """Why nothing was done, beside the ledger's own codes."""

    NOT_FOUND = "not_found"
    NOT_DISPUTABLE = "not_disputable"
    EXCEEDS_DISPUTABLE = "exceeds_disputable"
    DISPUTE_CLOSED = "dispute_closed"
    RESPONSE_AWAITED = "response_awaited"


class DisputeRefusal(NamedTuple):
    """`detail` is a sentence that says what to do; `field` names the input at fault."""

    code: DisputeRefused | Code
    detail: str
    field: str | None = None


class Actor(NamedTuple):
    """Who acts: a participant, or the hub (0), by the key with this id."""

    party_id: int
    key_id: str


def unknown() -> DisputeRefusal:
    return DisputeRefusal(DisputeRefused.NOT_FOUND, "There is no such dispute.")
