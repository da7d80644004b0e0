"""A key to seal with in tests, and what a leaf is when it is made by hand."""

from typing import Any

from sqlalchemy import Connection, Engine, text

from clearing.core import leaf
from clearing.core.leaf import ENTRY, HEAD, LEG, PRIVATE
from clearing.proof.keys import SealingKeys
from clearing.proof.seal import seal

KEYS_TEXT = '{"sealing": {"1": "' + "0b" * 32 + '"}, "current": 1}'
KEYS = SealingKeys.from_text(KEYS_TEXT)


def keys() -> SealingKeys:
    return KEYS


def seal_all(engine: Engine) -> int:
    return seal(engine, keys)


def leaf_data(connection: Connection) -> list[bytes]:
    """Of every leaf, in order, what is hashed: made from the rows of the journal, one after the other."""
    secret = bytes(connection.execute(text("SELECT secret FROM leaf_secrets")).scalar_one())
    query = text("SELECT wallet_id, transaction_id FROM tree_leaves ORDER BY number")
    return [_leaf_data(connection, secret, *key) for key in connection.execute(query)]


def _leaf_data(connection: Connection, secret: bytes, wallet_id: int, transaction_id: int) -> bytes:
    data = b""
    for form in (HEAD, PRIVATE, LEG, ENTRY):
        whole = form in (HEAD, PRIVATE)
        for row in _rows(connection, form.table, whole, wallet_id, transaction_id):
            order = form.order + (0 if whole else row["number"])
            salt = leaf.salt(secret, wallet_id, transaction_id, order)
            data += leaf.commitment(salt, leaf.row_bytes(form, row))
    return data


def _rows(
    connection: Connection, table: str, whole: bool, wallet_id: int, transaction_id: int
) -> list[dict[str, Any]]:
    key, order = ("id", "id") if whole else ("transaction_id", "number")
    query = text(f"SELECT * FROM {table} WHERE wallet_id = :wallet AND {key} = :id ORDER BY {order}")
    found = connection.execute(query, {"wallet": wallet_id, "id": transaction_id})
    return [dict(row._mapping) for row in found]
