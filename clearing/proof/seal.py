"""Sealing: what has been posted becomes leaves of the tree, and the tree's new head is signed.

Every batch leaves one row in `unsealed`, written with its transactions. Sealing takes such rows away and adds
their transactions to the tree in the same database transaction: what commits late is sealed late, and nothing
is ever passed over or sealed twice, whoever seals and wherever it is cut off.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from sqlalchemy import Connection, Engine, func, select

from clearing import arrays, locks
from clearing.core.merkle import Frontier
from clearing.proof import rows
from clearing.proof.heads import read_head, read_head_of_period, sign_head
from clearing.proof.keys import SealingKeys
from clearing.proof.tree import Tree

log = structlog.get_logger(__name__)

#: Batches taken in one transaction; most have a few transactions, those of an import a thousand.
BATCHES = 64

Keys = Callable[[], SealingKeys]

# All that lies in the queue is due; from its beginning, as that is the order of the commits or nearly so.
_TAKE = """
DELETE FROM unsealed
 WHERE ctid = ANY(ARRAY(SELECT ctid FROM unsealed LIMIT %(batches)s))
RETURNING periods, wallet_ids, transaction_ids
"""

_PUT_BACK = """
INSERT INTO unsealed (periods, wallet_ids, transaction_ids)
VALUES (%(periods)s::int[], %(wallets)s::bigint[], %(transactions)s::bigint[])
"""

_ASKED = """
(SELECT place, period, wallet_id, transaction_id
   FROM unnest(%(periods)s::int[], %(wallets)s::bigint[], %(transactions)s::bigint[]) WITH ORDINALITY
     AS u (period, wallet_id, transaction_id, place)
  WHERE NOT EXISTS (SELECT FROM tree_leaves s
                     WHERE s.transaction_id = u.transaction_id AND s.wallet_id = u.wallet_id)
  ORDER BY place)
"""

_ADD = f"""
INSERT INTO tree_leaves (number, period, wallet_id, transaction_id, legs, marks, hash)
SELECT %(size)s + row_number() OVER (ORDER BY asked.place) - 1, asked.period, asked.wallet_id,
       asked.transaction_id, coalesce(l.rows, 0), {rows.LEAF_MARKS}, {rows.LEAF_HASH}
  FROM {rows.joined(_ASKED)}
 WHERE t.data IS NOT NULL
RETURNING number, wallet_id, transaction_id, hash
"""  # noqa: S608  put together from constants of this program

_ADD_NODES = """
INSERT INTO tree_nodes (level, number, hash)
SELECT * FROM unnest(%(levels)s::smallint[], %(numbers)s::bigint[], %(hashes)s::bytea[])
"""

# A period that is closed gets nothing any more: if nothing of it waits, the head is over all of it.
_CLOSE = """
INSERT INTO sealed_periods (period, size)
SELECT p.number, %(size)s
  FROM periods p
 WHERE p.state <> 'open'
   AND NOT EXISTS (SELECT FROM sealed_periods s WHERE s.period = p.number)
   AND NOT EXISTS (SELECT FROM unsealed u WHERE p.number = ANY(u.periods))
"""

_IS_DUE = """
SELECT EXISTS (SELECT FROM unsealed)
    OR EXISTS (SELECT FROM periods p
                WHERE p.state <> 'open'
                  AND NOT EXISTS (SELECT FROM sealed_periods s WHERE s.period = p.number))
"""


class _Key(NamedTuple):
    """A transaction that waits."""

    period: int
    wallet_id: int
    transaction_id: int


def seal(engine: Engine, keys: Keys, batches: int = BATCHES) -> int:
    """Seal all that waits; how many transactions that were.

    In portions, each a transaction of its own with a head of its own. `keys` gives the keys as they are now.
    A transaction that waits and is not there (somebody took it away) goes on waiting, and `verify` names it.
    """
    sealed = 0
    while True:
        with engine.begin() as connection:
            if not connection.exec_driver_sql(_IS_DUE).scalar():
                return sealed
            done = seal_portion(connection, keys(), batches)
        if not done:
            return sealed
        sealed += done


def seal_period(engine: Engine, keys: Keys, period: int) -> bool:
    """See to it that a closed period has its head; False if it cannot have one (see `seal`) or is open."""
    with engine.connect() as connection:
        if read_head_of_period(connection, period) is not None:
            return True
    seal(engine, keys)
    with engine.connect() as connection:
        return read_head_of_period(connection, period) is not None


def seal_portion(connection: Connection, keys: SealingKeys, batches: int = BATCHES) -> int:
    """Seal up to that many batches in the caller's transaction, which must be READ COMMITTED."""
    locks.hold_exclusively(connection, locks.TREE)
    head = read_head(connection)
    waiting = _take(connection, batches)
    frontier = Tree(connection).frontier(head.size if head else 0)
    added = _add(connection, frontier, waiting) if waiting else 0
    if added or head is None:
        at = connection.execute(select(func.clock_timestamp())).scalar_one()
        sign_head(connection, keys, frontier.size, frontier.root(), at)
    connection.exec_driver_sql(_CLOSE, {"size": frontier.size})
    return added


def _take(connection: Connection, batches: int) -> list[_Key]:
    taken = connection.exec_driver_sql(_TAKE, {"batches": batches})
    return list(dict.fromkeys(_Key(*one) for row in taken for one in zip(*row, strict=True)))


def _add(connection: Connection, frontier: Frontier, waiting: Sequence[_Key]) -> int:
    """Add the transactions to the tree in this order; how many there were to add."""
    # The rows are known by their keys: statistics of yesterday must not make the planner read tables through.
    connection.exec_driver_sql(
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;"
        " SET LOCAL client_encoding = 'UTF8'"
    )
    asked = _asked(waiting)
    found = connection.exec_driver_sql(_ADD, {**asked, "size": frontier.size}).all()
    for _, _, _, hash_ in sorted(found):
        frontier.append(bytes(hash_))
    if frontier.complete:
        nodes, hashes = zip(*frontier.complete, strict=True)
        connection.exec_driver_sql(
            _ADD_NODES,
            {
                "levels": arrays.numbers(node.level for node in nodes),
                "numbers": arrays.numbers(node.number for node in nodes),
                "hashes": list(hashes),
            },
        )
    _put_back(connection, waiting, {(wallet_id, id_) for _, wallet_id, id_, _ in found})
    return len(found)


def _put_back(connection: Connection, waiting: Sequence[_Key], added: set[tuple[int, int]]) -> None:
    left = [one for one in waiting if (one.wallet_id, one.transaction_id) not in added]
    if not left:
        return
    missing = connection.exec_driver_sql(
        f"SELECT period, wallet_id, transaction_id FROM {_ASKED} AS asked",  # noqa: S608
        _asked(left),
    )
    gone = [_Key(*row) for row in missing]
    if gone:
        connection.exec_driver_sql(_PUT_BACK, _asked(gone))
        log.warning("unsealed_missing", transactions=len(gone), first=gone[0].transaction_id)


def _asked(keys: Sequence[_Key]) -> dict[str, str]:
    return {
        "periods": arrays.numbers(one.period for one in keys),
        "wallets": arrays.numbers(one.wallet_id for one in keys),
        "transactions": arrays.numbers(one.transaction_id for one in keys),
    }
