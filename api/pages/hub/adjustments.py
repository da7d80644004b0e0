"""Adjustments by hand: one operator proposes, another approves or rejects."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from api.auth import current_caller
from api.pages.hub.inputs import Input, filled, problem_errors
from api.pages.hub.room import blueprint, operators, readers
from api.pages.numbers import fen, whole
from api.pages.recording import done_before, record, recording
from api.pages.sentences import told
from api.pages.typed import card_number
from api.pages.words import word
from api.problems import Problem
from api.schemas.adjustments import AdjustmentInput
from api.services import services
from api.v1.adjustments import (
    adjustments_page,
    approved,
    check_adjustment,
    proposed,
    rejected,
    shown_adjustment,
)
from clearing.adjustments import AdjustmentKind, AdjustmentStatus
from clearing.core.accounts import HUB_CODE
from clearing.core.amounts import multiply_half_up

SHOWN = 50
COLOURS = {"proposed": "yellow", "approved": "green", "rejected": "secondary"}


def _participants() -> list[tuple[str, str]]:
    found = sorted(g.directory.participants.values(), key=lambda one: one.code)
    return [(one.code, f"{one.code} {one.name}") for one in found]


def _parties() -> list[tuple[str, str]]:
    return [*_participants(), (HUB_CODE, gettext("the hub"))]


REASON = Input(
    "reason",
    lazy_gettext("Reason"),
    required=True,
    hint=lazy_gettext("What was wrong, and where it is on file; it stays in the journal."),
    attributes={"maxlength": 200},
)
INPUTS = {
    "points": (
        Input(
            "card",
            lazy_gettext("Card number"),
            read=card_number,
            required=True,
            attributes={"maxlength": 64, "inputmode": "numeric", "autocomplete": "off"},
        ),
        Input("issuer", lazy_gettext("Who owes the points"), kind="select", options=_participants),
        Input(
            "points",
            lazy_gettext("Points"),
            read=whole,
            required=True,
            hint=lazy_gettext("To give; with a minus in front, to take away."),
            attributes={"inputmode": "text"},
        ),
        Input(
            "expires_on",
            lazy_gettext("Expire on"),
            kind="date",
            hint=lazy_gettext("Empty: by the issuer's own rule."),
        ),
        REASON,
    ),
    "money": (
        Input("debtor", lazy_gettext("Who is to pay"), kind="select", options=_parties),
        Input("creditor", lazy_gettext("Who is to get it"), kind="select", options=_parties),
        Input(
            "amount",
            lazy_gettext("Amount in yuan"),
            read=fen,
            required=True,
            attributes={"inputmode": "decimal"},
        ),
        REASON,
    ),
}


@blueprint.get("/adjustments")
@readers
def adjustments() -> str:
    """Those that wait; `?status=` shows others, `all` everything."""
    status = request.args.get("status", AdjustmentStatus.PROPOSED)
    known = [one.value for one in AdjustmentStatus]
    found = adjustments_page(status if status in known else None, SHOWN, request.args.get("cursor"))
    return render_template(
        "hub/adjustments.html",
        found=found,
        status=status,
        statuses=[*((one, word(one, "adjustment_status")) for one in known), ("all", gettext("all"))],
        colours=COLOURS,
    )


@blueprint.get("/adjustments/new/<kind>")
@operators
def new_adjustment(kind: str) -> str:
    return _form(_kind(kind), {}, {})


@blueprint.post("/adjustments/new/<kind>")
@operators
def propose_adjustment(kind: str) -> Response | str | tuple[str, int]:
    """First what it would do, and once that is confirmed the proposal."""
    kind = _kind(kind)
    inputs = INPUTS[kind]
    form = filled(inputs, AdjustmentInput(), lambda raw: {"kind": kind, **raw})
    if form.errors:
        return _form(kind, form.values, form.errors), 422
    try:
        with services().engine.begin() as connection:
            if request.form.get("confirmed") != "yes":
                check_adjustment(connection, form.body)
                return render_template(
                    "hub/adjustment_confirm.html",
                    kind=kind,
                    body=form.body,
                    fields=form.values,
                    worth=_worth(form.body.get("points")),
                    within="hub.adjustments",
                )
            if not done_before(connection):
                made = proposed(connection, form.body)
                record(connection, "adjustment.proposed", f"adjustment:{made['id']}", _kept(made))
    except Problem as problem:
        return _form(kind, form.values, problem_errors(problem, inputs), told(problem)), 422
    flash(gettext("Proposed. Another operator has to approve it before anything is booked."), "success")
    return redirect(url_for("hub.adjustments"), 303)


@blueprint.get("/adjustments/<adjustment_id>")
@readers
def adjustment(adjustment_id: str) -> str:
    return _page(adjustment_id)


@blueprint.post("/adjustments/<adjustment_id>/approve")
@operators
def approve_adjustment(adjustment_id: str) -> Response | tuple[str, int]:
    return _decide(adjustment_id, AdjustmentStatus.APPROVED)


@blueprint.post("/adjustments/<adjustment_id>/reject")
@operators
def reject_adjustment(adjustment_id: str) -> Response | tuple[str, int]:
    return _decide(adjustment_id, AdjustmentStatus.REJECTED)


def _decide(adjustment_id: str, status: AdjustmentStatus) -> Response | tuple[str, int]:
    kept = _kept(shown_adjustment(adjustment_id))
    beside = recording(f"adjustment.{status}", f"adjustment:{adjustment_id}", kept)
    try:
        made = (approved if status is AdjustmentStatus.APPROVED else rejected)(adjustment_id, beside)
    except Problem as problem:
        return _page(adjustment_id, told(problem)), 422
    if made["refusal"]:
        flash(gettext("Approved, but the ledger refused it. Nothing was booked."), "warning")
    elif status is AdjustmentStatus.APPROVED:
        flash(gettext("Approved and booked."), "success")
    else:
        flash(gettext("Rejected. Nothing was booked."), "success")
    return redirect(url_for("hub.adjustment", adjustment_id=adjustment_id), 303)


def _page(adjustment_id: str, problem: str | None = None) -> str:
    found = shown_adjustment(adjustment_id)
    return render_template(
        "hub/adjustment.html",
        one=found,
        worth=_worth(found["points"]),
        is_own=found["proposed_by"] == current_caller().key_id,
        problem=problem,
        colours=COLOURS,
        within="hub.adjustments",
    )


def _form(kind: str, values: dict[str, str], errors: dict[str, Any], problem: str | None = None) -> str:
    return render_template(
        "hub/adjustment_form.html",
        kind=kind,
        inputs_=INPUTS[kind],
        values=values,
        errors=errors,
        problem=problem,
        within="hub.adjustments",
    )


def _kind(text: str) -> str:
    return text if text in INPUTS else AdjustmentKind.POINTS.value


def _worth(points: int | None) -> int | None:
    """Fen at the point value."""
    if points is None:
        return None
    return multiply_half_up(points, g.directory.rulebook.settings.point_value)


def _kept(made: dict[str, Any]) -> dict[str, Any]:
    names = ("kind", "card", "issuer", "points", "debtor", "creditor", "amount", "reason")
    return {name: made[name] for name in names if made[name] is not None}
