"""Transactions as they were booked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Response

from api import present
from api.auth import BOOKS, current_caller, guard, own_participant
from api.narrowing import NOTHING, narrowed
from api.problems import FieldError, Problem
from api.schemas.common import page_of
from api.schemas.ledger import TransactionQuery, TransactionSchema
from api.services import services
from api.v1 import holds
from api.web import Blueprint, answer, cursor_number, page
from clearing import ids
from clearing.core.calendar import period_number
from clearing.core.commands import Caller, Scope
from clearing.core.journal import Booking
from clearing.core.outcomes import Code
from clearing.originals import NOTHING_GIVEN_BACK, read_given_back
from clearing.query import (
    TransactionFilter,
    database_time,
    list_bookings,
    read_booking,
    read_hold,
)

blueprint = Blueprint("transactions", __name__, description="What was booked, with legs, fees and reasons")


@blueprint.route("/transactions")
@guard(*BOOKS)
@blueprint.arguments(TransactionQuery, location="query")
@blueprint.response(200, page_of(TransactionSchema))
def list_transactions(query: dict[str, Any]) -> Response:
    """The newest first; a key sees what it was acceptor or issuer of"""
    return answer(transactions_page(query))


@blueprint.route("/transactions/<transaction_id>")
@guard(*BOOKS)
@blueprint.response(200, TransactionSchema)
def read_transaction(transaction_id: str) -> Response:
    """One transaction, also one that is only held so far"""
    return answer(transaction_shown(transaction_id))


def transactions_page(query: Mapping[str, Any], booked_since: datetime | None = None) -> dict[str, Any]:
    """The transactions of the query that the caller may see, as JSON; those booked since. Raises Problem."""
    caller, limit = current_caller(), query["limit"]
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        narrow = narrowed(connection, directory, caller, query)
        if narrow is None:
            return NOTHING
        wanted = TransactionFilter(
            visible_to=own_participant(caller),
            wallet_id=narrow.wallet_id,
            merchant_id=narrow.merchant_id,
            period=_period(query["period"]),
            reference=query["reference"],
            booked_since=booked_since,
        )
        bookings = list_bookings(connection, wanted, cursor_number(query["cursor"]), limit + 1)
        given_back = read_given_back(connection, [booking.transaction.id for booking in bookings])
    return page(
        bookings,
        limit,
        lambda booking: present.transaction(
            booking, directory, caller, given_back.get(booking.transaction.id, NOTHING_GIVEN_BACK)
        ),
        lambda booking: booking.transaction.id,
    )


def transaction_shown(transaction_id: str) -> dict[str, Any]:
    """One transaction as JSON, booked or only held so far; raises Problem if the caller sees none."""
    wallet_id, number = ids.decode("txn", transaction_id, 2) or (0, 0)
    caller = current_caller()
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        booking = read_booking(connection, wallet_id, number)
        given_back = read_given_back(connection, [number])
        hold = read_hold(connection, wallet_id, number)
        at = database_time(connection)
    if booking is not None and visible(booking, caller):
        given = given_back.get(booking.transaction.id, NOTHING_GIVEN_BACK)
        return present.transaction(booking, directory, caller, given, hold)
    if hold is not None and booking is None and holds.visible(hold, caller):
        return present.held(hold._replace(status=hold.status_at(at)), directory)
    raise Problem(Code.TRANSACTION_UNKNOWN, f"There is no transaction {transaction_id!r}.")


def visible(booking: Booking, caller: Caller) -> bool:
    """Whether the caller may see anything of it."""
    viewer = own_participant(caller)
    if viewer is None:
        return True
    if caller.scope is Scope.MERCHANT:
        return booking.transaction.merchant_id == caller.merchant_id
    return viewer == booking.transaction.acceptor_id or any(leg.issuer_id == viewer for leg in booking.legs)


def _period(name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return period_number(name)
    except ValueError as error:
        raise Problem(Code.MALFORMED, str(error), [FieldError("?period", str(error))]) from error
