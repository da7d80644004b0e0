"""Quotes: what an act would do now."""

from typing import Any
from uuid import uuid4

from flask import Response

from api import present
from api.auth import DESKS, current_caller, guard
from api.commands import BUILDERS, Envelope
from api.problems import refusal_response
from api.schemas.ledger import QuoteInput, QuoteSchema
from api.services import services
from api.web import Blueprint, answer
from clearing.core.outcomes import Posted, Refusal
from clearing.quotes import quote

blueprint = Blueprint("quotes", __name__, description="Prices before the act")


@blueprint.route("/quotes", methods=["POST"])
@guard(*DESKS)
@blueprint.arguments(QuoteInput)
@blueprint.response(200, QuoteSchema)
def make_quote(body: dict[str, Any]) -> Response:
    """Legs, value, obligation and fee that the same act would have now; changes nothing

    A refusal is the one that the act would get.
    """
    key = str(uuid4())
    command = BUILDERS[body["kind"]](Envelope(key, key, current_caller()), body)
    with services().engine.connect() as connection:
        outcome = quote(connection, command, services().directory_cache)
        directory = services().directory(connection)
    if isinstance(outcome, Refusal):
        return refusal_response(outcome)
    assert isinstance(outcome, Posted), "a fresh key is not replayed"
    return answer(present.quote(outcome.booking, directory))
