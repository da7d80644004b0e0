"""What is done with a card: typed on the card's page, shown with its price, and then done, once.

The idempotency key is made with the form in which the act is typed and stands in the address of the step that
shows the price. So whoever goes back, reloads or presses twice sends the same key, and it is done once.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from marshmallow import RAISE, ValidationError
from werkzeug.wrappers import Response

from api.auth import DESKS
from api.pages.desk.card import card_page
from api.pages.desk.costs import our_fee
from api.pages.desk.room import blueprint, merchant_here
from api.pages.desk.wording import sentence
from api.pages.forms import said_in_form
from api.pages.frame import url_with
from api.pages.guard import page
from api.pages.numbers import NotRead, fen, whole
from api.pages.sentences import said_of_field
from api.pages.typed import card_number, line
from api.posting import booking_of, hold_of, refused, submit_act
from api.problems import HttpCode, Problem
from api.schemas.quotes import ACTS
from api.v1.quotes import quoted
from api.web import usable_key
from clearing import ids
from clearing.core.outcomes import Outcome, Refusal, Replayed

#: A thing that is not wanted, said.
NO = "no"
#: What can be done with a card, and with which fields.
KINDS: Mapping[str, tuple[str, ...]] = {
    "redemption": ("points", "amount", "reference", "hold"),
    "accrual": ("amount", "reference"),
    "spend": ("amount", "reference", "hold"),
    "load": ("amount", "issuer", "reference"),
}

#: What the step of confirmation says in any case, also where it is the usual: lost on the way, it would be
#: taken for that.
_CONFIRMED: Mapping[str, tuple[str, ...]] = {
    kind: ("merchant", *(name for name in names if name in ("hold", "issuer")))
    for kind, names in KINDS.items()
}

Answer = str | tuple[str, int] | Response


class Typed(NamedTuple):
    """`said`: the act as the API would be sent it; `errors`: what is wrong, by field; `fields`: as typed."""

    said: dict[str, Any]
    errors: dict[str, str]
    fields: dict[str, str]


@blueprint.get("/acts/<kind>")
@page(*DESKS)
def ask(kind: str) -> Answer:
    """What the act would do and cost; nothing is booked."""
    form = _typed(kind, request.args)
    if form.errors:
        return _again(kind, form)
    if not request.args.get("idempotency_key"):
        return redirect(url_with(idempotency_key=str(uuid4())), 303)
    return _priced(kind, form)


@blueprint.post("/acts/<kind>")
@page(*DESKS)
def act(kind: str) -> Answer:
    form = _typed(kind, request.form)
    if form.errors:
        return _again(kind, form)
    said_in_form(*_CONFIRMED[kind])
    key = usable_key(request.form.get("idempotency_key", ""))
    try:
        _, outcome = submit_act(kind, form.said, loaded(kind, form.said), key)
    except Problem as problem:
        if problem.code != HttpCode.IN_FLIGHT:
            raise
        return _priced(kind, form, sentence(problem.code))
    if (found := refused(outcome)) is not None:
        return _again(kind, form, found)
    if not form.said.get("capture", True):
        told(outcome, gettext("Set aside. Nothing is booked before it is captured."))
        hold = hold_of(outcome)
        return redirect(url_for("desk.hold", hold_id=ids.hold_id(hold.wallet_id, hold.id)), 303)
    told(outcome, gettext("Done and booked."))
    return redirect(url_for("desk.transaction", transaction_id=_id_of(outcome)), 303)


def loaded(kind: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The act as its schema in the API loads it. Raises ValidationError."""
    found: dict[str, Any] = ACTS[kind].load(said, unknown=RAISE)
    return found


def told(outcome: Outcome, done: str) -> None:
    """Say on the next page that it is done, or that it had been."""
    if isinstance(outcome, Replayed):
        flash(gettext("This had been done before, with the same form. Nothing was done twice."), "info")
    else:
        flash(done, "success")


def _id_of(outcome: Outcome) -> str:
    row = booking_of(outcome).transaction
    return ids.transaction_id(row.wallet_id, row.id)


def _priced(kind: str, form: Typed, wrong: str | None = None) -> Answer:
    quote = quoted(kind, loaded(kind, form.said))
    if isinstance(quote, Refusal):
        return _again(kind, form, quote)
    text = render_template(
        "desk/confirm.html",
        kind=kind,
        hold=not form.said.get("capture", True),
        quote=quote,
        fee=our_fee(quote),
        merchant=merchant_here(),
        fields=form.fields | _confirmed(kind, form.said, quote),
        key=request.values.get("idempotency_key"),
        back=url_for("desk.card", number=form.said["card"], merchant=form.said["merchant"]),
        wrong=wrong,
    )
    return (text, 409) if wrong else text


def _confirmed(kind: str, said: Mapping[str, Any], quote: Mapping[str, Any]) -> dict[str, str]:
    every = {
        "merchant": said["merchant"],
        "hold": "yes" if said.get("capture") is False else NO,
        "issuer": quote["legs"][0]["issuer"],
    }
    return {name: every[name] for name in _CONFIRMED[kind]}


def _again(kind: str, form: Typed, found: Refusal | None = None) -> Answer:
    """The form once more, under a new key: the refused one keeps its refusal."""
    number = form.said["card"]
    return card_page(number, act=kind, values=form.fields, errors=form.errors, refused=found)


def _typed(kind: str, given: Mapping[str, str]) -> Typed:
    """Reads the form of an act; 404 for an act that is none."""
    if kind not in KINDS:
        abort(404)
    names = KINDS[kind]
    said: dict[str, Any] = {
        "card": card_number(given.get("card")) or "-",
        "merchant": merchant_here().code,
    }
    errors: dict[str, str] = {}
    for name in ("points", "amount"):
        if name in names and (text := line(given.get(name))):
            try:
                said[name] = quantity(name, text)
            except NotRead as wrong:
                errors[name] = str(wrong)
    if not errors and not ({"points", "amount"} & said.keys()):
        errors[names[0]] = gettext("Enter how much.")
    if {"points", "amount"} <= said.keys():
        errors["points"] = gettext("Enter points or an amount, not both.")
    if reference := line(given.get("reference")):
        said["reference"] = reference
    if "issuer" in names and given.get("issuer"):
        said["issuer"] = given["issuer"]
    if "hold" in names and given.get("hold", NO) not in ("", NO):
        said["capture"] = False
    if not errors:
        errors = errors_of_schema(kind, said)
    kept = ("card", "merchant", *names)
    return Typed(said, errors, {name: given[name] for name in kept if given.get(name) not in (None, "", NO)})


def quantity(unit: str, text: str) -> int:
    """So many `points`, or the fen of an `amount` in yuan. Raises NotRead."""
    return whole(text, signed=False) if unit == "points" else fen(text)


def typed_quantity(unit: str, found: int) -> str:
    """So many points, or fen, as a clerk would type them."""
    return str(found) if unit == "points" else f"{found // 100}.{found % 100:02d}"


def errors_of_schema(kind: str, said: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the act's fields, in words."""
    try:
        loaded(kind, said)
    except ValidationError as error:
        messages = error.messages if isinstance(error.messages, dict) else {}
        return {name: _sentences(found) for name, found in messages.items()}
    return {}


def _sentences(found: Any) -> str:
    return " ".join(map(said_of_field, found if isinstance(found, list) else [str(found)]))
