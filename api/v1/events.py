"""Events: what participants are told of, newest first."""

from typing import Any

from flask import Response
from sqlalchemy import Row

from api import present
from api.auth import current_caller, guard, own_participant
from api.schemas.common import page_of
from api.schemas.events import EventQuery, EventSchema
from api.services import services
from api.web import Blueprint, answer, cursor_number, page
from clearing import ids
from clearing.core.commands import Scope
from clearing.core.directory import Directory
from clearing.core.events import EventType
from clearing.query import list_events

blueprint = Blueprint("events", __name__, description="What a participant is told of")


@blueprint.route("/events")
@guard(Scope.OPERATOR, Scope.PARTICIPANT, Scope.FINANCE, Scope.AUDITOR)
@blueprint.arguments(EventQuery, location="query")
@blueprint.response(200, page_of(EventSchema))
def list_own_events(query: dict[str, Any]) -> Response:
    """The newest first; a key sees its own participant's"""
    before = cursor_number(query["cursor"])
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        viewer = own_participant(current_caller())
        rows = list_events(connection, viewer, query["type"], before, query["limit"] + 1)
    return answer(page(rows, query["limit"], lambda row: _event(row, directory), lambda row: row.id))


def _event(row: Row, directory: Directory) -> dict[str, Any]:
    zone = directory.rulebook.settings.time_zone
    return {
        "id": ids.encode("evt", row.id),
        "type": row.type,
        "participant": directory.participants[row.participant_id].code,
        "made_at": present.time_text(row.made_at.astimezone(zone)),
        "data": _data(row, directory),
    }


def _data(row: Row, directory: Directory) -> dict[str, Any]:
    """The data with ids and codes as they are known outside."""
    data = dict(row.data)
    match EventType(row.type):
        case EventType.HOLD_LAPSED:
            hold = ids.hold_id(data.pop("wallet_id"), data.pop("hold_id"))
            return {"hold": hold, "merchant": directory.merchant(data.pop("merchant_id")).code, **data}
        case EventType.POINTS_EXPIRING:
            issuer = directory.participants[data.pop("issuer_id")].code
            return {"member": ids.member_id(data.pop("member_id")), "issuer": issuer, **data}
        case EventType.LINK_PROPOSED | EventType.WALLETS_LINKED:
            return {"link": ids.encode("lnk", data.pop("link_id")), **data}
        case _:
            return data
