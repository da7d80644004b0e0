"""Verify settlements: what closed periods were settled on, recomputed from the journal."""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection

from clearing import verify as ledger
from clearing.core.accounts import EntryKind
from clearing.verify import MEASURES, POSITION_KEY, Check, Difference, compare, legs_as_positions, of_period
from settlement.disputes import checks as disputes

_CLOSED = "period IN (SELECT period FROM settlements)"

_HAS_SETTLEMENT = compare(
    "periods",
    ("period",),
    ("closed",),
    f"SELECT number AS period, 1 AS closed FROM periods WHERE state <> 'open' AND {of_period('number')}",  # noqa: S608
    f"SELECT period, 1 AS closed FROM settlements WHERE {of_period()}",  # noqa: S608
)

_SETTLED_POSITIONS = compare(
    "settlement_positions",
    POSITION_KEY,
    MEASURES,
    f"SELECT * FROM ({legs_as_positions()}) AS crossed WHERE {_CLOSED}",  # noqa: S608
    f"SELECT {', '.join((*POSITION_KEY, *MEASURES))} FROM settlement_positions WHERE {of_period()}",  # noqa: S608
)

# From the entries, which know nothing of legs: what was debited is owed, what was credited is due. A reversal
# takes both back, from the one who was to be paid.
_SETTLED_NETS = compare(
    "settlement_nets",
    ("period", "participant_id"),
    ("receivable", "payable", "fees", "net"),
    f"""SELECT period, credit AS participant_id, quantity AS receivable, 0 AS payable, 0 AS fees,
               quantity AS net
          FROM entries WHERE kind = {EntryKind.OBLIGATION:d} AND {_CLOSED} AND {of_period()}
        UNION ALL
        SELECT period, debit, 0, quantity, 0, -quantity
          FROM entries WHERE kind = {EntryKind.OBLIGATION:d} AND {_CLOSED} AND {of_period()}
        UNION ALL
        SELECT period, debit, -quantity, 0, 0, -quantity
          FROM entries WHERE kind = {EntryKind.OBLIGATION_REVERSED:d} AND {_CLOSED} AND {of_period()}
        UNION ALL
        SELECT period, credit, 0, -quantity, 0, quantity
          FROM entries WHERE kind = {EntryKind.OBLIGATION_REVERSED:d} AND {_CLOSED} AND {of_period()}
        UNION ALL
        SELECT period, debit, 0, 0, quantity, -quantity
          FROM entries WHERE kind = {EntryKind.FEE:d} AND {_CLOSED} AND {of_period()}
        UNION ALL
        SELECT period, credit, 0, 0, -quantity, quantity
          FROM entries WHERE kind = {EntryKind.FEE_RETURNED:d} AND {_CLOSED} AND {of_period()}""",  # noqa: S608
    f"SELECT period, participant_id, receivable, payable, fees, net FROM settlement_nets WHERE {of_period()}",  # noqa: S608
)

_ZERO_SUM = f"""
SELECT 'settlements (period=' || s.period || ')' AS place, 'nets that add up to 0' AS expected,
       coalesce(n.net, 0) || ' of the participants and ' || coalesce(h.fees, 0) || ' of the hub' AS found
  FROM settlements s
  LEFT JOIN (SELECT period, sum(net) AS net FROM settlement_nets GROUP BY period) AS n ON n.period = s.period
  LEFT JOIN (SELECT period, sum(acceptor_fee + issuer_fee) AS fees
               FROM settlement_positions GROUP BY period) AS h ON h.period = s.period
 WHERE (coalesce(n.net, 0) + coalesce(h.fees, 0) <> 0 OR NOT s.zero_sum) AND {of_period("s.period")}
 ORDER BY s.period
 LIMIT 1
"""  # noqa: S608

_STATEMENTS = compare(
    "statements",
    ("period", "participant_id"),
    ("statements",),
    f"SELECT period, participant_id, 1 AS statements FROM settlement_nets WHERE {of_period()}",  # noqa: S608
    f"SELECT period, participant_id, 1 AS statements FROM statements WHERE {of_period()}",  # noqa: S608
)

CHECKS = (
    Check("settlements", "A closed period, and only a closed one, has a settlement", _HAS_SETTLEMENT),
    Check("settled_positions", "Closed periods were settled on the sums of their legs", _SETTLED_POSITIONS),
    Check("settled_nets", "Their nets are the sums of their entries", _SETTLED_NETS),
    Check("zero_sum", "The participants' nets and the hub's add up to nothing", _ZERO_SUM),
    Check("statements", "Each participant of a settlement has one statement", _STATEMENTS),
)


def checks() -> Sequence[Check]:
    """All checks: the ledger's, then those of settlements, then those of disputes."""
    return (*ledger.checks(), *CHECKS, *disputes.CHECKS)


def verify(
    connection: Connection, on_progress: Callable[[Check], None] | None = None, period: int | None = None
) -> Iterator[Difference]:
    """Run all checks on a connection of `clearing.verify.frozen`; the first difference of each.

    `on_progress` is called with each check before it runs.
    """
    return ledger.verify(connection, on_progress, checks(), period)


def is_reproduced(connection: Connection, number: int) -> bool:
    """Whether one closed period comes out the same when it is added up again from legs and entries."""
    return next(ledger.verify(connection, None, CHECKS, number), None) is None
