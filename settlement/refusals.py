"""Why something about a settlement is not done. A refusal is a value; nothing was written."""

from enum import StrEnum
from typing import NamedTuple


class Refused(StrEnum):
    """In the order of precedence."""

    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    REFERENCE_ROUNDED = "reference_rounded"
    DATE_OUT_OF_BOUNDS = "date_out_of_bounds"
    OCCURRED_IN_FUTURE = "occurred_in_future"
    PERIOD_NOT_CLOSED = "period_not_closed"
    NOT_REPRODUCED = "not_reproduced"
    PERIOD_NOT_APPROVED = "period_not_approved"
    DUPLICATE_REFERENCE = "duplicate_reference"
    WRONG_DIRECTION = "wrong_direction"
    TO_BE_CONFIRMED = "to_be_confirmed"
    NOT_REVERSIBLE = "not_reversible"
    NOTHING_OUTSTANDING = "nothing_outstanding"
    BANK_ACCOUNT_MISSING = "bank_account_missing"
    BANK_ACCOUNT_INVALID = "bank_account_invalid"
    ACCOUNTS_CHANGED = "accounts_changed"
    NOT_A_BANK_DAY = "not_a_bank_day"


class Refusal(NamedTuple):
    """`detail` is a sentence that says what to do."""

    code: Refused
    detail: str
