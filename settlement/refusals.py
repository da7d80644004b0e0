"""Why something about a settlement is not done. A refusal is a value; nothing was written."""

from enum import StrEnum
from typing import NamedTuple


class Refused(StrEnum):
    """In the order of precedence."""

    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    OCCURRED_IN_FUTURE = "occurred_in_future"
    PERIOD_NOT_CLOSED = "period_not_closed"
    NOT_REPRODUCED = "not_reproduced"
    PERIOD_NOT_APPROVED = "period_not_approved"
    DUPLICATE_REFERENCE = "duplicate_reference"
    NOT_REVERSIBLE = "not_reversible"
    NOTHING_OUTSTANDING = "nothing_outstanding"
    BANK_ACCOUNT_MISSING = "bank_account_missing"


class Refusal(NamedTuple):
    """`detail` is a sentence that says what to do."""

    code: Refused
    detail: str
