"""Wallets: what a person holds, over all issuers."""

from typing import Any

from flask import Response
from sqlalchemy import Connection

from api import present
from api.auth import current_caller, guard, own_participant
from api.problems import HttpCode, Problem
from api.schemas.common import PageQuery, page_of
from api.schemas.ledger import LotListSchema, TransactionSchema, WalletSchema
from api.services import services
from api.web import Blueprint, answer, cursor_number, page
from clearing import ids
from clearing.core.commands import Scope
from clearing.originals import NOTHING_GIVEN_BACK, read_given_back
from clearing.privacy import masked_number
from clearing.query import (
    TransactionFilter,
    list_bookings,
    list_cards,
    list_lots,
    wallet_members,
    wallet_now,
)

blueprint = Blueprint("wallets", __name__, description="Pooled balances and their lots")

READERS = (Scope.PARTICIPANT, Scope.OPERATOR, Scope.AUDITOR)


@blueprint.route("/wallets/<wallet_id>")
@guard(*READERS)
@blueprint.response(200, WalletSchema)
def read_wallet(wallet_id: str) -> Response:
    """The pooled balance and the cards that share it"""
    with services().engine.connect() as connection:
        wallet = visible_wallet(connection, wallet_id)
        directory = services().directory(connection)
        lots, cards = list_lots(connection, wallet), list_cards(connection, wallet)
    viewer = own_participant(current_caller())
    return answer(
        {
            "id": ids.wallet_id(wallet),
            **present.balances(lots, directory),
            "cards": [
                {
                    "number": card.number if viewer in (None, card.issuer_id) else masked_number(card.number),
                    "issuer": directory.participants[card.issuer_id].code,
                    "status": card.status.value,
                }
                for card in cards
            ],
        }
    )


@blueprint.route("/wallets/<wallet_id>/lots")
@guard(*READERS)
@blueprint.response(200, LotListSchema)
def list_wallet_lots(wallet_id: str) -> Response:
    """What each issuer owes the wallet, by expiry date, earliest first"""
    with services().engine.connect() as connection:
        lots = list_lots(connection, visible_wallet(connection, wallet_id))
        directory = services().directory(connection)
    return answer({"data": [present.lot(one, directory) for one in lots], "next_cursor": None})


@blueprint.route("/wallets/<wallet_id>/transactions")
@guard(*READERS)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(TransactionSchema))
def list_wallet_transactions(query: dict[str, Any], wallet_id: str) -> Response:
    """The wallet's transactions that concern the caller, newest first"""
    caller = current_caller()
    with services().engine.connect() as connection:
        wallet = visible_wallet(connection, wallet_id)
        directory = services().directory(connection)
        wanted = TransactionFilter(visible_to=own_participant(caller), wallet_id=wallet)
        bookings = list_bookings(connection, wanted, cursor_number(query["cursor"]), query["limit"] + 1)
        given_back = read_given_back(connection, [booking.transaction.id for booking in bookings])
    return answer(
        page(
            bookings,
            query["limit"],
            lambda booking: present.transaction(
                booking, directory, caller, given_back.get(booking.transaction.id, NOTHING_GIVEN_BACK)
            ),
            lambda booking: booking.transaction.id,
        )
    )


def visible_wallet(connection: Connection, wallet_id: str) -> int:
    """The wallet's number, or that of the wallet it was merged into.

    A participant sees the wallets of its own members; others do not exist for it.
    """
    numbers = ids.decode("wal", wallet_id)
    wallet = wallet_now(connection, numbers[0]) if numbers else 0
    holders = wallet_members(connection, wallet)
    viewer = own_participant(current_caller())
    if not holders or (viewer is not None and all(one.participant_id != viewer for one in holders)):
        raise Problem(HttpCode.NOT_FOUND, f"There is no wallet {wallet_id!r}.")
    return wallet
