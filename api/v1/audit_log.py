"""The audit log: who did what about whom."""

from typing import Any

from flask import Response

from api.auth import current_caller, guard, own_participant
from api.schemas.common import page_of
from api.schemas.users import ActSchema, AuditQuery
from api.services import services
from api.v1.users import READERS
from api.web import Blueprint, answer, cursor_number, page
from clearing import ids
from users.audit import Act, ActFilter, list_acts

blueprint = Blueprint("audit log", __name__, description="What people did; nothing in it is ever changed")


@blueprint.route("/audit-log")
@guard(*READERS)
@blueprint.arguments(AuditQuery, location="query")
@blueprint.response(200, page_of(ActSchema))
def list_all(query: dict[str, Any]) -> Response:
    """The newest first: log-ins, also refused ones, sessions, changes of users; a participant sees its own"""
    return answer(acts_page(**query))


def acts_page(*, cursor: str | None, limit: int, **wanted: Any) -> dict[str, Any]:
    """One page of the log, as JSON; `wanted` as in `ActFilter`. Raises Problem."""
    conditions = ActFilter(**wanted, participant_id=own_participant(current_caller()))
    with services().engine.connect() as connection:
        rows = list_acts(connection, conditions, cursor_number(cursor), limit + 1)
    return page(rows, limit, _act, lambda act: act.id)


def _act(act: Act) -> dict[str, Any]:
    return {
        "id": ids.encode("act", act.id),
        "at": act.at.isoformat(),
        "who": act.who,
        "what": act.what,
        "about": act.about,
        "address": act.address,
        "data": dict(act.data),
    }
