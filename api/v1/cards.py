"""The card check: one look at a visitor's card."""

from typing import Any

from flask import Response

from api import present
from api.auth import DESKS, current_caller, guard, merchant_of_caller
from api.schemas.ledger import CardCheckSchema, CardQuery
from api.services import services
from api.web import Blueprint, answer
from clearing.card_check import check_card

blueprint = Blueprint("cards", __name__, description="Cards as a host sees them")


@blueprint.route("/cards/<number>")
@guard(*DESKS)
@blueprint.arguments(CardQuery, location="query")
@blueprint.response(200, CardCheckSchema)
def read_card(query: dict[str, Any], number: str) -> Response:
    """Who issued it, whether it is good, what it is worth here and what that would cost"""
    caller = current_caller()
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        merchant = merchant_of_caller(directory, caller, query["merchant"])
        check = check_card(connection, number, merchant, caller, services().directory_cache)
    if check is None:
        return answer(present.unknown_card(number))
    return answer(present.card_check(check, merchant.participant_id, services().personal_data))
