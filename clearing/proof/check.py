"""For `tongdui verify`: the journal is what was sealed, row for row, and the tree is what was signed.

Whoever can write to the database can change a row, but not so that the tree over all rows keeps its root, nor
sign another root without the hub's key. The first check makes all leaves again from the journal and names
the row; the others hold the leaves against the signed heads.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection

from clearing.core.leaf import ENTRY, HEAD, LEG, PRIVATE, Form
from clearing.core.merkle import Frontier, Node
from clearing.proof import rows
from clearing.proof.heads import TreeHead, read_heads
from clearing.proof.keys import is_signed
from clearing.verify import Check, Found, of_period

PORTION = 5_000

PublicKeys = Mapping[int, Ed25519PublicKey]


# All in one pass, each table in the order of the transactions. What waits to be sealed is not in the tree; it
# is looked up only for what is not: joined, it would make PostgreSQL sort all of them.
_CHANGED = f"""
SELECT coalesce(t.wallet_id, l.wallet_id, e.wallet_id, s.wallet_id) AS wallet_id,
       coalesce(t.transaction_id, l.transaction_id, e.transaction_id, s.transaction_id) AS transaction_id
  FROM ({rows.of_transactions(of_period())}) AS t
  FULL JOIN ({rows.of_legs(of_period())}) AS l USING (transaction_id, wallet_id, period)
  FULL JOIN ({rows.of_entries(of_period())}) AS e USING (transaction_id, wallet_id, period)
  FULL JOIN (SELECT transaction_id, wallet_id, period, hash FROM tree_leaves WHERE {of_period()}) AS s
      USING (transaction_id, wallet_id, period)
 WHERE t.data IS NULL
    OR CASE WHEN s.hash IS NULL
            THEN (t.transaction_id, t.wallet_id, t.period)
                 IN (SELECT unnest(transaction_ids), unnest(wallet_ids), unnest(periods) FROM unsealed)
                 IS NOT TRUE
            ELSE s.hash <> {rows.LEAF_HASH} END
 ORDER BY wallet_id, transaction_id
 LIMIT 1
"""  # noqa: S608  put together from constants of this program

# Hashing is what takes the time; PostgreSQL thinks that it costs nothing, and would leave it to one process.
_SETTINGS = {"work_mem": "'64MB'", "parallel_setup_cost": "0", "parallel_tuple_cost": "0"}
_SET = "; ".join(f"SET LOCAL {name} = {value}" for name, value in _SETTINGS.items())
_RESET = "; ".join(f"SET LOCAL {name} TO DEFAULT" for name in _SETTINGS)

_WAITING = """
SELECT 'unsealed (period=' || w.period || ', wallet_id=' || w.wallet_id || ', transaction_id='
       || w.transaction_id || ')' AS place,
       'a transaction that waits to be sealed' AS expected, 'none' AS found
  FROM (SELECT unnest(periods) AS period, unnest(wallet_ids) AS wallet_id,
               unnest(transaction_ids) AS transaction_id FROM unsealed) AS w
 WHERE NOT EXISTS (SELECT FROM transactions t
                    WHERE t.wallet_id = w.wallet_id AND t.id = w.transaction_id AND t.period = w.period)
 LIMIT 1
"""

_SEALED = "SELECT number, period, legs, marks FROM tree_leaves WHERE wallet_id = %s AND transaction_id = %s"

_LEAVES = "SELECT number, hash FROM tree_leaves ORDER BY number"
_NODES = "SELECT level, number, hash FROM tree_nodes"

_PERIODS_SEALED = """
SELECT 'sealed_periods (period=' || p.period || ')' AS place,
       'a closed period, all of it below leaf ' || p.size AS expected,
       concat(n.state, ', up to leaf ', (SELECT max(number) FROM tree_leaves WHERE period = p.period))
         AS found
  FROM sealed_periods p
  LEFT JOIN periods n ON n.number = p.period
 WHERE n.state IS NOT DISTINCT FROM 'open'
    OR EXISTS (SELECT FROM tree_leaves l WHERE l.period = p.period AND l.number >= p.size)
    OR EXISTS (SELECT FROM unsealed u WHERE p.period = ANY(u.periods))
 ORDER BY p.period
 LIMIT 1
"""


def checks(public_keys: PublicKeys | None = None) -> tuple[Check, ...]:
    """All checks of the seal; without the hub's public keys signatures are not looked at."""
    return (
        Check("sealed", "The journal is what was sealed, row for row", "", _changed_row),
        Check("unsealed", "What waits to be sealed is there", _WAITING),
        Check("tree", "The leaves give the roots of all heads", "", _tree(public_keys)),
        Check("sealed_periods", "Closed periods lie within their heads", _PERIODS_SEALED),
    )


def _changed_row(connection: Connection, period: int | None) -> Found | None:
    connection.exec_driver_sql(_SET)
    changed = connection.exec_driver_sql(_CHANGED, {"period": period}).first()
    connection.exec_driver_sql(_RESET)
    return None if changed is None else _named(connection, *changed)


