"""Reversals: a transaction is undone, all of it or a part, by new opposite entries."""

from typing import Any

from flask import Response

from api import present
from api.auth import DESKS, guard
from api.posting import REPLAYED, booking_of, refusal, submit
from api.schemas.common import KEY_HEADER
from api.schemas.ledger import TransactionSchema
from api.schemas.reversals import ReversalInput
from api.services import services
from api.web import Blueprint, answer
from clearing.core.outcomes import Replayed

blueprint = Blueprint("reversals", __name__, description="Undoing what was booked")


@blueprint.route("/transactions/<transaction_id>/reversals", methods=["POST"])
@guard(*DESKS)
@blueprint.doc(parameters=[KEY_HEADER])
@blueprint.arguments(ReversalInput)
@blueprint.response(201, TransactionSchema)
def reverse(body: dict[str, Any], transaction_id: str) -> Response:
    """Undo all that is left of it, or so many points or fen; as often as something is left"""
    command, outcome = submit("reversal", body, transaction=transaction_id)
    refused = refusal(outcome)
    if refused is not None:
        return refused
    body = present.transaction(booking_of(outcome), services().posting_directory.last, command.caller)
    return answer(body, 201, REPLAYED if isinstance(outcome, Replayed) else None)
