"""Holds: what was set aside is captured, given back, or looked at."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from api import present
from api.auth import BOOKS, DESKS, current_caller, guard, own_participant
from api.narrowing import NOTHING, narrowed
from api.posting import REPLAYED, hold_of, refusal, submit
from api.problems import Problem
from api.schemas.common import KEY_HEADER, page_of
from api.schemas.holds import CaptureInput, HoldQuery, HoldSchema, NothingInput
from api.services import services
from api.web import Blueprint, answer, cursor_number, page
from clearing import ids
from clearing.core.commands import Caller, Scope
from clearing.core.holds import Hold, HoldStatus
from clearing.core.outcomes import Code, Outcome, Replayed
from clearing.query import HoldFilter, database_time, list_holds, read_hold

blueprint = Blueprint("holds", __name__, description="What is set aside until it is captured or released")


@blueprint.route("/holds")
@guard(*BOOKS)
@blueprint.arguments(HoldQuery, location="query")
@blueprint.response(200, page_of(HoldSchema))
def list_own_holds(query: dict[str, Any]) -> Response:
    """The newest first; a key sees those of its own merchants"""
    return answer(holds_page(query))


@blueprint.route("/holds/<hold_id>")
@guard(*BOOKS)
@blueprint.response(200, HoldSchema)
def read_one(hold_id: str) -> Response:
    """One hold"""
    return answer(hold_seen(hold_id))


def holds_page(query: Mapping[str, Any]) -> dict[str, Any]:
    """What the caller may see of the query's holds, as JSON. Raises Problem."""
    caller, limit = current_caller(), query["limit"]
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        found = narrowed(connection, directory, caller, query)
        if found is None:
            return NOTHING
        wanted = HoldFilter(
            acceptor_id=own_participant(caller),
            wallet_id=found.wallet_id,
            merchant_id=found.merchant_id,
            status=HoldStatus(query["status"]) if query["status"] else None,
        )
        at = database_time(connection)
        holds = list_holds(connection, wanted, at, cursor_number(query["cursor"]), limit + 1)
    return page(holds, limit, lambda hold: present.hold(hold, directory, at), lambda hold: hold.id)


def hold_seen(hold_id: str) -> dict[str, Any]:
    """One hold as JSON; raises Problem if the caller sees none."""
    wallet_id, number = ids.decode("hold", hold_id, 2) or (0, 0)
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        at = database_time(connection)
        found = read_hold(connection, wallet_id, number)
    if found is None or not visible(found, current_caller()):
        raise Problem(Code.HOLD_UNKNOWN, f"There is no hold {hold_id!r}.")
    return present.hold(found, directory, at)


@blueprint.route("/holds/<hold_id>/capture", methods=["POST"])
@guard(*DESKS)
@blueprint.doc(parameters=[KEY_HEADER])
@blueprint.arguments(CaptureInput)
@blueprint.response(200, HoldSchema)
def capture(body: dict[str, Any], hold_id: str) -> Response:
    """Take what is held, all or less; the rest is released. Only now it is booked, and charged"""
    _, outcome = submit("capture", body, hold=hold_id)
    return _answer(outcome)


@blueprint.route("/holds/<hold_id>/void", methods=["POST"])
@guard(*DESKS)
@blueprint.doc(parameters=[KEY_HEADER])
@blueprint.arguments(NothingInput)
@blueprint.response(200, HoldSchema)
def void(body: dict[str, Any], hold_id: str) -> Response:
    """Release what is held"""
    _, outcome = submit("void", body, hold=hold_id)
    return _answer(outcome)


def visible(hold: Hold, caller: Caller) -> bool:
    """A hold is seen where it was placed: the issuers of what it holds see what is captured."""
    if caller.scope is Scope.MERCHANT:
        return hold.merchant_id == caller.merchant_id
    return own_participant(caller) in (None, hold.acceptor_id)


def _answer(outcome: Outcome) -> Response:
    refused = refusal(outcome)
    if refused is not None:
        return refused
    hold = hold_of(outcome)
    body = present.hold(hold, services().posting_directory.last, hold.placed_at)
    return answer(body, 200, REPLAYED if isinstance(outcome, Replayed) else None)
