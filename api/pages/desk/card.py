"""The card: what the front desk sees of one that is presented, with the forms of what can be done with it."""

from collections.abc import Mapping
from typing import Any

from flask import g, render_template, request

from api.auth import DESKS
from api.pages.desk.costs import costs
from api.pages.desk.room import blueprint, merchant_here
from api.pages.desk.wording import sentence
from api.pages.guard import page
from api.pages.typed import card_number
from api.problems import Problem
from api.v1.cards import checked_card
from api.v1.holds import holds_page
from clearing.core.directory import Merchant, Status
from clearing.core.outcomes import Code, Refusal

HOLDS_SHOWN_MAX = 20
NUMBER_CHARACTERS_MAX = 64


@blueprint.get("/")
@page(*DESKS)
def card() -> str | tuple[str, int]:
    """`?number=` and, for who may act at several, `?merchant=`."""
    return card_page(card_number(request.args.get("number")))


def card_page(
    number: str,
    *,
    act: str | None = None,
    values: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    refused: Refusal | None = None,
) -> str | tuple[str, int]:
    """The card with this number. `act`: whose form is open, with what was typed and what is wrong with it."""
    try:
        merchant = merchant_here()
        shown = checked_card(number[:NUMBER_CHARACTERS_MAX], merchant.code) if number else None
    except Problem as problem:
        return render_template("desk/card.html", problem=sentence(problem.code)), 422
    known = shown is not None and shown["status"] != "unknown"
    good = shown is not None and shown["status"] == "active"
    errors = dict(errors or {})
    wrong = None
    if refused is not None:
        wrong = sentence(refused.code, shown if known else None)
        field = _field_of(refused, values or {})
        if field is not None and good:
            errors[field] = wrong
    text = render_template(
        "desk/card.html",
        number=number,
        merchant=merchant,
        shown=shown,
        costs=costs(number, merchant, _acceptor(merchant), shown) if shown and good else [],
        holds=_open_holds(number, merchant.code) if known else [],
        issuers=_issuers(merchant),
        act=act,
        values=values or {},
        errors=errors,
        wrong=wrong,
        refused=refused,
    )
    return (text, 422) if wrong or errors else text


def _field_of(refused: Refusal, values: Mapping[str, Any]) -> str | None:
    """The field of the form that a refusal is about, where it is one."""
    if refused.code == Code.DUPLICATE_REFERENCE:
        return "reference"
    if refused.code in (Code.INSUFFICIENT_POINTS, Code.AMOUNT_INVALID) and values.get("points"):
        return "points"
    quantity = (
        Code.AMOUNT_INVALID,
        Code.INSUFFICIENT_POINTS,
        Code.INSUFFICIENT_VALUE,
        Code.NOT_ENABLED,
    )
    return "amount" if refused.code in quantity else None


def _open_holds(number: str, merchant: str) -> list[dict[str, Any]]:
    """Of this card at this merchant."""
    query = {"card": number, "merchant": merchant, "status": "held", "limit": HOLDS_SHOWN_MAX, "cursor": None}
    found: list[dict[str, Any]] = holds_page(query)["data"]
    return found


def _acceptor(merchant: Merchant) -> str:
    return str(g.directory.participants[merchant.participant_id].code)


def _issuers(merchant: Merchant) -> list[tuple[str, str]]:
    """Whose stored value can be sold here: one's own, then that which is open to the alliance."""
    own = g.directory.participants[merchant.participant_id]
    others = [
        one
        for one in g.directory.participants.values()
        if one.stored_value_enabled and one.id != own.id and one.status is Status.ACTIVE
    ]
    return [(one.code, one.name) for one in (own, *sorted(others, key=lambda one: one.code))]
