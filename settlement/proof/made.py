"""The proof as it is put into a statement's JSON.

Beside the statement a second cursor reads the proofs of its lines, in the same order; hashes of the tree are
read by tiles. So a million lines take no more memory than a thousand, but for the list of the tiles.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Engine

from clearing.core.accounts import HUB, HUB_CODE
from clearing.core.amounts import rate_text
from clearing.core.journal import LegKind
from clearing.core.leaf import ENTRY, HEAD, LEG, PRIVATE
from clearing.core.merkle import TILE_LEVELS
from clearing.kind_lists import numbers
from clearing.proof import rows
from clearing.proof.heads import TreeHead, read_head_of_period
from clearing.proof.keys import SealingKeys, pem
from clearing.proof.seal import seal_period
from clearing.proof.tree import Tree
from settlement.proof.lines import FROM_LOT, INTO_LOT
from settlement.query import StatementHeader

PORTION = 2_000
#: The members of the document that the signature is not over: the data hash is over the lines, and the
#: paths prove themselves.
UNSIGNED = ("detail", "tiles", "signature")

CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
CONTEXT = b"tongdui statement\n"


_INTO, _ON_LOT = numbers(INTO_LOT), numbers((*INTO_LOT, *FROM_LOT))

_OF_STATEMENT = """
  FROM legs l
  JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
 WHERE l.period = %(period)s AND (l.issuer_id = %(participant)s OR l.acceptor_id = %(participant)s)
"""

_DIRECTORY = f"""
WITH of_statement AS (
  SELECT DISTINCT t.merchant_id, l.issuer_id, l.acceptor_id, l.fee_rule_id {_OF_STATEMENT}
)
SELECT 'participants' AS kind, code AS name, id::text AS value FROM participants
 WHERE id IN (SELECT issuer_id FROM of_statement UNION SELECT acceptor_id FROM of_statement)
    OR id = %(participant)s
UNION ALL
SELECT 'merchants', code, id::text FROM merchants WHERE id IN (SELECT merchant_id FROM of_statement)
UNION ALL
SELECT 'fee_rules', id::text, rate::text FROM fee_rules WHERE id IN (SELECT fee_rule_id FROM of_statement)
 ORDER BY kind, name
"""  # noqa: S608  put together from constants of this program

_OWN = "wallet_id = a.wallet_id AND transaction_id = a.transaction_id AND period = a.period"

# What a line shows of an entry is its lot; the same ones are named in `settlement.statement_lines`.
_IS_SHOWN = f"""kind IN ({_ON_LOT}) AND CASE WHEN kind IN ({_INTO}) THEN debit ELSE credit END = a.issuer_id
                    AND NOT (a.kind = {LegKind.VISIT:d} AND a.issuer_id <> a.acceptor_id)"""

_PROOFS = f"""
SELECT s.number, a.leg, a.acceptor_id, a.occurred_at, a.booked_at, a.fee_rule_id,
       a.acceptor_fee, a.issuer_fee, a.original_period, g.legs, e.shown,
       t.parts || g.parts || coalesce(e.parts, '') AS parts
  FROM (SELECT l.period, l.wallet_id, l.transaction_id, l.number AS leg, l.kind, l.issuer_id, l.acceptor_id,
               l.fee_rule_id, l.acceptor_fee, l.issuer_fee, t.occurred_at, t.booked_at, t.original_period
          {_OF_STATEMENT}
         ORDER BY t.booked_at, l.transaction_id, l.number, l.wallet_id OFFSET 0) AS a
  LEFT JOIN tree_leaves s ON s.transaction_id = a.transaction_id AND s.wallet_id = a.wallet_id
  LEFT JOIN LATERAL (
       SELECT {rows.salt(HEAD)} || {rows.commitment(PRIVATE)} AS parts
         FROM transactions WHERE wallet_id = a.wallet_id AND id = a.transaction_id AND period = a.period
       ) AS t ON true
  LEFT JOIN LATERAL (
       SELECT count(*) AS legs,
              string_agg(CASE WHEN number = a.leg THEN {rows.salt(LEG)} ELSE {rows.commitment(LEG)} END,
                         ''::bytea ORDER BY number) AS parts
         FROM legs WHERE {_OWN}
       ) AS g ON true
  LEFT JOIN LATERAL (
       SELECT array_agg(ARRAY[number, kind]::int[] ORDER BY number) FILTER (WHERE {_IS_SHOWN}) AS shown,
              string_agg(CASE WHEN {_IS_SHOWN} THEN {rows.salt(ENTRY)} ELSE {rows.commitment(ENTRY)} END,
                         ''::bytea ORDER BY number) AS parts
         FROM entries WHERE {_OWN}
       ) AS e ON true
 ORDER BY a.booked_at, a.transaction_id, a.leg, a.wallet_id
