"""Apply for links: what goes from one wallet to another beside lots and arrears."""

from sqlalchemy import Connection

from clearing import arrays
from clearing.core.plan import Move

_OPEN = "INSERT INTO wallets (id, opened_at) VALUES (%(target)s, clock_timestamp())"

_PART = """
UPDATE cards SET wallet_id = %(target)s WHERE wallet_id = %(source)s AND issuer_id = %(issuer)s;
UPDATE members SET wallet_id = %(target)s WHERE wallet_id = %(source)s AND participant_id = %(issuer)s
"""

# What was merged into the wallet before is found where all of it is now. Only open holds go along: the others
# stay with their transactions.
_MERGE = """
UPDATE wallets SET merged_into = %(target)s WHERE id = %(source)s OR merged_into = %(source)s;
UPDATE cards SET wallet_id = %(target)s WHERE wallet_id = %(source)s;
UPDATE members SET wallet_id = %(target)s WHERE wallet_id = %(source)s;
UPDATE hold_draws d SET wallet_id = %(target)s, lot_id = l.later
  FROM holds h, unnest(%(before)s::bigint[], %(later)s::bigint[]) AS l (before, later)
 WHERE h.wallet_id = %(source)s AND h.status = 'held' AND d.wallet_id = h.wallet_id AND d.hold_id = h.id
   AND d.lot_id = l.before;
UPDATE merchant_references r SET wallet_id = %(target)s
  FROM holds h
 WHERE h.wallet_id = %(source)s AND h.status = 'held' AND r.merchant_id = h.merchant_id
   AND r.kind = h.kind AND r.reference = h.reference;
UPDATE merchant_references r SET wallet_id = %(target)s
  FROM holds h
 WHERE h.wallet_id = %(source)s AND h.status = 'held' AND r.merchant_id = h.merchant_id
   AND r.kind = h.kind AND r.written = h.reference AND r.transaction_id = h.id;
UPDATE reference_collisions c SET wallet_id = %(target)s
  FROM holds h
 WHERE h.wallet_id = %(source)s AND h.status = 'held' AND c.merchant_id = h.merchant_id
   AND c.kind = h.kind AND c.transaction_id = h.id;
UPDATE holds SET wallet_id = %(target)s WHERE wallet_id = %(source)s AND status = 'held'
"""


def carry_out(connection: Connection, move: Move) -> None:
    """Write the move in the connection's transaction, which has the wallets and the lock of the periods."""
    values = {
        "source": move.source_id,
        "target": move.target_id,
        "issuer": move.issuer_id,
        "before": arrays.numbers(move.lots.keys()),
        "later": arrays.numbers(move.lots.values()),
    }
    if move.issuer_id is None:
        connection.exec_driver_sql(_MERGE, values)
    else:
        connection.exec_driver_sql(f"{_OPEN};{_PART}", values)
