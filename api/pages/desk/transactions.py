"""Transactions of the merchant: today's, found by bill number, one with its receipt, and its undoing."""

from datetime import datetime, time
from typing import Any
from uuid import uuid4

from flask import g, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from api.auth import DESKS
from api.pages.desk.acts import errors_of_schema, loaded, quantity, told, typed_quantity
from api.pages.desk.costs import our_fee
from api.pages.desk.paper import paper
from api.pages.desk.room import blueprint, merchant_here
from api.pages.desk.wording import UNDONE_FOR, sentence, undone_for
from api.pages.forms import said_in_form
from api.pages.frame import url_with
from api.pages.guard import page
from api.pages.numbers import NotRead
from api.pages.sentences import InWords
from api.pages.typed import line, wanted
from api.posting import booking_of, refused, submit_act
from api.problems import HttpCode, Problem
from api.services import services
from api.v1.quotes import quoted
from api.v1.transactions import transaction_shown, transactions_page
from api.web import usable_key
from clearing import ids
from clearing.core.outcomes import Code, Refusal
from clearing.query import local_date

Answer = str | tuple[str, int] | Response

LIMIT = 50
UNDOABLE = frozenset({"accrual", "redemption", "load", "spend"})
REMARK_CHARACTERS_MAX = 150


@blueprint.get("/transactions")
@page(*DESKS)
def today() -> str:
    """Today's, the newest first; with `?reference=` those of any day with this bill number."""
    merchant = merchant_here()
    reference = wanted(request.args.get("reference")) or None
    zone = g.directory.rulebook.settings.time_zone
    with services().engine.connect() as connection:
        day = local_date(connection, zone)
    query = {
        "card": None,
        "merchant": merchant.code,
        "period": None,
        "reference": reference,
        "limit": LIMIT,
        "cursor": request.args.get("cursor"),
    }
    since = None if reference else datetime.combine(day, time(), zone)
    found = transactions_page(query, since)
    return render_template(
        "desk/transactions.html",
        merchant=merchant,
        reference=reference,
        day=day,
        our_fee=our_fee,
        is_undoable=is_undoable,
        **found,
    )


@blueprint.get("/transactions/<transaction_id>")
@page(*DESKS)
def transaction(transaction_id: str) -> Answer:
    """One with its receipt; of a hold that is not captured, the hold."""
    shown = _transaction(transaction_id)
    if shown["status"] != "posted":
        return redirect(url_for("desk.hold", hold_id=shown["hold"]), 303)
    merchant = None if shown["merchant"] is None else g.directory.merchants[shown["merchant"]]
    return render_template(
        "desk/transaction.html",
        shown=shown,
        merchant=merchant,
        fee=our_fee(shown),
        undoable=is_undoable(shown),
        undone_for=undone_for,
        paper=paper(),
    )


@blueprint.get("/transactions/<transaction_id>/undo")
@page(*DESKS)
def ask_undo(transaction_id: str) -> Answer:
    """What would come back, of all of it or of a part; nothing is booked."""
    shown = _transaction(transaction_id)
    if not request.args.get("idempotency_key"):
        return redirect(url_with(idempotency_key=str(uuid4())), 303)
    return _undo_page(shown, key=request.args["idempotency_key"])


@blueprint.post("/transactions/<transaction_id>/undo")
@page(*DESKS)
def undo(transaction_id: str) -> Answer:
    """So much of it as the form says, which is what was shown: one that came without it undoes nothing."""
    said_in_form("part")
    shown = _transaction(transaction_id)
    key = usable_key(request.form.get("idempotency_key", ""))
    said, error = _said(shown)
    reason, remark = request.form.get("reason", ""), line(request.form.get("remark"))
    if reason not in UNDONE_FOR:
        return _undo_page(shown, key=key, errors={"reason": gettext("Choose why.")})
    if error:
        return _undo_page(shown, key=key)
    said["reason"] = f"{reason}: {remark[:REMARK_CHARACTERS_MAX]}" if remark else reason
    if (wrong := errors_of_schema("reversal", said)) and "reason" in wrong:
        return _undo_page(shown, key=key, errors={"remark": wrong["reason"]})
    try:
        _, outcome = submit_act("reversal", said, loaded("reversal", said), key)
    except Problem as problem:
        if problem.code != HttpCode.IN_FLIGHT:
            raise
        return _undo_page(shown, key=key, wrong=sentence(problem.code))
    if (found := refused(outcome)) is not None:
        return _undo_page(_transaction(transaction_id), key=str(uuid4()), wrong=sentence(found.code))
    told(outcome, gettext("Undone, and booked."))
    row = booking_of(outcome).transaction
    made = ids.transaction_id(row.wallet_id, row.id)
    return redirect(url_for("desk.transaction", transaction_id=made), 303)


def is_undoable(shown: dict[str, Any]) -> bool:
    """Whether it is of a kind that can be undone, and anything is left of it."""
    left = shown["points"] - shown["reversed_points"], shown["amount"] - shown["reversed_amount"]
    return shown["status"] == "posted" and shown["kind"] in UNDOABLE and any(left)


def _undo_page(
    shown: dict[str, Any], *, key: str, wrong: str | None = None, errors: dict[str, str] | None = None
) -> Answer:
    said, part_error = _said(shown)
    quote: dict[str, Any] | Refusal | None = None
    if part_error is None:
        quote = quoted("reversal", loaded("reversal", said))
    if isinstance(quote, Refusal):
        wrong, quote = wrong or sentence(quote.code), None
    unit = _unit(shown)
    text = render_template(
        "desk/undo.html",
        shown=shown,
        quote=quote,
        fee=0 if quote is None else our_fee(quote),
        unit=unit,
        part=None if quote is None else typed_quantity(unit, -quote[unit]),
        part_error=part_error,
        wrong=wrong,
        errors=errors or {},
        values=request.values,
        reasons=UNDONE_FOR.items(),
        key=key,
    )
    return (text, 422) if wrong or errors or part_error else text


def _said(shown: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The reversal as the API would be sent it, and what is wrong with the part that was typed.

    Where none was typed what is shown is of all that is left; it is done only with the number that was shown.
    """
    said: dict[str, Any] = {"transaction": shown["id"], "reason": "mistyped"}
    unit = _unit(shown)
    if text := line(request.values.get("part")):
        try:
            said[unit] = quantity(unit, text)
        except NotRead as wrong:
            return said, str(wrong)
    return said, None


def _unit(shown: dict[str, Any]) -> str:
    """In what a part of it is told: a redemption in points, all else in money, while any of that is left."""
    without_cash = shown["kind"] == "accrual" and shown["amount"] == shown["reversed_amount"]
    return "points" if shown["kind"] == "redemption" or without_cash else "amount"


def _transaction(transaction_id: str) -> dict[str, Any]:
    """One that was made at the visitor's merchants. Raises Problem.

    A participant's admin may see those of its cards elsewhere, too; they are not the desk's.
    """
    try:
        shown = transaction_shown(transaction_id)
    except Problem as problem:
        raise Problem(problem.code, InWords(sentence(problem.code))) from problem
    own = g.caller.may_post_at(g.directory.merchants.get(shown["merchant"])) if shown["merchant"] else False
    if not own:
        raise Problem(Code.TRANSACTION_UNKNOWN, InWords(sentence(Code.TRANSACTION_UNKNOWN)))
    return shown
