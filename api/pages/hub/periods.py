"""The periods: close, approve, and what settles them."""

from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from api.auth import current_caller
from api.pages.formats import show_in
from api.pages.hub.room import blueprint, operators, readers
from api.pages.recording import recording
from api.pages.sentences import told
from api.problems import HttpCode, Problem
from api.services import services
from api.v1.disputes import disputes_page
from api.v1.periods import all_periods, approved, closed
from api.v1.settlements import whole_settlement
from clearing.query import database_time
from clearing.today import read_open_holds

#: How the states look.
COLOURS = {"open": "blue", "closed": "yellow", "approved": "azure", "settled": "green"}


@blueprint.get("/periods")
@readers
def periods() -> str:
    """The newest first."""
    return render_template("hub/periods.html", periods=all_periods()[::-1], colours=COLOURS)


@blueprint.get("/periods/<name>")
@readers
def period(name: str) -> str:
    """Its nets, the checks, and what can be done next."""
    return _page("hub/period.html", name)


@blueprint.get("/periods/<name>/close")
@operators
def ask_close(name: str) -> str | Response:
    """What closing would settle, before it is done."""
    if _found(name)["state"] != "open":
        return redirect(url_for("hub.period", name=name), 303)
    return _page("hub/period_close.html", name)


@blueprint.post("/periods/<name>/close")
@operators
def close_period(name: str) -> Response | tuple[str, int]:
    _found(name)
    early = request.form.get("early") == "yes"
    try:
        closed(name, early=early, beside=recording("period.closed", f"period:{name}", {"early": early}))
    except Problem as problem:
        return _page("hub/period_close.html", name, told(problem)), 422
    flash(gettext("Closed: nothing enters it any more, and every participant has its statement."), "success")
    return redirect(url_for("hub.period", name=name), 303)


@blueprint.post("/periods/<name>/approve")
@operators
def approve_period(name: str) -> Response | tuple[str, int]:
    _found(name)
    try:
        approved(name, recording("period.approved", f"period:{name}"))
    except Problem as problem:
        return _page("hub/period.html", name, told(problem)), 422
    flash(gettext("Approved: its nets can be paid."), "success")
    return redirect(url_for("hub.period", name=name), 303)


def _found(name: str) -> dict[str, Any]:
    for one in all_periods():
        if one["period"] == name:
            return one
    raise Problem(HttpCode.NOT_FOUND, "This month has not been opened.")


def _page(template: str, name: str, problem: str | None = None) -> str:
    _found(name)
    settlement = whole_settlement(name)
    show_in(settlement["time_zone"])
    query = dict.fromkeys(("status", "participant", "waits_for", "cursor")) | {"period": name, "limit": 200}
    with services().engine.connect() as connection:
        now, holds = database_time(connection), read_open_holds(connection)
        dual = services().directory(connection).rulebook.settings.dual_control
    return render_template(
        template,
        one=settlement,
        totals={
            name: sum(row[name] for row in settlement["participants"])
            for name in ("receivable", "payable", "fees", "adjustments", "rebates", "carried_forward", "net")
        },
        colours=COLOURS,
        problem=problem,
        has_ended=datetime.fromisoformat(settlement["ends_at"]) <= now,
        holds=holds,
        disputes=[one for one in disputes_page(query)["data"] if one["status"] in ("needs_response", "open")],
        needs_another=dual and settlement["closed_by"] == current_caller().key_id,
        within="hub.periods",
    )
