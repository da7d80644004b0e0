"""The seal of the journal: public keys, signed heads of its tree, and proofs."""

from datetime import UTC, datetime
from typing import Any

from flask import Response

from api.auth import BOOKS, EVERYONE, current_caller, guard, own_participant, public
from api.problems import FieldError, HttpCode, Problem
from api.schemas.common import PageQuery, page_of
from api.schemas.proof import (
    ConsistencyQuery,
    ConsistencySchema,
    PublicKeysSchema,
    TransactionProofSchema,
    TreeHeadSchema,
)
from api.services import services
from api.v1.transactions import visible
from api.web import Blueprint, answer, cursor_number, page
from clearing import ids
from clearing.core import merkle
from clearing.core.outcomes import Code
from clearing.proof.heads import TreeHead, list_heads, read_head
from clearing.proof.keys import fingerprint, pem
from clearing.proof.shown import Part, is_shown, leaf_number, read_parts
from clearing.proof.tree import Tree
from clearing.query import read_bookings
from settlement.proof.made import head_json

blueprint = Blueprint("proof", __name__, description="That the journal is what it was: docs/proof.md")

SIZE_DIGITS_MAX = 18


@blueprint.route("/proof/keys")
@public
@blueprint.doc(security=[])
@blueprint.response(200, PublicKeysSchema)
def list_public_keys() -> Response:
    """The hub's public keys, also those that no longer sign; anybody may ask"""
    keys = services().sealing_keys()
    return answer(
        {
            "data": [
                {
                    "id": key_id,
                    "algorithm": "Ed25519",
                    "public_key": pem(key),
                    "fingerprint": fingerprint(key),
                    "current": key_id == keys.current,
                }
                for key_id, key in keys.public_keys.items()
            ]
        }
    )


@blueprint.route("/proof/heads")
@guard(*EVERYONE)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(TreeHeadSchema))
def list_tree_heads(query: dict[str, Any]) -> Response:
    """Signed heads of the tree over the journal, the newest first"""
    with services().engine.connect() as connection:
        rows = list_heads(connection, cursor_number(query["cursor"]), query["limit"] + 1)
    return answer(page(rows, query["limit"], head_json, lambda head: head.size))


@blueprint.route("/proof/heads/<size>")
@guard(*EVERYONE)
@blueprint.response(200, TreeHeadSchema)
def read_tree_head(size: str) -> Response:
    """One signed head, by the size of its tree"""
    with services().engine.connect() as connection:
        head = read_head(connection, _size(size))
    return answer(head_json(_found(head, size)))


@blueprint.route("/proof/consistency")
@guard(*EVERYONE)
@blueprint.arguments(ConsistencyQuery, location="query")
@blueprint.response(200, ConsistencySchema)
def prove_consistency(query: dict[str, Any]) -> Response:
    """That the tree of a later head begins with that of an earlier one: nothing was changed in between"""
    first_size, second_size = query["first"], query["second"]
    with services().engine.connect() as connection:
        first = _found(read_head(connection, _size(first_size)), first_size)
        wanted = None if second_size is None else _size(second_size)
        second = _found(read_head(connection, wanted), second_size)
        if first.size > second.size:
            detail = "The first head must not be the larger one."
            raise Problem(Code.MALFORMED, detail, [FieldError("?first", detail)])
        # Every tree begins with the empty one; there is nothing to show.
        path = Tree(connection).consistency(first.size, second.size) if first.size else []
    return answer({"first": head_json(first), "second": head_json(second), "path": _hex(path)})


@blueprint.route("/transactions/<transaction_id>/proof")
@guard(*BOOKS)
@blueprint.response(200, TransactionProofSchema)
def prove_transaction(transaction_id: str) -> Response:
    """That a transaction is in the tree; of rows that the key may not see, the proof has hashes only"""
    wallet_id, id_ = ids.decode("txn", transaction_id, 2) or (0, 0)
    caller = current_caller()
    with services().engine.connect() as connection:
        found = read_bookings(connection, [(wallet_id, id_)])
        if not found or not visible(found[0], caller):
            raise Problem(Code.TRANSACTION_UNKNOWN, f"There is no transaction {transaction_id!r}.")
        number = leaf_number(connection, wallet_id, id_)
        head = read_head(connection)
        if number is None or head is None or number >= head.size:
            raise Problem(
                HttpCode.NOT_FOUND, f"{transaction_id} is not sealed yet. Ask again in a few seconds."
            )
        parts = read_parts(connection, wallet_id, id_)
        path = Tree(connection).inclusion(number, head.size)
    viewer, acceptor = own_participant(caller), found[0].transaction.acceptor_id
    return answer(
        {
            "transaction": transaction_id,
            "leaf": number,
            "leaf_hash": merkle.leaf_hash(b"".join(part.commitment for part in parts)).hex(),
            "parts": [_part(part, is_shown(part, viewer, acceptor)) for part in parts],
            "path": _hex(path),
            "head": head_json(head),
        }
    )


def _part(part: Part, shown: bool) -> dict[str, Any]:
    return {
        "form": part.form.name,
        "hash": part.commitment.hex(),
        "salt": part.salt.hex() if shown else None,
        "values": {name: _value(value) for name, value in part.values.items()} if shown else None,
    }


def _value(value: Any) -> Any:
    """Times to the microsecond, in UTC: so they are hashed."""
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= SIZE_DIGITS_MAX):
        raise Problem(HttpCode.NOT_FOUND, f"{text!r} is not the size of a tree.")
    return int(text)


def _found(head: TreeHead | None, size: str | None) -> TreeHead:
    if head is None:
        which = "head yet" if size is None else f"head of size {size}"
        raise Problem(HttpCode.NOT_FOUND, f"There is no {which}.")
    return head


def _hex(hashes: list[bytes]) -> list[str]:
    return [one.hex() for one in hashes]
