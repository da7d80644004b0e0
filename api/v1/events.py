"""Events: what participants are told of; newest first for people, in the order of numbers for machines."""

from typing import Any

from flask import Response

from api.auth import current_caller, guard, own_participant
from api.problems import FieldError, Problem
from api.schemas.common import page_of
from api.schemas.events import EventQuery, EventSchema
from api.services import services
from api.web import Blueprint, answer, cursor_number, cursor_text, page
from clearing.core.commands import Scope
from clearing.core.outcomes import Code
from clearing.events import list_events, list_events_after, shown

blueprint = Blueprint("events", __name__, description="What a participant is told of")

#: The place before the first event.
BEGINNING = "0"


@blueprint.route("/events")
@guard(Scope.OPERATOR, Scope.PARTICIPANT, Scope.FINANCE, Scope.AUDITOR)
@blueprint.arguments(EventQuery, location="query")
@blueprint.response(200, page_of(EventSchema))
def list_own_events(query: dict[str, Any]) -> Response:
    """The newest first, or with `after` the oldest first; a key sees its own participant's

    To read all events without webhooks, begin with `after=0` and go on with `after=` the `next_cursor` of the
    answer before, which is then never null. No event is left out, however late its transaction committed.
    """
    if query["after"] is not None:
        return _after(query)
    before = cursor_number(query["cursor"])
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        viewer = own_participant(current_caller())
        rows = list_events(connection, viewer, query["type"], before, query["limit"] + 1)
    return answer(page(rows, query["limit"], lambda row: shown(row, directory), lambda row: row.id))


def _after(query: dict[str, Any]) -> Response:
    if query["cursor"] is not None:
        detail = "Give cursor or after, not both: one goes back in time, the other forward."
        raise Problem(Code.MALFORMED, detail, [FieldError("?after", detail)])
    after = 0 if query["after"] == BEGINNING else cursor_number(query["after"]) or 0
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        viewer = own_participant(current_caller())
        rows = list_events_after(connection, viewer, query["type"], after, query["limit"])
    place = rows[-1].number if rows else after
    return answer({"data": [shown(row, directory) for row in rows], "next_cursor": cursor_text(place)})
