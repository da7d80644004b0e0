"""What moves value at a merchant: accruals, redemptions, loads and spends."""

from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from flask import Response

from api import present
from api.auth import DESKS, current_caller, guard, owner
from api.commands import BUILDERS, Envelope
from api.problems import HttpCode, Problem, refusal_response
from api.schemas.common import KEY_HEADER
from api.schemas.ledger import AccrualInput, LoadInput, RedemptionInput, SpendInput, TransactionSchema
from api.services import services
from api.web import Blueprint, answer, idempotency_key, json_body
from clearing.core.commands import Command
from clearing.core.outcomes import Outcome, Posted, Refusal, Replayed
from clearing.idempotency import key_hash, request_hash
from clearing.query import read_bookings

blueprint = Blueprint("postings", __name__, description="Acts at a merchant; each needs an Idempotency-Key")

#: How long a request waits for its outcome. Repeating it with its key is safe.
SECONDS_WAITED_MAX = 30.0

REPLAYED = {"Idempotency-Replayed": "true"}


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
    """Use points"""
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
    """Pay with stored value"""
    return _post("spend", body)


def _post(kind: str, body: dict[str, Any]) -> Response:
    caller = current_caller()
    envelope = Envelope(key_hash(owner(caller), idempotency_key()), request_hash(kind, json_body()), caller)
    command = BUILDERS[kind](envelope, body)
    try:
        outcome = services().posting.post(command, SECONDS_WAITED_MAX)
    except FutureTimeoutError as error:
        raise Problem(
            HttpCode.IN_FLIGHT, "The outcome is not known yet. Send the same request again with the same key."
        ) from error
    return _answer(command, outcome)


def _answer(command: Command, outcome: Outcome) -> Response:
    match outcome:
        case Refusal():
            return refusal_response(outcome)
        case Posted(booking):
            replayed = False
        case Replayed(recorded, found):
            if recorded.refusal is not None:
                response = refusal_response(recorded.refusal)
                response.headers.update(REPLAYED)
                return response
            replayed = True
            if found is None:
                assert recorded.wallet_id is not None and recorded.transaction_id is not None
                with services().engine.connect() as connection:
                    found = read_bookings(connection, [(recorded.wallet_id, recorded.transaction_id)])[0]
            booking = found
    # The directory of the batch, or of a later one: to ask for the newest would cost three round trips.
    body = present.transaction(booking, services().posting_directory.last, command.caller)
    return answer(body, 201, REPLAYED if replayed else None)
