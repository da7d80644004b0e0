"""What moves value at a merchant: accruals, redemptions, loads and spends."""

from typing import Any

from flask import Response

from api import present
from api.auth import DESKS, guard
from api.posting import REPLAYED, booking_of, hold_of, refusal, submit
from api.schemas.common import KEY_HEADER
from api.schemas.ledger import AccrualInput, LoadInput, RedemptionInput, SpendInput, TransactionSchema
from api.services import services
from api.web import Blueprint, answer
from clearing.core.holds import as_placed
from clearing.core.outcomes import Replayed

blueprint = Blueprint("postings", __name__, description="Acts at a merchant; each needs an Idempotency-Key")


@blueprint.route("/accruals", methods=["POST"])
@guard(*DESKS)
@blueprint.doc(parameters=[KEY_HEADER])
@blueprint.arguments(AccrualInput)
@blueprint.response(201, TransactionSchema)
def accrue(body: dict[str, Any]) -> Response:
    """Record cash consumption and issue points for it"""
    return _post("accrual", body)


@blueprint.route("/redemptions", methods=["POST"])
@guard(*DESKS)
@blueprint.doc(parameters=[KEY_HEADER])
@blueprint.arguments(RedemptionInput)
@blueprint.response(201, TransactionSchema)
def redeem(body: dict[str, Any]) -> Response:
    """Use points; with `capture: false`, set them aside until they are captured or released"""
    return _post("redemption", body)


@blueprint.route("/loads", methods=["POST"])
@guard(*DESKS)
@blueprint.doc(parameters=[KEY_HEADER])
@blueprint.arguments(LoadInput)
@blueprint.response(201, TransactionSchema)
def load(body: dict[str, Any]) -> Response:
    """Sell stored value"""
    return _post("load", body)


@blueprint.route("/spends", methods=["POST"])
@guard(*DESKS)
@blueprint.doc(parameters=[KEY_HEADER])
@blueprint.arguments(SpendInput)
@blueprint.response(201, TransactionSchema)
def spend(body: dict[str, Any]) -> Response:
    """Pay with stored value, or set it aside with `capture: false`"""
    return _post("spend", body)


def _post(kind: str, body: dict[str, Any]) -> Response:
    command, outcome = submit(kind, body)
    refused = refusal(outcome)
    if refused is not None:
        return refused
    # The directory of the batch, or of a later one: to ask for the newest would cost three round trips.
    directory = services().posting_directory.last
    headers = REPLAYED if isinstance(outcome, Replayed) else None
    if not body.get("capture", True):
        return answer(present.held(as_placed(hold_of(outcome)), directory), 201, headers)
    return answer(present.transaction(booking_of(outcome), directory, command.caller), 201, headers)
