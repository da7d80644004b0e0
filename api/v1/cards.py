"""Cards: the check, one look at a visitor's card; and what their issuers do with them."""

from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Any

from flask import Response
from marshmallow import ValidationError

from api import people, present
from api.auth import DESKS, current_caller, guard, merchant_of_caller
from api.fields import CardText
from api.once import once
from api.posting import SECONDS_WAITED_MAX
from api.problems import FieldError, HttpCode, Problem, refusal_response
from api.schemas.ledger import CardCheckSchema, CardQuery
from api.schemas.people import CardChange, IssuedCardSchema, ReplacementInput
from api.services import services, transaction
from api.web import Blueprint, answer
from clearing.card_check import CardQuestion
from clearing.cards import IssuedCard, change_card, replace_card
from clearing.core.commands import Caller, Scope
from clearing.core.directory import Directory, Merchant
from clearing.core.outcomes import Code, Refusal

#: Of whatever length: one that is too long is no card's.
_NUMBER = CardText(most=10_000)

blueprint = Blueprint("cards", __name__, description="Cards as a host sees them, and as their issuer does")


@blueprint.route("/cards/<number>")
@guard(*DESKS)
@blueprint.arguments(CardQuery, location="query")
@blueprint.response(200, CardCheckSchema)
def read_card(query: dict[str, Any], number: str) -> Response:
    """Who issued it, whether it is good, what it is worth here and what that would cost"""
    return answer(checked_card(number_in_path(number), query["merchant"]))


@blueprint.route("/cards/<number>", methods=["PATCH"])
@guard(Scope.PARTICIPANT, Scope.OPERATOR)
@blueprint.arguments(CardChange)
@blueprint.response(200, IssuedCardSchema)
def change(body: dict[str, Any], number: str) -> Response:
    """Block a card of one's own, make it good again, or set its last good day

    The next posting goes by it. To block a blocked card changes nothing.
    """
    number = number_in_path(number)
    with services().engine.begin() as connection:
        directory = services().directory(connection)
        outcome = change_card(connection, number, current_caller(), body)
    return _answer(outcome, directory, 200)


@blueprint.route("/cards/<number>/replacement", methods=["POST"])
@guard(Scope.PARTICIPANT, Scope.OPERATOR)
@blueprint.arguments(ReplacementInput)
@blueprint.response(201, IssuedCardSchema)
@once(blueprint)
def replace(body: dict[str, Any], number: str) -> Response:
    """Block a card for good and issue another for the same wallet; the answer is the new card

    Sent again it gives the card that was issued the first time.
    """
    number = number_in_path(number)
    with transaction() as connection:
        directory = services().directory(connection)
        outcome = replace_card(connection, number, current_caller(), body.get("number"))
    return _answer(outcome, directory, 201)


def checked_card(number: str, merchant_code: str | None) -> dict[str, Any]:
    """The card check as JSON, at the merchant named or the caller's own. Raises Problem."""
    caller = current_caller()
    merchant = _merchant(caller, merchant_code)
    try:
        check = services().card_checks.check(CardQuestion(number, merchant, caller), SECONDS_WAITED_MAX)
    except FutureTimeoutError as error:
        detail = "The card could not be looked up in time. Ask again."
        raise Problem(HttpCode.UNAVAILABLE, detail) from error
    if check is None:
        return present.unknown_card(number)
    return present.card_check(check, merchant.participant_id, services().personal_data)


def number_in_path(number: str) -> str:
    """The number in a path, read as those in bodies. Raises Problem."""
    try:
        found: str = _NUMBER.deserialize(number)
    except ValidationError as error:
        raise Problem(Code.MALFORMED, str(error), [FieldError("/number", str(error))]) from error
    return found


def _merchant(caller: Caller, code: str | None) -> Merchant:
    """By the last directory read; what that does not know is worth asking for the newest."""
    known = services().directory_cache.last_or_none
    if known is not None:
        with suppress(Problem, KeyError):
            return merchant_of_caller(known, caller, code)
    with services().engine.connect() as connection:
        return merchant_of_caller(services().directory(connection), caller, code)


def _answer(outcome: IssuedCard | Refusal, directory: Directory, status: int) -> Response:
    if isinstance(outcome, Refusal):
        return refusal_response(outcome)
    return answer(people.card(outcome, directory), status)
