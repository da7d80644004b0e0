"""Holds of the merchant: those that are open, one of them, and its capture or release."""

from typing import Any
from uuid import uuid4

from flask import redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from api.auth import DESKS
from api.pages.desk.acts import loaded, quantity, told, typed_quantity
from api.pages.desk.costs import our_fee
from api.pages.desk.paper import paper
from api.pages.desk.room import blueprint, merchant_here
from api.pages.desk.wording import sentence
from api.pages.frame import url_with
from api.pages.guard import page
from api.pages.numbers import NotRead
from api.pages.sentences import InWords
from api.pages.typed import line
from api.posting import refused, submit_act
from api.problems import HttpCode, Problem
from api.v1.holds import hold_seen, holds_page
from api.v1.quotes import quoted
from api.web import usable_key
from clearing.core.outcomes import Refusal

Answer = str | tuple[str, int] | Response

LIMIT = 50


@blueprint.get("/holds")
@page(*DESKS)
def open_holds() -> str:
    merchant = merchant_here()
    query = {
        "card": None,
        "merchant": merchant.code,
        "status": "held",
        "limit": LIMIT,
        "cursor": request.args.get("cursor"),
    }
    return render_template("desk/holds.html", merchant=merchant, **holds_page(query))


@blueprint.get("/holds/<hold_id>")
@page(*DESKS)
def hold(hold_id: str) -> Answer:
    return _hold_page(_hold(hold_id))


@blueprint.get("/holds/<hold_id>/capture")
@page(*DESKS)
def ask_capture(hold_id: str) -> Answer:
    """What the capture would do and cost; nothing is booked."""
    return _ask("capture", _hold(hold_id))


@blueprint.post("/holds/<hold_id>/capture")
@page(*DESKS)
def capture(hold_id: str) -> Answer:
    return _do("capture", _hold(hold_id))


@blueprint.get("/holds/<hold_id>/release")
@page(*DESKS)
def ask_release(hold_id: str) -> Answer:
    return _ask("void", _hold(hold_id))


@blueprint.post("/holds/<hold_id>/release")
@page(*DESKS)
def release(hold_id: str) -> Answer:
    return _do("void", _hold(hold_id))


def _hold(hold_id: str) -> dict[str, Any]:
    """Of the visitor's merchants. Raises Problem."""
    try:
        return hold_seen(hold_id)
    except Problem as problem:
        raise Problem(problem.code, InWords(sentence(problem.code))) from problem


def _hold_page(shown: dict[str, Any], error: str | None = None) -> Answer:
    # What is no longer open stays as it is; a form for it would only be refused.
    text = render_template("desk/hold.html", hold=shown, error=error, values=request.values, paper=paper())
    return (text, 422) if error else text


def _ask(kind: str, shown: dict[str, Any], wrong: str | None = None) -> Answer:
    said, error = _said(kind, shown)
    if error:
        return _hold_page(shown, error)
    if not request.values.get("idempotency_key"):
        return redirect(url_with(idempotency_key=str(uuid4())), 303)
    quote = quoted(kind, loaded(kind, said))
    if isinstance(quote, Refusal):
        return _hold_page(shown, sentence(quote.code))
    text = render_template(
        "desk/settle.html",
        kind=kind,
        hold=shown,
        quote=quote,
        fee=our_fee(quote),
        # What is confirmed is what is shown: all of it, too, is said in a number.
        fields={"quantity": typed_quantity(_unit(shown), quote[_unit(shown)])} if kind == "capture" else {},
        key=request.values["idempotency_key"],
        wrong=wrong,
    )
    return (text, 409) if wrong else text


def _do(kind: str, shown: dict[str, Any]) -> Answer:
    said, error = _said(kind, shown)
    if error:
        return _hold_page(shown, error)
    key = usable_key(request.form.get("idempotency_key", ""))
    try:
        _, outcome = submit_act(kind, said, loaded(kind, said), key)
    except Problem as problem:
        if problem.code != HttpCode.IN_FLIGHT:
            raise
        return _ask(kind, shown, sentence(problem.code))
    if (found := refused(outcome)) is not None:
        return _hold_page(_hold(shown["id"]), sentence(found.code))
    if kind == "void":
        told(outcome, gettext("Released: the guest can use it again. Nothing was booked."))
        return redirect(url_for("desk.hold", hold_id=shown["id"]), 303)
    told(outcome, gettext("Captured and booked."))
    return redirect(url_for("desk.transaction", transaction_id=shown["transaction"]), 303)


def _said(kind: str, shown: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The act as the API would be sent it, and what is wrong with the quantity that was typed."""
    said: dict[str, Any] = {"hold": shown["id"]}
    if kind == "void":
        return said, None
    unit = _unit(shown)
    text = line(request.values.get("quantity"))
    if not text and request.method == "POST":
        return said, gettext("Enter how much.")
    if text:
        try:
            said[unit] = quantity(unit, text)
        except NotRead as wrong:
            return said, str(wrong)
    return said, None


def _unit(shown: dict[str, Any]) -> str:
    return "points" if shown["kind"] == "redemption" else "amount"
