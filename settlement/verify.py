"""Verify settlements: what closed periods were settled on, recomputed from the journal."""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection

from clearing import verify as ledger
from clearing.core.accounts import CHART, HUB, Account, Asset, EntryKind, Unit
from clearing.core.journal import LegKind
from clearing.verify import MEASURES, POSITION_KEY, Check, Difference, compare, legs_as_positions, of_period
from settlement.liabilities import MOVED_BY_MONTH

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

#: What is added up after a closing is there for all of a period or for nothing of it.
_ADDED_UP = "period IN (SELECT period FROM liabilities)"

#: Which part of a roll-forward an entry belongs to. That something was used elsewhere stands in the legs.
_PARTS = {
    EntryKind.POINTS_ISSUED: {"issued": 1},
    EntryKind.POINTS_WITHDRAWN: {"issued": -1},
    EntryKind.ARREARS_PAID: {"issued": 1, "arrears": -1},
    EntryKind.ARREARS_INCURRED: {"issued": -1, "arrears": 1},
    EntryKind.VALUE_LOADED: {"issued": 1},
    EntryKind.VALUE_UNLOADED: {"issued": -1},
    EntryKind.POINTS_OPENED: {"opened": 1},
    EntryKind.VALUE_OPENED: {"opened": 1},
    EntryKind.POINTS_REDEEMED: {"used": 1},
    EntryKind.POINTS_RETURNED: {"used": -1},
    EntryKind.VALUE_SPENT: {"used": 1},
    EntryKind.VALUE_RETURNED: {"used": -1},
    EntryKind.POINTS_EXPIRED: {"expired": 1},
    EntryKind.VALUE_EXPIRED: {"expired": 1},
    EntryKind.POINTS_ADJUSTED_UP: {"adjusted": 1},
    EntryKind.POINTS_ADJUSTED_DOWN: {"adjusted": -1},
}
_LIABILITY_KEY = ("period", "issuer_id", "asset")
_MOVEMENTS = ("issued", "opened", "used", "expired", "adjusted", "arrears")


def _movement(kind: EntryKind) -> str:
    """SQL: the entries of one kind as movements of the issuer's liability."""
    owner = "credit" if CHART[kind].debit is Account.LOT else "debit"
    asset = Asset.POINTS if CHART[kind].unit is Unit.POINTS else Asset.STORED_VALUE
    parts = ", ".join(f"{_PARTS[kind].get(part, 0)} * quantity" for part in _MOVEMENTS)
    return (
        f"SELECT period, {owner}, {asset:d}, 0, {parts}, 0"  # noqa: S608
        f" FROM entries WHERE kind = {kind:d} AND {_ADDED_UP} AND {of_period()}"
    )


#: SQL: each period for which liabilities are there, and the one before it.
_BEFORE = """
SELECT period, lag(period) OVER (ORDER BY period) AS before
  FROM (SELECT DISTINCT period FROM liabilities) AS p
"""

_LIABILITIES = compare(
    "liabilities",
    _LIABILITY_KEY,
    ("opening", *_MOVEMENTS, "used_elsewhere"),
    f"""SELECT b.period, l.issuer_id, l.asset, l.closing AS opening,
               {", ".join(f"0 AS {part}" for part in _MOVEMENTS)}, 0 AS used_elsewhere
          FROM ({_BEFORE}) AS b JOIN liabilities l ON l.period = b.before WHERE {of_period("b.period")}
        UNION ALL
        {" UNION ALL ".join(map(_movement, _PARTS))}
        UNION ALL
        SELECT period, issuer_id,
               CASE kind WHEN {LegKind.SPEND:d} THEN {Asset.STORED_VALUE:d} ELSE {Asset.POINTS:d} END,
               0, {", ".join("0" for _ in _MOVEMENTS)},
               CASE kind WHEN {LegKind.SPEND:d} THEN amount ELSE points END
          FROM legs
         WHERE kind IN ({LegKind.SPEND:d}, {LegKind.REDEMPTION:d}) AND issuer_id <> acceptor_id
           AND {_ADDED_UP} AND {of_period()}""",  # noqa: S608
    f"""SELECT period, issuer_id, asset, opening, issued, opened, used_own + used_elsewhere AS used, expired,
               adjusted, arrears, used_elsewhere
          FROM liabilities WHERE {of_period()}""",  # noqa: S608
)

_LIABILITY_MONTHS = compare(
    "liability_months",
    (*_LIABILITY_KEY, "month"),
    ("quantity",),
    f"""SELECT b.period, m.issuer_id, m.asset, m.month, m.quantity
          FROM ({_BEFORE}) AS b JOIN liability_months m ON m.period = b.before WHERE {of_period("b.period")}
        UNION ALL
        SELECT * FROM ({MOVED_BY_MONTH}) AS moved WHERE {_ADDED_UP} AND {of_period()}""",  # noqa: S608
    f"SELECT period, issuer_id, asset, month, quantity FROM liability_months WHERE {of_period()}",  # noqa: S608
)

_STATEMENT_SIZES = compare(
    "statement_sizes",
    ("period", "participant_id"),
    ("lines",),
    f"""SELECT period, issuer_id AS participant_id, 1 AS lines FROM legs
         WHERE issuer_id <> {HUB} AND {_ADDED_UP} AND {of_period()}
        UNION ALL
        SELECT period, acceptor_id, 1 FROM legs
         WHERE issuer_id <> acceptor_id AND acceptor_id <> {HUB} AND {_ADDED_UP} AND {of_period()}""",  # noqa: S608
    f"SELECT period, participant_id, lines FROM statement_sizes WHERE {of_period()}",  # noqa: S608
)

CHECKS = (
    Check("settlements", "A closed period, and only a closed one, has a settlement", _HAS_SETTLEMENT),
    Check("settled_positions", "Closed periods were settled on the sums of their legs", _SETTLED_POSITIONS),
    Check("settled_nets", "Their nets are the sums of their entries", _SETTLED_NETS),
    Check("zero_sum", "The participants' nets and the hub's add up to nothing", _ZERO_SUM),
    Check("statements", "Each participant of a settlement has one statement", _STATEMENTS),
    Check("liabilities", "What issuers owe members was rolled forward by their entries", _LIABILITIES),
    Check("liability_months", "It ends in the months in which its lots end", _LIABILITY_MONTHS),
    Check("statement_sizes", "Statements have as many lines as there are legs", _STATEMENT_SIZES),
)


def checks() -> Sequence[Check]:
    """All checks: the ledger's, then those of settlements."""
    return (*ledger.checks(), *CHECKS)


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
