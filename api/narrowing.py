"""What a list of acts at merchants is narrowed to: by its query, and by whose key asks."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from clearing.core.commands import Caller, Scope
from clearing.core.directory import Directory
from clearing.query import read_card

#: The answer of a list in which nothing can be.
NOTHING: dict[str, Any] = {"data": [], "next_cursor": None}


class Narrowed(NamedTuple):
    """None does not narrow."""

    wallet_id: int | None
    merchant_id: int | None


def narrowed(
    connection: Connection, directory: Directory, caller: Caller, query: Mapping[str, Any]
) -> Narrowed | None:
    """By the query's `card` and `merchant`; a merchant's key sees its own. None: nothing can be there."""
    card = read_card(connection, query["card"]) if query["card"] else None
    merchant = directory.merchants.get(query["merchant"]) if query["merchant"] else None
    if (query["card"] and card is None) or (query["merchant"] and merchant is None):
        return None
    merchant_id = merchant.id if merchant else None
    if caller.scope is Scope.MERCHANT:
        if merchant_id not in (None, caller.merchant_id):
            return None
        merchant_id = caller.merchant_id
    return Narrowed(card.wallet_id if card else None, merchant_id)