"""  # noqa: S608


class NotProvable(Exception):
    """A part of the period is not sealed, or the key that signed its head is not at hand."""


class StatementProof:
    """The proof of one statement, for one rendering of it, read with the connection that reads its lines.

    `head`, the lines' proofs and `tail` belong into the document in this order.
    """

    def __init__(
        self, connection: Connection, header: StatementHeader, tree_head: TreeHead, keys: SealingKeys
    ) -> None:
        self._connection = connection
        self._header = header
        self._tree_head = tree_head
        self._keys = keys
        self._tiles: set[int] = set()

    def head(self) -> dict[str, Any]:
        """The tree's head, the public key and the directory: what stands under `proof`."""
        key: Ed25519PublicKey = self._keys.public_keys[self._tree_head.key_id]
        return {
            "head": head_json(self._tree_head),
            "public_key": pem(key),
            "directory": self._directory(),
        }

    def lines(self) -> Iterator[dict[str, Any]]:
        """The proof of each line, in the order of the lines."""
        tree, size = Tree(self._connection), self._tree_head.size
        found = self._connection.exec_driver_sql(
            _PROOFS, self._parameters(), execution_options={"yield_per": PORTION}
        )

        @lru_cache(maxsize=8)
        def path(number: int) -> str:
            return _base64(tree.path_in_tile(number, size))

        for row in found:
            (number, leg, acceptor_id, occurred_at, booked_at, fee_rule, acceptor_fee,
             issuer_fee, original_period, legs, shown, parts) = row  # fmt: skip
            if number is None:
                raise NotProvable(
                    f"{self._header.number} has a line that was never sealed. `tongdui verify` names it."
                )
            self._tiles.add(number >> TILE_LEVELS)
            own_is_acceptor = acceptor_id == self._header.participant_id
            yield {
                "leaf": number,
                "leg": leg,
                "legs": legs if shown else None,
                "entries": shown or [],
                "microseconds": [occurred_at.microsecond % 1_000, booked_at.microsecond % 1_000],
                "fee_rule": fee_rule,
                "other_fee": issuer_fee if own_is_acceptor else acceptor_fee,
                "original_period": original_period,
                "parts": b64encode(parts).decode(),
                "path": path(number),
            }

    def tail(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The paths of the tiles that the lines are in, and the hub's signature over the document."""
        tree, size = Tree(self._connection), self._tree_head.size
        tiles = {str(tile): _base64(tree.path_of_tile(tile, size)) for tile in sorted(self._tiles)}
        signature = self._keys.sign(signed_text(document), self._tree_head.key_id)
        return {"tiles": tiles, "signature": b64encode(signature).decode()}

    def _directory(self) -> dict[str, dict[str, Any]]:
        directory: dict[str, dict[str, Any]] = {"participants": {}, "merchants": {}, "fee_rules": {}}
        for kind, name, value in self._connection.exec_driver_sql(_DIRECTORY, self._parameters()):
            directory[kind][name] = value
        participants = {HUB_CODE: str(HUB), **directory["participants"]}
        return {
            "participants": {code: int(number) for code, number in sorted(participants.items())},
            "merchants": {code: int(number) for code, number in directory["merchants"].items()},
            "fee_rules": {id_: rate_text(Decimal(rate)) for id_, rate in directory["fee_rules"].items()},
        }

    def _parameters(self) -> dict[str, int]:
        return {"period": self._header.period, "participant": self._header.participant_id}


def prove(
    engine: Engine, connection: Connection, header: StatementHeader, keys: Callable[[], SealingKeys]
) -> StatementProof:
    """The proof of a statement, with the first head over its period; what of that waits is sealed now.

    `connection`: the one that reads the lines, READ COMMITTED. Raises NotProvable.
    """
    seal_period(engine, keys, header.period)
    head = read_head_of_period(connection, header.period)
    if head is None:
        raise NotProvable(f"Not all of {header.period_name} can be sealed. `tongdui verify` tells why.")
    at_hand = keys()
    if head.key_id not in at_hand.public_keys:
        raise NotProvable(
            f"{header.period_name} was sealed with key {head.key_id}, which is not at hand. Restore"
            " keys/sealing.json from your backup."
        )
    return StatementProof(connection, header, head, at_hand)


def head_json(head: TreeHead) -> dict[str, Any]:
    return {
        "size": head.size,
        "root": head.root.hex(),
        "timestamp": head.timestamp,
        "key_id": head.key_id,
        "signature": b64encode(head.signature).decode(),
    }


def signed_text(document: Mapping[str, Any]) -> bytes:
    """What the hub signs of a statement: all of it but `UNSIGNED`, with keys sorted, no spaces, in UTF-8."""
    signed = {name: value for name, value in document.items() if name not in UNSIGNED}
    return CONTEXT + CANONICAL.encode(signed).encode()


def _base64(hashes: list[bytes]) -> str:
    return b64encode(b"".join(hashes)).decode()