def _named(connection: Connection, wallet_id: int, transaction_id: int) -> Found:
    """The first row of this transaction that is not what was sealed."""
    sealed = connection.exec_driver_sql(_SEALED, (wallet_id, transaction_id)).one_or_none()
    there = dict(_marks(connection, wallet_id, transaction_id))
    if sealed is None:
        return Found(str(min(there, key=_order)), "a row that was posted", "one that was never sealed")
    marks = _sealed_marks(sealed.period, wallet_id, transaction_id, sealed.legs, bytes(sealed.marks))
    for place, mark in marks:
        if place not in there:
            return Found(str(place), "the row that was sealed", "none")
        if there.pop(place) != mark:
            return Found(str(place), "the row that was sealed", "another")
    if there:
        return Found(str(min(there, key=_order)), "none, as was sealed", "a row")
    return Found(f"tree_leaves (number={sealed.number})", "the hash of its transaction", "another")


class _Place(NamedTuple):
    """A part of a leaf, as a row of the journal."""

    form: Form
    period: int | None
    wallet_id: int
    transaction_id: int
    number: int

    def __str__(self) -> str:
        whole = self.form in (HEAD, PRIVATE)
        keys = {"period": self.period, "wallet_id": self.wallet_id, "transaction_id": self.transaction_id}
        named = keys if whole else {**keys, "number": self.number}
        pairs = ", ".join(f"{name}={value}" for name, value in named.items() if value is not None)
        return f"{self.form.table} ({pairs})"


def _order(place: _Place) -> int:
    return place.form.order + place.number


def _marks(connection: Connection, wallet_id: int, transaction_id: int) -> Iterator[tuple[_Place, bytes]]:
    """What the journal has now."""
    for form in (HEAD, PRIVATE, LEG, ENTRY):
        key, number = ("id", "0") if form in (HEAD, PRIVATE) else ("transaction_id", "number")
        query = f"""
            SELECT period, {number}, substr({rows.commitment(form)}, 1, {rows.MARK_BYTES})
              FROM {form.table} WHERE wallet_id = %s AND {key} = %s
        """  # noqa: S608
        for period, place, mark in connection.exec_driver_sql(query, (wallet_id, transaction_id)):
            yield _Place(form, period, wallet_id, transaction_id, place), bytes(mark)


def _sealed_marks(
    period: int, wallet_id: int, transaction_id: int, legs: int, marks: bytes
) -> Iterator[tuple[_Place, bytes]]:
    """What was sealed. Legs and entries are numbered from 1."""
    for index in range(len(marks) // rows.MARK_BYTES):
        if index < 2:
            form, number = (HEAD, PRIVATE)[index], 0
        elif index < 2 + legs:
            form, number = LEG, index - 1
        else:
            form, number = ENTRY, index - 1 - legs
        start = index * rows.MARK_BYTES
        place = _Place(form, period, wallet_id, transaction_id, number)
        yield place, marks[start : start + rows.MARK_BYTES]


def _tree(public_keys: PublicKeys | None) -> Callable[[Connection, int | None], Found | None]:
    def find(connection: Connection, _: int | None) -> Found | None:
        roots = {}
        for head in read_heads(connection):
            fault = None if public_keys is None else _fault_of_signature(head, public_keys)
            if fault is not None:
                return Found(f"tree_heads (size={head.size})", "a head signed by the hub", fault)
            roots[head.size] = head.root
        return _grown(connection, roots)

    return find


def _fault_of_signature(head: TreeHead, public_keys: PublicKeys) -> str | None:
    if head.key_id not in public_keys:
        return f"one signed with key {head.key_id}, which is not at hand"
    genuine = is_signed(public_keys[head.key_id], head.signature, head.signed)
    return None if genuine else "one that nobody has signed"


def _grown(connection: Connection, roots: Mapping[int, bytes]) -> Found | None:
    """Let the tree grow again from its leaves, and hold it against what was kept of it on the way."""
    kept = {Node(level, number): bytes(hash_) for level, number, hash_ in connection.exec_driver_sql(_NODES)}
    frontier = Frontier()
    if 0 in roots and roots[0] != frontier.root():
        return _wrong_root(0)
    leaves = connection.exec_driver_sql(_LEAVES, execution_options={"yield_per": PORTION})
    for number, hash_ in leaves:
        if number != frontier.size:
            return Found(f"tree_leaves (number={frontier.size})", "a leaf", "none")
        frontier.append(bytes(hash_))
        for node, root in frontier.complete:
            if kept.pop(node, None) != root:
                return Found(f"tree_nodes (level={node.level}, number={node.number})", root.hex(), "another")
        frontier.complete.clear()
        if frontier.size in roots and roots[frontier.size] != frontier.root():
            return _wrong_root(frontier.size)
    if kept:
        node = min(kept)
        return Found(f"tree_nodes (level={node.level}, number={node.number})", "none", "a node")
    last = max(roots, default=0)
    if last != frontier.size:
        return Found(
            f"tree_heads (size={last})", f"a head over all {frontier.size} leaves", f"one over {last}"
        )
    return None


def _wrong_root(size: int) -> Found:
    return Found(f"tree_heads (size={size})", "the root over its leaves", "another: leaves were changed")
