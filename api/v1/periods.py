"""Settlement periods."""

from typing import Any

from flask import Response

from api.auth import EVERYONE, current_caller, guard
from api.once import once
from api.problems import FieldError, Problem
from api.schemas.common import page_of
from api.schemas.settlement import CloseInput, PeriodSchema, SettlementSchema
from api.services import services
from api.web import Blueprint, answer
from clearing.beside import Beside, nothing
from clearing.core.calendar import period_number
from clearing.core.commands import Scope
from clearing.core.outcomes import Code
from settlement.close import CloseRefusal, close_and_check
from settlement.life import check_and_approve
from settlement.present import period_json, settlement_json
from settlement.query import list_periods, read_zones
from settlement.refusals import Refusal

blueprint = Blueprint("periods", __name__, description="Calendar months; each is closed once")


@blueprint.route("/periods")
@guard(*EVERYONE)
@blueprint.response(200, page_of(PeriodSchema))
def list_all_periods() -> Response:
    """All periods, the earliest first"""
    return answer({"data": all_periods(), "next_cursor": None})


@blueprint.route("/periods/<name>/close", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.arguments(CloseInput, required=False)
@blueprint.response(200, SettlementSchema)
@once(blueprint, repeatable=True)
def close(body: dict[str, Any], name: str) -> Response:
    """Close a period: cut-off, nets, statements; closing twice is the same as once

    The period in course is closed early with `{"early": true}`: it ends at this instant, and the next one
    begins there.
    """
    return answer(closed(name, early=body["early"]))


@blueprint.route("/periods/<name>/approve", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.response(200, SettlementSchema)
@once(blueprint, repeatable=True)
def approve(name: str) -> Response:
    """Approve a closed period, so that its nets can be paid out; approving twice is the same as once

    With the alliance's `dual_control` it takes the key of another operator than the one that closed it. A
    period in which nothing is to be paid is settled at once.
    """
    return answer(approved(name))


def closed(name: str, *, early: bool, beside: Beside = nothing) -> dict[str, Any]:
    """The settlement as JSON of the period that is closed by this; raises Problem."""
    outcome = close_and_check(
        services().engine, number_of(name), early=early, closed_by=current_caller().key_id, beside=beside
    )
    if isinstance(outcome, CloseRefusal):
        raise Problem(outcome.code.value, outcome.detail)
    return settlement_json(outcome)


def approved(name: str, beside: Beside = nothing) -> dict[str, Any]:
    """The settlement as JSON of the period that is approved by this; raises Problem."""
    outcome = check_and_approve(services().engine, number_of(name), current_caller().key_id, beside)
    if isinstance(outcome, Refusal):
        raise Problem(outcome.code.value, outcome.detail)
    return settlement_json(outcome)


def all_periods() -> list[dict[str, Any]]:
    """All periods as JSON, the earliest first."""
    with services().engine.connect() as connection:
        zone = services().directory(connection).rulebook.settings.time_zone
        own = read_zones(connection)
        return [period_json(one, own.get(one.number, zone)) for one in list_periods(connection)]


def number_of(name: str) -> int:
    """The number of the period with this name; raises Problem."""
    try:
        return period_number(name)
    except ValueError as error:
        raise Problem(Code.MALFORMED, str(error), [FieldError("", str(error))]) from error
