"""Disputes, as the hub follows and decides them."""

from contextlib import suppress
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from api.pages.forms import said_in_form
from api.pages.hub.inputs import Filled, Input, filled, problem_errors
from api.pages.hub.room import blueprint, operators, readers
from api.pages.recording import DoneBefore, recording
from api.pages.sentences import told
from api.pages.words import word
from api.pages.zones import zones
from api.problems import Problem
from api.schemas.disputes import AcceptInput, AnswerInput, RejectInput
from api.v1.disputes import accepted, answered, dispute_shown, disputes_page, rejected
from clearing.core.accounts import HUB_CODE
from settlement.core.disputes import DisputeStatus
from settlement.disputes.acceptance import Instrument

SHOWN = 50
WAITING = "waiting"
COLOURS = {
    "needs_response": "azure",
    "open": "yellow",
    "accepted": "green",
    "rejected": "secondary",
    "withdrawn": "secondary",
}


def _instruments() -> list[tuple[str, Any]]:
    return [(one.value, word(one.value, "instrument")) for one in (Instrument.MONEY, Instrument.REVERSAL)]


TEXT = Input(
    "text",
    lazy_gettext("What you say to both sides"),
    kind="textarea",
    required=True,
    attributes={"maxlength": 2000},
)
BY = Input("by", lazy_gettext("If accepted, corrected by"), kind="select", options=_instruments)
SCHEMAS = {
    "answer": (AnswerInput(), (TEXT,)),
    "accept": (AcceptInput(), (TEXT, BY)),
    "reject": (RejectInput(), (TEXT,)),
}
ACTS = {"answer": answered, "accept": accepted, "reject": rejected}


@blueprint.get("/disputes")
@readers
def disputes() -> str:
    """Those that wait for the hub; `?status=` shows others, `all` everything."""
    status = request.args.get("status", WAITING)
    known = [one.value for one in DisputeStatus]
    query = {
        "status": status if status in known else None,
        "period": None,
        "participant": None,
        "waits_for": HUB_CODE if status == WAITING else None,
        "cursor": request.args.get("cursor"),
        "limit": SHOWN,
    }
    statuses = [
        (WAITING, gettext("waiting for the hub")),
        *((one, word(one, "dispute_status")) for one in known),
        ("all", gettext("all")),
    ]
    return render_template(
        "hub/disputes.html",
        found=disputes_page(query),
        status=status,
        statuses=statuses,
        colours=COLOURS,
        within="hub.adjustments",
    )


@blueprint.get("/disputes/<dispute_id>")
@readers
def dispute(dispute_id: str) -> str:
    return _page(dispute_id)


@blueprint.post("/disputes/<dispute_id>")
@operators
def act_on_dispute(dispute_id: str) -> Response | str | tuple[str, int]:
    """`act`: answer; accept or reject, which are asked about once more, as they cannot be undone."""
    act = request.form.get("act", "")
    act = act if act in SCHEMAS else "answer"
    if act == "accept":
        said_in_form("by")  # never by the usual where the form has lost it
    schema, inputs = SCHEMAS[act]
    form = filled(inputs, schema)
    if form.errors:
        return _page(dispute_id, form), 422
    if act != "answer" and request.form.get("confirmed") != "yes":
        return render_template(
            "hub/dispute_confirm.html",
            one=dispute_shown(dispute_id),
            act=act,
            fields={**form.values, "act": act},
            within="hub.adjustments",
        )
    beside = recording(f"dispute.{act}ed", f"dispute:{dispute_id}", dict(form.body))
    try:
        # Sent twice, an answer is said once; the two others are done once by themselves.
        with suppress(DoneBefore):
            ACTS[act](dispute_id, form.body, beside)
    except Problem as problem:
        errors = problem_errors(problem, inputs)
        return _page(dispute_id, form._replace(errors=errors), told(problem)), 422
    said = {
        "answer": gettext("Your answer stands in the thread."),
        "accept": gettext("Accepted; the correction is booked in the open month."),
        "reject": gettext("Rejected; the line stands."),
    }
    flash(said[act], "success")
    return redirect(url_for("hub.dispute", dispute_id=dispute_id), 303)


def _page(dispute_id: str, form: Filled | None = None, problem: str | None = None) -> str:
    found = dispute_shown(dispute_id)
    form = form or Filled({"by": Instrument.MONEY.value}, {}, {})
    return render_template(
        "hub/dispute.html",
        one=found,
        zone=zones().get(found["period"]),
        inputs_=(TEXT, BY),
        values=form.values,
        errors=form.errors,
        problem=problem,
        pending=found["status"] in ("needs_response", "open"),
        decides=found["waits_for"] == HUB_CODE,
        colours=COLOURS,
        within="hub.adjustments",
    )
