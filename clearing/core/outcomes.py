"""What can become of a command: posted, replayed or refused, and the closed list of refusals."""

from enum import StrEnum
from typing import NamedTuple

from clearing.core.holds import Hold
from clearing.core.journal import Booking


class Code(StrEnum):
    """Why a command is refused, in the order of precedence: two faults at once give the earlier one."""

    MALFORMED = "malformed"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    IDEMPOTENCY_KEY_REQUIRED = "idempotency_key_required"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    MERCHANT_UNKNOWN = "merchant_unknown"
    MERCHANT_SUSPENDED = "merchant_suspended"
    PARTICIPANT_SUSPENDED = "participant_suspended"
    CARD_UNKNOWN = "card_unknown"
    CARD_BLOCKED = "card_blocked"
    CARD_EXPIRED = "card_expired"
    NOT_ENABLED = "not_enabled"
    AMOUNT_INVALID = "amount_invalid"
    OCCURRED_IN_FUTURE = "occurred_in_future"
    DUPLICATE_REFERENCE = "duplicate_reference"
    HOLD_UNKNOWN = "hold_unknown"
    HOLD_OPEN = "hold_open"
    HOLD_CLOSED = "hold_closed"
    HOLD_EXPIRED = "hold_expired"
    EXCEEDS_HELD = "exceeds_held"
    INSUFFICIENT_POINTS = "insufficient_points"
    INSUFFICIENT_VALUE = "insufficient_value"
    VELOCITY_LIMIT = "velocity_limit"
    NET_DEBIT_CAP = "net_debit_cap"
    TRANSACTION_UNKNOWN = "transaction_unknown"
    NOT_REVERSIBLE = "not_reversible"
    EXCEEDS_REVERSIBLE = "exceeds_reversible"
    ENROLLED_ELSEWHERE = "enrolled_elsewhere"
    ALREADY_EXISTS = "already_exists"
    NOT_LINKABLE = "not_linkable"
    PERIOD_CLOSED = "period_closed"
    RATE_LIMITED = "rate_limited"


#: Refusals that leave no trace: the request is none, its caller is not entitled to the key's outcome, or
#: the key has one.
UNRECORDED = frozenset({Code.MALFORMED, Code.FORBIDDEN, Code.IDEMPOTENCY_KEY_REUSED})


class Refusal(NamedTuple):
    """A caller's error. `detail` is a sentence that says what to do; `field` names the input at fault."""

    code: Code
    detail: str
    field: str | None = None


class Posted(NamedTuple):
    """`booking` is all that was written for the command."""

    booking: Booking


class Held(NamedTuple):
    """A hold was placed, voided or has lapsed; `hold` is as it is afterwards."""

    hold: Hold


class Recorded(NamedTuple):
    """The outcome that a key already has: a transaction, a hold, a member, or a refusal."""

    request_hash: str
    wallet_id: int | None = None
    transaction_id: int | None = None
    refusal: Refusal | None = None
    member_id: int | None = None
    hold_id: int | None = None


class Replayed(NamedTuple):
    """The key had been used for the same request before; `recorded` is its first outcome.

    `booking`, or `hold`, is at hand when the first one stands in the same batch.
    """

    recorded: Recorded
    booking: Booking | None = None
    hold: Hold | None = None


class Moved(NamedTuple):
    """Wallets were linked or parted: what went from the one is in the other."""

    source_id: int
    target_id: int


Outcome = Posted | Held | Moved | Replayed | Refusal
