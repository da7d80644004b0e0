"""What finance's pages share: the blueprint, whose books are looked at, and the words."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from flask import Blueprint, g, request
from flask_babel import lazy_gettext
from marshmallow import Schema, ValidationError, fields

from api.auth import SEES_ALL, current_caller
from api.fields import Whole
from api.pages.typed import line
from api.pages.words import add_words
from api.problems import FieldError, Problem, field_errors
from api.v1.periods import all_periods
from clearing.core.calendar import PeriodState
from clearing.core.outcomes import Code

blueprint = Blueprint("finance", __name__, url_prefix="/finance", template_folder="templates")

#: Rows of a list on one page.
ROWS = 50


class Books(NamedTuple):
    """Whose books a page shows: one participant's, or (None) everybody's. `choices`: code and name of those
    whom the reader may choose; none for who sees its own only.
    """

    code: str | None
    id: int | None
    name: str | None
    choices: tuple[tuple[str, str], ...]


def books() -> Books:
    """The reader's own; of auditors and operators those that the address names. Raises Problem."""
    caller, everybody = current_caller(), g.directory.participants
    if caller.scope not in SEES_ALL:
        own = everybody[caller.participant_id]
        return Books(own.code, own.id, own.name, ())
    known = sorted(everybody.values(), key=lambda one: one.code)
    choices = tuple((one.code, f"{one.code} {one.name}") for one in known)
    code = request.args.get("participant")
    if not code:
        return Books(None, None, None, choices)
    named = g.directory.participant(code)
    if named is None:
        detail = f"There is no participant {code!r}."
        raise Problem(Code.MALFORMED, detail, [FieldError("?participant", detail)])
    return Books(named.code, named.id, named.name, choices)


def closed_periods() -> list[str]:
    """Names of the periods that have a settlement, the newest first."""
    return [one["period"] for one in all_periods()[::-1] if one["state"] != PeriodState.OPEN.value]


def loaded(schema: Schema, form: Mapping[str, Any]) -> dict[str, Any]:
    """A form as the API would load it; fields left empty are not sent. Raises Problem."""
    sent = {name: _sent(field, form[name]) for name, field in schema.fields.items() if name in form}
    try:
        data: dict[str, Any] = schema.load({name: value for name, value in sent.items() if value != ""})
    except ValidationError as error:
        raise Problem(Code.MALFORMED, "", field_errors({"json": error.messages})) from error
    return data


def _sent(field: fields.Field, typed: Any) -> Any:
    """What the API would be sent: a number is one where the field takes one, and text everywhere else."""
    if not isinstance(typed, str):
        return typed
    text = line(typed)
    is_number = isinstance(field, Whole) and text.isascii() and text.isdigit() and len(text) < 20
    return int(text) if is_number else text


add_words(
    "kind",
    {
        "visit": lazy_gettext("visit"),
        "redemption": lazy_gettext("redemption"),
        "spend": lazy_gettext("stored value spent"),
        "load": lazy_gettext("stored value loaded"),
        "issue": lazy_gettext("points issued"),
        "opening": lazy_gettext("brought in"),
        "expiry": lazy_gettext("expired"),
        "adjustment": lazy_gettext("adjustment"),
        "transfer": lazy_gettext("moved between cards, or paid arrears"),
        "accrual": lazy_gettext("points earned"),
        "reversal": lazy_gettext("reversal"),
    },
)
add_words(
    "reason",
    {
        "own_system": lazy_gettext("own system, free of charge"),
        "exchange": lazy_gettext("exchange, charged"),
        "waived": lazy_gettext("exchange, fee waived"),
        "no_fee_rule": lazy_gettext("exchange without a fee rule, free of charge"),
        "adjustment": lazy_gettext("by hand"),
        "corrected": lazy_gettext("already given back by a dispute"),
        "held": lazy_gettext("only held so far"),
    },
)
add_words(
    "direction",
    {
        "receivable": lazy_gettext("receivable"),
        "payable": lazy_gettext("payable"),
        "none": lazy_gettext("nothing owed"),
    },
)
add_words(
    "payment",
    {
        "nothing_due": lazy_gettext("nothing to pay"),
        "unpaid": lazy_gettext("unpaid"),
        "partly_paid": lazy_gettext("partly paid"),
        "paid": lazy_gettext("paid"),
        "overpaid": lazy_gettext("overpaid"),
        "carried_forward": lazy_gettext("carried forward"),
    },
)
add_words(
    "payment_direction",
    {"in": lazy_gettext("to the hub"), "out": lazy_gettext("from the hub")},
)
add_words(
    "transaction_status",
    {
        "posted": lazy_gettext("booked"),
        "held": lazy_gettext("held"),
        "captured": lazy_gettext("captured"),
        "voided": lazy_gettext("voided"),
        "expired": lazy_gettext("hold ended"),
    },
)
add_words(
    "part",
    {
        "issued": lazy_gettext("Issued or sold"),
        "opened": lazy_gettext("Brought in"),
        "used_own": lazy_gettext("Used at own merchants"),
        "used_elsewhere": lazy_gettext("Used elsewhere"),
        "expired": lazy_gettext("Ended unused"),
        "adjusted": lazy_gettext("Adjusted by hand"),
    },
)
add_words(
    "asset",
    {"points": lazy_gettext("Points"), "stored_value": lazy_gettext("Stored value")},
)
