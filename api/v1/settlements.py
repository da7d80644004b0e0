"""Settlements: nets and who owes whom."""

from typing import Any

from flask import Response

from api.auth import FINANCE, SEES_ALL, current_caller, guard, own_participant
from api.present import participant_code
from api.problems import HttpCode, Problem
from api.schemas.payments import WithoutSchema
from api.schemas.settlement import LiabilitiesSchema, ParticipantSettlementSchema, SettlementSchema
from api.services import services
from api.v1.participants import participant_id
from api.v1.periods import number_of
from api.web import Blueprint, answer
from clearing.core.accounts import HUB_CODE, Asset
from clearing.core.calendar import period_name
from clearing.core.commands import Scope
from clearing.core.outcomes import Code
from clearing.verify import frozen
from settlement.hub_books import hub_books
from settlement.liabilities import read_liabilities, write_liabilities
from settlement.present import (
    participant_settlement_json,
    points_json,
    settlement_json,
    stored_value_json,
    without_json,
)
from settlement.query import Settlement, list_statements, read_settlement, read_without_participant

blueprint = Blueprint("settlements", __name__, description="One net for each participant and period")


BOOKS = {
    "responses": {
        "200": {"description": "The books", "content": {"text/plain": {"schema": {"type": "string"}}}}
    }
}


@blueprint.route("/settlements/<period>")
@guard(*SEES_ALL)
@blueprint.response(200, SettlementSchema)
def read_whole(period: str) -> Response:
    """Everybody's nets, the matrix and the checks; of an open period as they stand now"""
    return answer(whole_settlement(period))


@blueprint.route("/settlements/<period>.beancount")
@guard(*SEES_ALL)
@blueprint.doc(**BOOKS)
def read_books(period: str) -> Response:
    """The hub's whole books of a closed period, for Beancount: nets, fees with their tax, points by issuer"""
    with services().engine.begin() as connection:
        text = hub_books(connection, number_of(period))
    if text is None:
        raise Problem(HttpCode.NOT_FOUND, f"{period} is not closed.")
    headers = {"Content-Disposition": f'attachment; filename="{period}-{HUB_CODE}.beancount"'}
    return Response(text, headers=headers, content_type="text/plain; charset=utf-8")


@blueprint.route("/settlements/<period>/liabilities")
@guard(*FINANCE)
@blueprint.response(200, LiabilitiesSchema)
def read_liabilities_of(period: str) -> Response:
    """What issuers owed members at the end of a closed period, how it changed, and when it ends

    A participant sees its own.
    """
    number = number_of(period)
    viewer = own_participant(current_caller())
    with services().engine.begin() as connection:
        write_liabilities(connection, number)
        found = [
            {
                "issuer": header.participant_code,
                "points": points_json(owed[Asset.POINTS], header.point_value),
                "stored_value": stored_value_json(owed[Asset.STORED_VALUE]),
            }
            for header in reversed(list_statements(connection, number, viewer))
            for owed in (read_liabilities(connection, number, header.participant_id),)
        ]
    if not found:
        raise Problem(HttpCode.NOT_FOUND, f"{period} is not closed.")
    return answer({"period": period_name(number), "issuers": found})


@blueprint.route("/settlements/<period>/<participant>")
@guard(*FINANCE)
@blueprint.response(200, ParticipantSettlementSchema)
def read_own(period: str, participant: str) -> Response:
    """One participant's net and the rows it is a party of"""
    caller = current_caller()
    if caller.scope not in SEES_ALL:
        with services().engine.connect() as connection:
            own = participant_code(services().directory(connection), caller.participant_id)
        if participant != own:
            raise Problem(Code.FORBIDDEN, f"This key sees the settlements of {own} only.")
    found = participant_settlement_json(_settlement(period), participant)
    if found is None:
        raise Problem(HttpCode.NOT_FOUND, f"{participant!r} has no part in this period.")
    return answer(found)


@blueprint.route("/settlements/<period>/without/<participant>")
@guard(Scope.OPERATOR)
@blueprint.response(200, WithoutSchema)
def read_without(period: str, participant: str) -> Response:
    """What every other net becomes if a participant is left out; changes nothing

    Its exchanges and adjustments are taken out of both sides, with the fees on them, and rebates are computed
    on the volumes that remain.
    """
    number, left_out = number_of(period), participant_id(participant)
    with frozen(services().engine) as connection:
        settlement = read_settlement(connection, number)
        if settlement is None:
            raise Problem(HttpCode.NOT_FOUND, f"No period {period} has been opened.")
        found = read_without_participant(connection, settlement, left_out)
    if found is None:
        raise Problem(HttpCode.NOT_FOUND, f"{participant!r} has no part in this period.")
    return answer(without_json(settlement, found, left_out))


def whole_settlement(period: str) -> dict[str, Any]:
    """A period's settlement as JSON, as the hub sees it; raises Problem."""
    return settlement_json(_settlement(period))


def _settlement(period: str) -> Settlement:
    with services().engine.connect() as connection:
        settlement = read_settlement(connection, number_of(period))
    if settlement is None:
        raise Problem(HttpCode.NOT_FOUND, f"No period {period} has been opened.")
    return settlement
