"""Links of cards that somebody has proposed; the hub may speak for the participants concerned."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from api.pages.hub.room import blueprint, operators, readers
from api.pages.recording import recording
from api.pages.sentences import told
from api.pages.words import word
from api.problems import Problem
from api.v1.links import approved, links_page, rejected
from clearing.core.outcomes import Refusal
from clearing.linking import LinkStatus

SHOWN = 50
COLOURS = {"proposed": "yellow", "linked": "green", "rejected": "secondary", "unlinked": "secondary"}


@blueprint.get("/links")
@readers
def links() -> str:
    """Those that wait; `?status=` shows others, `all` everything."""
    status = request.args.get("status", LinkStatus.PROPOSED)
    known = [one.value for one in LinkStatus]
    return render_template(
        "hub/links.html",
        found=links_page(status if status in known else None, SHOWN, request.args.get("cursor")),
        status=status,
        statuses=[*((one, word(one, "link_status")) for one in known), ("all", gettext("all"))],
        colours=COLOURS,
        within="hub.adjustments",
    )


@blueprint.post("/links/<link_id>/approve")
@operators
def approve_link(link_id: str) -> Response:
    return _decide(link_id, LinkStatus.LINKED)


@blueprint.post("/links/<link_id>/reject")
@operators
def reject_link(link_id: str) -> Response:
    return _decide(link_id, LinkStatus.REJECTED)


def _decide(link_id: str, wanted: LinkStatus) -> Response:
    beside = recording(f"link.{wanted}", f"link:{link_id}")
    try:
        outcome = (approved if wanted is LinkStatus.LINKED else rejected)(link_id, beside)
    except Problem as problem:
        flash(told(problem), "danger")
        return redirect(url_for("hub.links"), 303)
    if isinstance(outcome, Refusal):
        flash(told(outcome), "danger")
        return redirect(url_for("hub.links"), 303)
    linked = wanted is LinkStatus.LINKED
    flash(gettext("The cards are linked.") if linked else gettext("The link is rejected."), "success")
    return redirect(url_for("hub.links"), 303)
