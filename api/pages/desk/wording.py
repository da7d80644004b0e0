"""What the front desk calls things, and what it is told when something is refused."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, lazy_gettext

from api.pages.formats import points, yuan
from api.pages.words import add_words, remedy_of, title_of
from api.problems import HttpCode
from clearing.core.outcomes import Code

add_words(
    "desk_status",
    {
        "active": lazy_gettext("Valid"),
        "blocked": lazy_gettext("Blocked"),
        "expired": lazy_gettext("Expired"),
        "unknown": lazy_gettext("Unknown"),
    },
)
add_words(
    "desk_kind",
    {
        "accrual": lazy_gettext("Points earned"),
        "redemption": lazy_gettext("Points redeemed"),
        "load": lazy_gettext("Stored value loaded"),
        "spend": lazy_gettext("Stored value spent"),
        "opening": lazy_gettext("Brought in from before"),
        "reversal": lazy_gettext("Undone"),
        "expiry": lazy_gettext("Points expired"),
        "adjustment": lazy_gettext("Adjusted by hand"),
        "transfer": lazy_gettext("Moved between cards, or paid arrears"),
    },
)
add_words(
    "desk_reason",
    {
        "own_system": lazy_gettext("own system, free"),
        "exchange": lazy_gettext("exchange"),
        "waived": lazy_gettext("exchange, fee waived"),
        "no_fee_rule": lazy_gettext("exchange, no fee agreed"),
        "adjustment": lazy_gettext("adjusted by hand"),
        "corrected": lazy_gettext("already given back by a dispute"),
        "held": lazy_gettext("only set aside, free"),
    },
)
add_words(
    "desk_hold",
    {
        "held": lazy_gettext("open"),
        "captured": lazy_gettext("captured"),
        "voided": lazy_gettext("released"),
        "expired": lazy_gettext("expired"),
    },
)
#: Why a clerk undoes something; these words are kept in the books as they stand on the left.
UNDONE_FOR = {
    "mistyped": lazy_gettext("Typed wrongly"),
    "booked twice": lazy_gettext("Booked twice"),
    "wrong card": lazy_gettext("Wrong card"),
    "guest cancelled": lazy_gettext("The guest cancelled"),
    "other": lazy_gettext("Something else"),
}
add_words("desk_undone_for", UNDONE_FOR)


def undone_for(kept: str) -> str:
    """What stands in the books as the reason of a reversal, for a reader: `booked twice: see 42`."""
    reason, colon, remark = kept.partition(": ")
    return f"{UNDONE_FOR[reason]}{colon}{remark}" if reason in UNDONE_FOR else kept


#: Of what a desk's act can be refused for; all else has its title and remedy.
SENTENCES: dict[str, Any] = {
    Code.FORBIDDEN: lazy_gettext("You may not act at this merchant. Choose one of your own."),
    Code.IDEMPOTENCY_KEY_REUSED: lazy_gettext(
        "This form was used for something else before. Nothing was booked now. Read the card again and begin"
        " anew."
    ),
    Code.MERCHANT_UNKNOWN: lazy_gettext("There is no merchant at which you may act. Ask your admin."),
    Code.MERCHANT_SUSPENDED: lazy_gettext(
        "Your merchant is suspended in the alliance. Nothing can be booked; ask your admin."
    ),
    Code.PARTICIPANT_SUSPENDED: lazy_gettext(
        "A participant is suspended, so this exchange is not possible now. Take another payment."
    ),
    Code.CARD_UNKNOWN: lazy_gettext("Nobody has issued this card. Read it again, or type its number."),
    Code.CARD_BLOCKED: lazy_gettext("This card is blocked. Send the guest to the card's issuer."),
    Code.CARD_EXPIRED: lazy_gettext("This card has expired. Send the guest to the card's issuer."),
    Code.NOT_ENABLED: lazy_gettext(
        "Not all of this stored value can be used here: its issuer has not opened it to the alliance. Take"
        " less, or another payment."
    ),
    Code.AMOUNT_INVALID: lazy_gettext("Enter a number above zero that is not too large."),
    Code.DUPLICATE_REFERENCE: lazy_gettext(
        "This bill number was used before. Search for it among the transactions: it may be booked already."
    ),
    Code.HOLD_UNKNOWN: lazy_gettext("There is no such hold at your merchants."),
    Code.HOLD_CLOSED: lazy_gettext("This hold was captured or released before. Nothing was done now."),
    Code.HOLD_EXPIRED: lazy_gettext(
        "The time of this hold is over, and the guest has it back. Read the card and redeem or spend anew."
    ),
    Code.EXCEEDS_HELD: lazy_gettext("This is more than is held. Take at most what is held."),
    Code.INSUFFICIENT_POINTS: lazy_gettext("The card has not enough points for this. Take fewer points."),
    Code.INSUFFICIENT_VALUE: lazy_gettext(
        "The card has not enough stored value for this. Take a smaller amount."
    ),
    Code.VELOCITY_LIMIT: lazy_gettext(
        "Too many points were used in a short time, so this is stopped for safety. Try later, or take another"
        " payment."
    ),
    Code.NET_DEBIT_CAP: lazy_gettext(
        "The card's issuer has reached its limit in the alliance. Take another payment."
    ),
    Code.TRANSACTION_UNKNOWN: lazy_gettext("There is no such transaction at your merchants."),
    Code.NOT_REVERSIBLE: lazy_gettext("This cannot be undone. If it is a hold, release it instead."),
    Code.EXCEEDS_REVERSIBLE: lazy_gettext("This is more than is left to undo."),
    Code.PERIOD_CLOSED: lazy_gettext("The month is closed. Ask your finance department."),
    Code.RATE_LIMITED: lazy_gettext("Too much at once. Wait a moment, then try again."),
    HttpCode.IN_FLIGHT: lazy_gettext(
        "It is not known yet whether this is booked. Press the button once more: the same form never books"
        " twice."
    ),
}


def sentence(code: str, card: Mapping[str, Any] | None = None) -> str:
    """What a refusal means to a clerk, and what to do; with what the card has here, where that helps."""
    found = SENTENCES.get(code)
    text = f"{title_of(code)}. {remedy_of(code)}" if found is None else str(found)
    return f"{text} {_has(code, card)}".rstrip() if card else text


def _has(code: str, card: Mapping[str, Any]) -> str:
    if code == Code.INSUFFICIENT_POINTS:
        return str(
            gettext("There are %(points)s to be used here.", points=points(card["points"]["available"]))
        )
    if code in (Code.INSUFFICIENT_VALUE, Code.NOT_ENABLED):
        usable = sum(one["available"] for one in card["stored_value"] if one["usable_here"])
        return str(gettext("There are %(amount)s to be used here.", amount=yuan(usable)))
    return ""
