"""Disputes: open one from a statement's line, follow it, answer, decide, withdraw."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from marshmallow import Schema
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from api.auth import FINANCE
from api.pages import typed
from api.pages.finance.room import ROWS, blueprint, books, closed_periods, loaded
from api.pages.forms import said_in_form
from api.pages.guard import current_visit, page
from api.pages.numbers import NotRead, fen, whole
from api.pages.recording import DoneBefore, recording
from api.pages.sentences import InWords, told
from api.pages.zones import show_in_zone_of, zones
from api.problems import FieldError, HttpCode, Problem
from api.schemas.disputes import (
    REASONS,
    STATUSES,
    AcceptInput,
    AnswerInput,
    DisputeInput,
    RejectInput,
    WithdrawInput,
)
from api.v1 import disputes as api
from api.v1.statements import statement_document, statement_line
from clearing.core.accounts import HUB_CODE
from clearing.core.outcomes import Code
from settlement.core.disputes import Act

#: The form of each act, its name in the audit log, and what carries it out.
ACTS: dict[Act, tuple[Schema, str, Callable[..., Any]]] = {
    Act.ANSWER: (AnswerInput(), "dispute.answered", api.answered),
    Act.ACCEPT: (AcceptInput(), "dispute.accepted", api.accepted),
    Act.REJECT: (RejectInput(), "dispute.rejected", api.rejected),
    Act.WITHDRAW: (WithdrawInput(), "dispute.withdrawn", api.withdrawn),
}
#: What a form may hold; the rest of it is the frame's.
FIELDS = ("statement", "line", "transaction", "issuer", "reason", "text", "part", "amount_yuan", "points")


@blueprint.get("/disputes")
@page(*FINANCE)
def disputes() -> str:
    """`status`, `period` and `waits_for` narrow the list; `participant` too, for who sees all."""
    whose = books()
    query = {name: request.args.get(name) or None for name in ("status", "period", "waits_for", "cursor")}
    if query["status"] is not None and query["status"] not in STATUSES:
        raise Problem(Code.MALFORMED, "There is no such state.")
    found = api.disputes_page({**query, "participant": whose.code, "limit": ROWS})
    return render_template(
        "finance/disputes.html",
        books=whose,
        found=found,
        periods=closed_periods(),
        statuses=STATUSES,
        turns=[whose.code, HUB_CODE] if whose.code else [HUB_CODE],
    )


@blueprint.get("/disputes/new")
@page(*api.DISPUTERS)
def new_dispute() -> str:
    """`statement` and `line`; or `transaction` and `issuer` in place of the line."""
    return _form({name: request.args.get(name, "") for name in FIELDS}, None)


@blueprint.post("/disputes/new")
@page(*api.DISPUTERS)
def open_dispute() -> Response | str | tuple[str, int]:
    """First what it would come to, then, confirmed, the dispute itself."""
    values = {
        name: (typed.lines if name == "text" else typed.line)(request.form.get(name)) for name in FIELDS
    }
    try:
        body = _body(values)
        if request.form.get("confirmed") != "yes":
            return render_template(
                "finance/dispute_confirm.html",
                dispute=api.would_open(body),
                values=values,
                within="finance.disputes",
            )
        opened = api.opened(body, _record_opening)
    except DoneBefore:
        there = _pending(values)
        target = "finance.dispute" if there else "finance.disputes"
        return redirect(url_for(target, dispute_id=there), 303)
    except Problem as problem:
        # Sent twice, or by a colleague: the one that is there.
        if problem.code == Code.ALREADY_EXISTS and (there := _pending(values)) is not None:
            flash(gettext("This line is in dispute already; this is the dispute."), "info")
            return redirect(url_for("finance.dispute", dispute_id=there), 303)
        return _form(values, problem), 422
    flash(gettext("The dispute is open. The other side has been told."), "success")
    return redirect(url_for("finance.dispute", dispute_id=opened["id"]), 303)


@blueprint.get("/disputes/<dispute_id>")
@page(*FINANCE)
def dispute(dispute_id: str) -> str:
    return _thread(dispute_id, None)


@blueprint.post("/disputes/<dispute_id>/<act>")
@page(*api.ANSWERERS)
def act_on_dispute(dispute_id: str, act: str) -> Response | tuple[str, int]:
    """Whatever a party does about it. Sent twice it is done once."""
    if act not in {str(one) for one in Act}:
        raise Problem(HttpCode.NOT_FOUND, "")
    if act == Act.ACCEPT:
        said_in_form("by")  # never by the usual where the form has lost it
    try:
        if act == Act.WITHDRAW and current_visit().user.scope not in api.DISPUTERS:
            raise Problem(Code.FORBIDDEN, "")
        schema, what, carry_out = ACTS[Act(act)]
        body = loaded(schema, request.form)
        carry_out(dispute_id, body, recording(what, f"dispute:{dispute_id}", body, books().id))
    except DoneBefore:
        pass  # sent twice, it is said once
    except Problem as problem:
        if problem.code == HttpCode.NOT_FOUND:
            raise
        return _thread(dispute_id, problem, act), 422
    done = {
        Act.ANSWER: gettext("Your answer was added."),
        Act.ACCEPT: gettext("The dispute was accepted, and the correction booked in the open month."),
        Act.REJECT: gettext("The dispute was rejected."),
        Act.WITHDRAW: gettext("The dispute was withdrawn."),
    }
    flash(done[Act(act)], "success")
    return redirect(url_for("finance.dispute", dispute_id=dispute_id), 303)


def _form(values: dict[str, str], problem: Problem | None) -> str:
    """The form with the line that it is about."""
    statement = statement_document(values["statement"])
    show_in_zone_of(statement["period"])
    line = None
    if values["line"].isascii() and values["line"].isdigit() and len(values["line"]) < 10:
        line = statement_line(statement["id"], int(values["line"]))
    return render_template(
        "finance/dispute_new.html",
        statement=statement,
        line=line,
        values=values,
        reasons=REASONS,
        wrong=None if problem is None else _above(problem),
        errors={} if problem is None else _errors(problem),
        within="finance.disputes",
    )


def _thread(dispute_id: str, problem: Problem | None, act: str | None = None) -> str:
    shown = api.dispute_shown(dispute_id)
    return render_template(
        "finance/dispute.html",
        dispute=shown,
        # What was said is of now; the line is of its month.
        zone=zones().get(shown["period"]),
        acts=api.possible_acts(dispute_id),
        own=books().code or HUB_CODE,
        wrong=None if problem is None else _above(problem),
        errors={} if problem is None else {f"{act}-{name}": text for name, text in _errors(problem).items()},
        values={f"{act}-text": request.form.get("text", "")} if problem else {},
        within="finance.disputes",
    )


def _body(values: dict[str, str]) -> dict[str, Any]:
    """As the API takes it. Money is typed in yuan. How much of the line is disputed is said in any case: all
    of it (`part`: `all`), or so many points or so much money (`some`). Raises Problem.
    """
    sent: dict[str, Any] = {
        name: text for name, text in values.items() if name not in ("part", "amount_yuan", "points")
    }
    if sent["line"]:
        del sent["transaction"], sent["issuer"]
    if values["part"] not in ("all", "some"):
        raise Problem(Code.MALFORMED, "", [FieldError("/part", "")])
    if values["part"] == "some":
        if values["points"]:
            sent["points"] = _number("points", values["points"])
        elif values["amount_yuan"]:
            sent["amount"] = _number("amount_yuan", values["amount_yuan"])
        else:
            raise Problem(
                Code.MALFORMED, "", [FieldError("/amount_yuan", InWords(gettext("Enter how much of it.")))]
            )
    return loaded(DisputeInput(), sent)


def _number(field: str, text: str) -> int:
    """Points, or fen of what was typed in yuan. Raises Problem, with what to write instead."""
    try:
        return fen(text) if field == "amount_yuan" else whole(text, signed=False)
    except NotRead as wrong:
        raise Problem(Code.MALFORMED, "", [FieldError(f"/{field}", InWords(wrong))]) from wrong


def _errors(problem: Problem) -> dict[str, str]:
    """What is wrong beside each field, in the reader's language."""
    wrong = {
        "text": gettext("Say in a few words what is wrong."),
        "reason": gettext("Choose what is wrong."),
        "part": gettext("Choose whether all of it is disputed, or how much."),
        "points": gettext("Give whole points, at most what is left of the line."),
        "amount": gettext("Give yuan, at most what is left of the line."),
        "amount_yuan": gettext("Give yuan with at most two decimals, such as 12.50."),
    }
    found = {}
    for error in problem.errors:
        name = error.pointer.lstrip("/")
        if isinstance(error.detail, InWords) or name in wrong:
            found[name] = error.detail if isinstance(error.detail, InWords) else wrong[name]
    if "amount" in found:
        found.setdefault("amount_yuan", found.pop("amount"))
    return found


def _above(problem: Problem) -> str:
    return gettext("Something is missing below.") if problem.code == Code.MALFORMED else told(problem)


def _record_opening(connection: Connection, dispute_id: str) -> None:
    recording("dispute.opened", f"dispute:{dispute_id}", {}, books().id)(connection)


def _pending(values: dict[str, str]) -> str | None:
    """The id of the reader's own dispute about this line that is not at its end."""
    for status in ("needs_response", "open"):
        query = {"status": status, "period": None, "waits_for": None, "cursor": None, "limit": 200}
        for one in api.disputes_page({**query, "participant": None})["data"]:
            same_line = one["statement"] == values["statement"] and str(one["line"]) == values["line"]
            named = one["transaction"] == values["transaction"] and one["issuer"] == values["issuer"]
            if one["participant"] == books().code and (same_line or named):
                found: str = one["id"]
                return found
    return None
