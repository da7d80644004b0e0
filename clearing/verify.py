"""Verify: recompute from the journal everything that is kept beside it, with set-based SQL.

Each check is one statement that answers with its first difference, or with nothing. Two sides are
compared by adding up both in one pass, so a row that is missing on either side is a difference too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from clearing.core.accounts import CHART, HUB, Account, Asset, EntryKind, Unit
from clearing.core.journal import LegKind, PositionChange, Reason, TransactionKind, VolumeChange
from clearing.kind_lists import FROM_LOT, IN_POINTS, INTO_LOT, numbers
from clearing.query import family

MEASURES = PositionChange._fields


class Found(NamedTuple):
    """The first difference of a check: `place` names the row, the others what it should hold and holds."""

    place: str
    expected: str
    found: str


class Check(NamedTuple):
    """`sql` answers `place, expected, found` of the first difference; `description` says what must hold.

    It takes one parameter, `period`: a number confines it to that period where it can be confined. A check
    that SQL alone cannot make has `find` instead, which is given the connection and the period.
    """

    name: str
    description: str
    sql: str
    find: Callable[[Connection, int | None], Found | None] | None = None

    def run(self, connection: Connection, period: int | None) -> Found | None:
        """The first difference that the SQL finds."""
        row = connection.exec_driver_sql(self.sql, {"period": period}).first()
        return None if row is None else Found(row.place, row.expected, row.found)


class Difference(NamedTuple):
    """What a check found: `where` names the row, the other two say what it should hold and what it holds."""

    check: str
    where: str
    expected: str
    found: str


@contextmanager
def frozen(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the database as of one moment and cannot change it, however long it reads."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


def verify(
    connection: Connection,
    on_progress: Callable[[Check], None] | None = None,
    wanted: Sequence[Check] | None = None,
    period: int | None = None,
) -> Iterator[Difference]:
    """Run the checks (all of the ledger's unless told otherwise); the first difference of each.

    `on_progress` is called before each check. Use a connection of `frozen`: one moment for all checks.
    """
    for check in checks() if wanted is None else wanted:
        if on_progress is not None:
            on_progress(check)
        found = (check.find or check.run)(connection, period)
        if found is not None:
            yield Difference(check.name, *found)


def checks() -> Sequence[Check]:
    """All checks of the ledger, the cheap ones about single rows after those about sums."""
    return CHECKS


def of_period(column: str = "period") -> str:
    """The condition that confines a check to the period asked for; the planner drops it when none is."""
    return f"(%(period)s::int IS NULL OR {column} = %(period)s::int)"


def compare(row: str, key: Sequence[str], measures: Sequence[str], expected: str, found: str) -> str:
    """SQL for the first key of which the two queries' sums differ.

    Both queries have the columns `key` and `measures` (numbers); `row` says in words what a key names.
    """
    keys, values = ", ".join(key), ", ".join(measures)
    place = ", ".join(f"'{column}=' || {column}" for column in key)
    differs = " OR ".join(f"coalesce(sum({measure}), 0) <> 0" for measure in measures)
    taken_away = ", ".join(f"-{measure} AS {measure}" for measure in measures)
    of_first = " AND ".join(f"sides.{column} IS NOT DISTINCT FROM first.{column}" for column in key)

    def text(side: str) -> str:
        sums = (
            f"'{measure}=' || coalesce(sum({measure}) FILTER (WHERE side = '{side}'), 0)"
            for measure in measures
        )
        return f"concat_ws(', ', {', '.join(sums)})"

    # What was found is taken away from what was expected, one sum for both: a third to a half less time. Each
    # by itself is added up only where something is left.
    return f"""
SELECT '{row} (' || concat_ws(', ', {place}) || ')' AS place, sums.expected, sums.found
  FROM (SELECT {keys}
          FROM (SELECT {keys}, {values} FROM ({expected}) AS e
                UNION ALL
                SELECT {keys}, {taken_away} FROM ({found}) AS f) AS left_over
         GROUP BY {keys}
        HAVING {differs}
         ORDER BY {keys}
         LIMIT 1) AS first
 CROSS JOIN LATERAL (SELECT {text("expected")} AS expected, {text("found")} AS found
                       FROM (SELECT 'expected' AS side, {keys}, {values} FROM ({expected}) AS e
                             UNION ALL
                             SELECT 'found', {keys}, {values} FROM ({found}) AS f) AS sides
                      WHERE {of_first}) AS sums
"""  # noqa: S608  put together from constants of this program


def legs_as_positions() -> str:
    """SQL: the cross-system legs added up as positions."""
    measures = MEASURES[1:]
    return f"""
SELECT {", ".join(POSITION_KEY)}, count(*) AS {MEASURES[0]},
       {", ".join(f"sum({measure}) AS {measure}" for measure in measures)}
  FROM legs
 WHERE issuer_id <> acceptor_id AND {of_period()}
 GROUP BY {", ".join(POSITION_KEY)}
"""  # noqa: S608


POSITION_KEY = ("period", "issuer_id", "acceptor_id", "kind")
_TRANSACTION_KEY = ("period", "wallet_id", "transaction_id")


_INTO_ARREARS = numbers(kind for kind, posting in CHART.items() if posting.debit is Account.ARREARS)
_ARREARS_KINDS = numbers(
    kind for kind, posting in CHART.items() if Account.ARREARS in (posting.debit, posting.credit)
)
_MOVED_OUT = numbers(kind for kind, posting in CHART.items() if posting.credit is Account.MOVED)
_MOVED_IN = numbers(kind for kind, posting in CHART.items() if posting.debit is Account.MOVED)

#: Which entries move a leg's points or amount in or out of lots, and which its reversal's.
_LEG_ENTRIES = {
    LegKind.VISIT: (EntryKind.POINTS_ISSUED, EntryKind.POINTS_WITHDRAWN),
    LegKind.ISSUE: (EntryKind.POINTS_ISSUED, EntryKind.POINTS_WITHDRAWN),
    LegKind.REDEMPTION: (EntryKind.POINTS_REDEEMED, EntryKind.POINTS_RETURNED),
    LegKind.SPEND: (EntryKind.VALUE_SPENT, EntryKind.VALUE_RETURNED),
    LegKind.LOAD: (EntryKind.VALUE_LOADED, EntryKind.VALUE_UNLOADED),
}
_IN_EITHER_UNIT = {
    LegKind.OPENING: (EntryKind.POINTS_OPENED, EntryKind.VALUE_OPENED),
    LegKind.ADJUSTMENT: (EntryKind.POINTS_ADJUSTED_UP, EntryKind.POINTS_ADJUSTED_DOWN),
}
#: Of what goes from one wallet to another: into the one, out of the other.
_MOVED = {
    Unit.POINTS: (EntryKind.POINTS_MOVED_IN, EntryKind.POINTS_MOVED_OUT),
    Unit.FEN: (EntryKind.VALUE_MOVED_IN, EntryKind.VALUE_MOVED_OUT),
}
_BY_POINTS = numbers((LegKind.VISIT, LegKind.ISSUE, LegKind.REDEMPTION))


def _cases(pairs: Mapping[LegKind, tuple[EntryKind, EntryKind]], first: str) -> str:
    """SQL: the first entry kind of the pair where the condition holds, else the second."""
    return " ".join(
        f"WHEN {kind:d} THEN CASE WHEN {first} THEN {one:d} ELSE {other:d} END"
        for kind, (one, other) in pairs.items()
    )


_LEG_MOVES = f"""
       CASE kind {_cases(_LEG_ENTRIES, "points + amount > 0")} {_cases(_IN_EITHER_UNIT, "points > 0")}
            WHEN {LegKind.EXPIRY:d} THEN CASE WHEN points > 0 THEN {EntryKind.POINTS_EXPIRED:d}
                                              WHEN points < 0 THEN {EntryKind.BREAKAGE_REVERSED:d}
                                              ELSE {EntryKind.VALUE_EXPIRED:d} END
            WHEN {LegKind.TRANSFER:d} THEN CASE WHEN points > 0 THEN {_MOVED[Unit.POINTS][0]:d}
                                                WHEN points < 0 THEN {_MOVED[Unit.POINTS][1]:d}
                                                WHEN amount > 0 THEN {_MOVED[Unit.FEN][0]:d}
                                                ELSE {_MOVED[Unit.FEN][1]:d} END
       END AS kind,
       abs(CASE WHEN points <> 0 OR kind IN ({_BY_POINTS}) THEN points ELSE amount END) AS quantity
"""

_LOT_BALANCES = compare(
    "lots",
    ("wallet_id", "lot_id"),
    ("lots", "balance"),
    f"""SELECT wallet_id, lot_id, 1 AS lots, sum(quantity) AS balance
          FROM (SELECT wallet_id, credit AS lot_id, quantity FROM entries WHERE kind IN ({INTO_LOT})
                UNION ALL
                SELECT wallet_id, debit, -quantity FROM entries WHERE kind IN ({FROM_LOT})) AS moved
         GROUP BY wallet_id, lot_id""",  # noqa: S608
    "SELECT wallet_id, id AS lot_id, 1 AS lots, available + held AS balance FROM lots",
)

_LOTS_NOT_NEGATIVE = """
SELECT 'lots (wallet_id=' || wallet_id || ', lot_id=' || id || ')' AS place,
       'nothing below zero' AS expected, 'available=' || available || ', held=' || held AS found
  FROM lots
 WHERE available < 0 OR held < 0
 ORDER BY wallet_id, id
 LIMIT 1
"""

_LOT_OWNERS = f"""
SELECT concat('entries (period=', e.period, ', wallet_id=', e.wallet_id,
              ', transaction_id=', e.transaction_id, ', number=', e.number, ')') AS place,
       'issuer_id=' || l.issuer_id || ', asset=' || l.asset AS expected,
       'issuer_id=' || e.owner || ', asset=' || e.asset AS found
  FROM (SELECT period, wallet_id, transaction_id, number,
               CASE WHEN kind IN ({INTO_LOT}) THEN credit ELSE debit END AS lot_id,
               CASE WHEN kind IN ({INTO_LOT}) THEN debit ELSE credit END AS owner,
               CASE WHEN kind IN ({IN_POINTS}) THEN 1 ELSE 2 END AS asset
          FROM entries
         WHERE kind IN ({INTO_LOT}, {FROM_LOT}) AND {of_period()}) AS e
  JOIN lots l ON l.wallet_id = e.wallet_id AND l.id = e.lot_id
 WHERE l.issuer_id <> e.owner OR l.asset <> e.asset
 ORDER BY e.period, e.wallet_id, e.transaction_id, e.number
 LIMIT 1
"""  # noqa: S608

_POSITIONS = compare(
    "positions",
    POSITION_KEY,
    MEASURES,
    legs_as_positions(),
    f"SELECT {', '.join((*POSITION_KEY, *MEASURES))} FROM positions WHERE {of_period()}",  # noqa: S608
)

_OBLIGATIONS_AND_FEES = compare(
    "entries",
    (*_TRANSACTION_KEY, "kind", "debit", "credit"),
    ("quantity",),
    f"""SELECT period, wallet_id, transaction_id,
               CASE WHEN obligation > 0 THEN {EntryKind.OBLIGATION:d}
                    ELSE {EntryKind.OBLIGATION_REVERSED:d} END AS kind,
               CASE WHEN (kind = {LegKind.LOAD:d}) = (obligation > 0) THEN acceptor_id ELSE issuer_id END
                 AS debit,
               CASE WHEN (kind = {LegKind.LOAD:d}) = (obligation > 0) THEN issuer_id ELSE acceptor_id END
                 AS credit,
               abs(obligation) AS quantity
          FROM legs WHERE obligation <> 0 AND {of_period()}
        UNION ALL
        SELECT period, wallet_id, transaction_id, CASE WHEN fee > 0 THEN {EntryKind.FEE:d}
                                                       ELSE {EntryKind.FEE_RETURNED:d} END,
               CASE WHEN fee > 0 THEN payer ELSE 0 END, CASE WHEN fee > 0 THEN 0 ELSE payer END, abs(fee)
          FROM (SELECT period, wallet_id, transaction_id, acceptor_id AS payer, acceptor_fee AS fee FROM legs
                UNION ALL
                SELECT period, wallet_id, transaction_id, issuer_id, issuer_fee FROM legs) AS fees
         WHERE fee <> 0 AND {of_period()}""",  # noqa: S608
    f"""SELECT period, wallet_id, transaction_id, kind, debit, credit, quantity
          FROM entries
         WHERE kind IN ({EntryKind.OBLIGATION:d}, {EntryKind.OBLIGATION_REVERSED:d}, {EntryKind.FEE:d},
                        {EntryKind.FEE_RETURNED:d})
           AND {of_period()}""",  # noqa: S608
)

_DRAWS_AND_CREDITS = compare(
    "entries",
    (*_TRANSACTION_KEY, "kind", "issuer_id"),
    ("quantity",),
    f"""SELECT period, wallet_id, transaction_id, issuer_id, {_LEG_MOVES}
          FROM legs
         WHERE (kind NOT IN ({LegKind.VISIT:d}, {LegKind.ADJUSTMENT:d}) OR issuer_id = acceptor_id)
           AND {of_period()}""",  # noqa: S608
    # Points that pay arrears, or become arrears, are given or taken back without passing through a lot.
    f"""SELECT period, wallet_id, transaction_id,
               CASE WHEN kind IN ({INTO_LOT}) THEN debit ELSE credit END AS issuer_id,
               CASE kind WHEN {EntryKind.ARREARS_PAID:d} THEN {EntryKind.POINTS_ISSUED:d}
                         WHEN {EntryKind.ARREARS_INCURRED:d} THEN {EntryKind.POINTS_WITHDRAWN:d}
                         WHEN {EntryKind.ARREARS_MOVED_OUT:d} THEN {EntryKind.POINTS_MOVED_IN:d}
                         WHEN {EntryKind.ARREARS_MOVED_IN:d} THEN {EntryKind.POINTS_MOVED_OUT:d}
                         ELSE kind END AS kind,
               quantity
          FROM entries
         WHERE kind IN ({INTO_LOT}, {FROM_LOT}, {_ARREARS_KINDS}) AND {of_period()}""",  # noqa: S608
)

_TOTALS_OF_LEGS = compare(
    "transactions",
    (*_TRANSACTION_KEY, "acceptor_id"),
    ("transactions", "points", "amount"),
    f"""SELECT period, wallet_id, transaction_id, acceptor_id, 1 AS transactions,
               sum(points) AS points, sum(amount) AS amount
          FROM legs WHERE {of_period()}
         GROUP BY period, wallet_id, transaction_id, acceptor_id""",  # noqa: S608
    f"""SELECT period, wallet_id, id AS transaction_id, acceptor_id, 1 AS transactions, points, amount
          FROM transactions WHERE {of_period()}""",  # noqa: S608
)

_ENTRIES_HAVE_TRANSACTIONS = f"""
SELECT concat('entries (period=', e.period, ', wallet_id=', e.wallet_id,
              ', transaction_id=', e.transaction_id, ', number=', e.number, ')') AS place,
       'a transaction in the same period' AS expected, 'none' AS found
  FROM entries e
 WHERE {of_period("e.period")}
   AND NOT EXISTS (SELECT FROM transactions t
                    WHERE t.period = e.period AND t.wallet_id = e.wallet_id AND t.id = e.transaction_id)
 ORDER BY e.period, e.wallet_id, e.transaction_id, e.number
 LIMIT 1
"""  # noqa: S608


def _legs_where(fault: str, expected: str, found: str, joins: str = "") -> str:
    """SQL for the first leg (`l`) with the fault; both texts are SQL expressions."""
    return f"""
SELECT 'legs (period=' || l.period || ', wallet_id=' || l.wallet_id || ', transaction_id=' || l.transaction_id
       || ', number=' || l.number || ')' AS place,
       {expected} AS expected, {found} AS found
  FROM legs l {joins}
 WHERE ({fault}) AND {of_period("l.period")}
 ORDER BY l.period, l.wallet_id, l.transaction_id, l.number
 LIMIT 1
"""  # noqa: S608


_OWN_SYSTEM_FREE = _legs_where(
    f"""(l.issuer_id = l.acceptor_id) <> (l.reason = {Reason.OWN_SYSTEM:d})
        OR (l.reason NOT IN ({Reason.EXCHANGE:d}, {Reason.ADJUSTMENT:d}, {Reason.CORRECTED:d})
            AND l.acceptor_fee + l.issuer_fee <> 0)
        OR (l.issuer_id = l.acceptor_id AND l.obligation <> 0)
        OR (l.obligation <> 0
            AND l.kind NOT IN ({LegKind.REDEMPTION:d}, {LegKind.SPEND:d}, {LegKind.LOAD:d},
                               {LegKind.ADJUSTMENT:d}))""",
    "'own_system and free exactly where issuer and acceptor are the same'",
    "concat('issuer_id=', l.issuer_id, ', acceptor_id=', l.acceptor_id, ', kind=', l.kind,"
    " ', reason=', l.reason, ', obligation=', l.obligation, ', fee=', l.acceptor_fee + l.issuer_fee)",
)

_RULES = """
  JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
  JOIN rulebooks r ON r.version = t.rule_version"""

_OBLIGATION_BY_RULE = f"""CASE WHEN l.issuer_id = l.acceptor_id THEN 0
            WHEN l.kind = {LegKind.REDEMPTION:d} AND l.amount = round(l.points * r.point_value)
            THEN round(l.points * r.point_value * r.reimbursement_rate)
            WHEN l.kind IN ({LegKind.REDEMPTION:d}, {LegKind.SPEND:d})
            THEN round(l.amount * r.reimbursement_rate)
            WHEN l.kind = {LegKind.LOAD:d} THEN l.amount
            WHEN l.kind = {LegKind.ADJUSTMENT:d} AND l.acceptor_id <> {HUB} THEN l.amount
            ELSE 0 END"""

_FEE_BY_RULE = """CASE WHEN f.id IS NULL OR (f.rate = 0 AND f.flat = 0 AND coalesce(f.minimum, 0) = 0) THEN 0
            ELSE least(greatest(round(l.amount * f.rate) + f.flat, coalesce(f.minimum, 0)), f.maximum) END"""

#: Nothing is charged on nothing, whatever the rule's minimum.
_FEE_OF_REST = f"CASE WHEN l.points = 0 AND l.amount = 0 THEN 0 ELSE {_FEE_BY_RULE} END"

_OBLIGATIONS_BY_RULE = _legs_where(
    f"t.original_id IS NULL AND l.obligation <> {_OBLIGATION_BY_RULE}",
    f"'obligation=' || {_OBLIGATION_BY_RULE}",
    "'obligation=' || l.obligation",
    _RULES,
)

_FEES_BY_RULE = _legs_where(
    f"t.original_id IS NULL AND l.kind <> {LegKind.ADJUSTMENT:d}"
    f" AND (l.acceptor_fee + l.issuer_fee <> {_FEE_BY_RULE} OR f.since_version > t.rule_version)",
    f"'fee=' || {_FEE_BY_RULE} || ', by a rule since version ' || coalesce(f.since_version, 0)",
    "'fee=' || l.acceptor_fee + l.issuer_fee || ', by version ' || t.rule_version",
    f"{_RULES} LEFT JOIN fee_rules f ON f.id = l.fee_rule_id",
)

#: What was given back of legs in money only. `bare_fee`: fees by themselves.
_CORRECTED = """
SELECT wallet_id, transaction_id, leg_number, sum(quantity) AS quantity, sum(obligation) AS obligation,
       sum(acceptor_fee) AS acceptor_fee, sum(issuer_fee) AS issuer_fee,
       coalesce(sum(acceptor_fee + issuer_fee) FILTER (WHERE quantity = 0), 0) AS bare_fee,
       bool_and(counted) AS counted
  FROM money_corrections
 GROUP BY wallet_id, transaction_id, leg_number
"""

#: What was asked for by amount is the most that its points are worth, less than a point's worth below it.
_WORTH = _legs_where(
    f"""l.kind = {LegKind.REDEMPTION:d} AND t.original_id IS NULL
        AND l.amount <> round(l.points * r.point_value)
        AND NOT (t.amount <= round(t.points * r.point_value) AND t.amount > (t.points - 1) * r.point_value
                 AND abs(l.amount::numeric * t.points - t.amount::numeric * l.points) < t.points)""",
    "concat('what ', l.points, ' of ', t.points, ' points are worth at ', r.point_value, ' fen')",
    "concat('amount=', l.amount, ' of ', t.amount)",
    _RULES,
)

#: What is left of a transaction after its reversals: for each issuer the sums of its legs. `points` and
#: `amount` are without what was corrected in money, and so are obligation and fees, which follow from them.
_LEFT = f"""
SELECT t.wallet_id, t.id AS transaction_id, l.number, l.kind, l.issuer_id, l.acceptor_id, t.rule_version,
       l.fee_rule_id, l.points + s.points AS points_left, l.amount + s.amount AS amount_left,
       CASE WHEN l.kind = {LegKind.REDEMPTION:d}
            THEN greatest(l.points + s.points - coalesce(c.quantity, 0), 0)
            ELSE l.points + s.points END AS points,
       CASE WHEN c.quantity IS NULL THEN l.amount + s.amount
            WHEN l.kind = {LegKind.REDEMPTION:d}
            THEN CASE WHEN l.amount = round(l.points * r.point_value)
                      THEN round(greatest(l.points + s.points - c.quantity, 0) * r.point_value)
                      ELSE round(l.amount::numeric * greatest(l.points + s.points - c.quantity, 0)
                                 / nullif(l.points, 0)) END
            ELSE greatest(l.amount + s.amount - c.quantity, 0) END AS amount,
       l.obligation + s.obligation - coalesce(c.obligation, 0) AS obligation,
       l.acceptor_fee + s.acceptor_fee - coalesce(c.acceptor_fee, 0) AS acceptor_fee,
       l.issuer_fee + s.issuer_fee - coalesce(c.issuer_fee, 0) AS issuer_fee,
       coalesce(c.bare_fee, 0) AS bare_fee, coalesce(c.counted, true) AS counted
  FROM (SELECT coalesce(r.original_wallet_id, r.wallet_id) AS wallet_id, r.original_id, r.original_period,
               b.kind, b.issuer_id, sum(b.points) AS points, sum(b.amount) AS amount,
               sum(b.obligation) AS obligation, sum(b.acceptor_fee) AS acceptor_fee,
               sum(b.issuer_fee) AS issuer_fee
          FROM transactions r
          JOIN legs b ON b.period = r.period AND b.wallet_id = r.wallet_id AND b.transaction_id = r.id
         WHERE r.original_id IS NOT NULL
           AND (%(period)s::int IS NULL
                OR EXISTS (SELECT FROM transactions x
                            WHERE x.original_id = r.original_id
                              AND x.period = %(period)s::int))
         GROUP BY coalesce(r.original_wallet_id, r.wallet_id), r.original_id, r.original_period, b.kind,
                  b.issuer_id) AS s
  LEFT JOIN transactions t
         ON t.wallet_id = s.wallet_id AND t.id = s.original_id AND t.period = s.original_period
  LEFT JOIN legs l ON l.period = t.period AND l.wallet_id = t.wallet_id AND l.transaction_id = t.id
                  AND l.kind = s.kind AND l.issuer_id = s.issuer_id
  LEFT JOIN rulebooks r ON r.version = t.rule_version
  LEFT JOIN ({_CORRECTED}) AS c
         ON c.wallet_id = l.wallet_id AND c.transaction_id = l.transaction_id AND c.leg_number = l.number
"""  # noqa: S608

_REVERSALS = f"""
SELECT concat('transactions (wallet_id=', l.wallet_id, ', transaction_id=', l.transaction_id,
              '), leg ', l.number, ' less its reversals') AS place,
       concat('nothing below zero, obligation=', {_OBLIGATION_BY_RULE}, ', fee=', {_FEE_OF_REST},
              CASE WHEN l.bare_fee <> 0 THEN ' less ' || l.bare_fee END) AS expected,
       concat('points=', l.points_left, ', amount=', l.amount_left, ', obligation=', l.obligation, ', fee=',
              l.acceptor_fee, '+', l.issuer_fee) AS found
  FROM ({_LEFT}) AS l
  LEFT JOIN rulebooks r ON r.version = l.rule_version
  LEFT JOIN fee_rules f ON f.id = l.fee_rule_id
 WHERE l.number IS NULL OR l.points_left < 0 OR l.amount_left < 0
    OR (l.counted AND (l.acceptor_fee < 0 OR l.issuer_fee < 0 OR l.obligation <> {_OBLIGATION_BY_RULE}
                       OR CASE WHEN l.bare_fee = 0
                               THEN l.acceptor_fee + l.issuer_fee <> {_FEE_OF_REST}
                               -- Of each payer's part no more is given back than there is.
                               ELSE l.acceptor_fee + l.issuer_fee
                                    NOT BETWEEN greatest({_FEE_OF_REST} - l.bare_fee, 0) AND {_FEE_OF_REST}
                          END))
 ORDER BY l.wallet_id, l.transaction_id, l.number
 LIMIT 1
"""  # noqa: S608

_HELD = compare(
    "lots",
    ("wallet_id", "lot_id"),
    ("held",),
    """SELECT d.wallet_id, d.lot_id, d.quantity AS held
         FROM hold_draws d
         JOIN holds h ON h.wallet_id = d.wallet_id AND h.id = d.hold_id
        WHERE h.status = 'held'""",
    "SELECT wallet_id, id AS lot_id, held FROM lots",
)

_HOLDS = f"""
SELECT concat('holds (wallet_id=', h.wallet_id, ', id=', h.id, ')') AS place,
       CASE h.status WHEN 'captured' THEN 'a transaction of ' || h.captured
                     ELSE 'no transaction' END AS expected,
       concat(t.id, ' of ', CASE t.kind WHEN {TransactionKind.SPEND:d} THEN t.amount
                                        ELSE t.points END) AS found
  FROM holds h
  LEFT JOIN transactions t ON t.wallet_id = h.wallet_id AND t.id = h.id
 WHERE (h.status = 'captured') <> (t.id IS NOT NULL)
    OR h.captured <> coalesce(CASE t.kind WHEN {TransactionKind.SPEND:d} THEN t.amount ELSE t.points END, 0)
 ORDER BY h.wallet_id, h.id
 LIMIT 1
"""  # noqa: S608

_ARREARS = compare(
    "arrears",
    ("wallet_id", "issuer_id"),
    ("points",),
    f"""SELECT wallet_id, debit AS issuer_id,
               CASE WHEN kind IN ({_INTO_ARREARS}) THEN quantity ELSE -quantity END AS points
          FROM entries WHERE kind IN ({_ARREARS_KINDS})""",  # noqa: S608
    "SELECT wallet_id, issuer_id, points FROM arrears",
)

_OWED_AND_USABLE = f"""
SELECT concat('arrears (wallet_id=', a.wallet_id, ', issuer_id=', a.issuer_id, ')') AS place,
       'nothing available in lots of an issuer who is owed points' AS expected,
       concat('arrears=', a.points, ', available=', l.available, ' in lot ', l.id) AS found
  FROM arrears a
  JOIN lots l ON l.wallet_id = a.wallet_id AND l.issuer_id = a.issuer_id AND l.asset = {Asset.POINTS:d}
 WHERE a.points > 0 AND l.available > 0
 ORDER BY a.wallet_id, a.issuer_id, l.id
 LIMIT 1
"""  # noqa: S608

_VOLUME_KEY = ("period", "rule_id", "issuer_id", "acceptor_id", "of_period")
_VOLUME_MEASURES = VolumeChange._fields

_VOLUMES = compare(
    "fee_volumes",
    _VOLUME_KEY,
    _VOLUME_MEASURES,
    f"""SELECT l.period, l.fee_rule_id AS rule_id, l.issuer_id, l.acceptor_id,
               coalesce(t.original_period, t.period) AS of_period,
               {", ".join(f"l.{measure}" for measure in _VOLUME_MEASURES)}
          FROM legs l
          JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
         WHERE l.fee_rule_id IN (SELECT id FROM fee_rules WHERE tiers <> '[]')
           AND l.issuer_id <> l.acceptor_id AND {of_period("l.period")}""",  # noqa: S608
    f"SELECT {', '.join((*_VOLUME_KEY, *_VOLUME_MEASURES))} FROM fee_volumes WHERE {of_period()}",  # noqa: S608
)

#: A debtor's debit grows by the obligation, a creditor's falls by it; fees are owed to the hub.
_EXPOSURES = compare(
    "exposures",
    ("period", "participant_id"),
    ("debit",),
    f"""SELECT period, participant_id, debit
          FROM (SELECT period, issuer_id, acceptor_id, sum(acceptor_fee) AS acceptor_fee,
                       sum(issuer_fee) AS issuer_fee,
                       sum(CASE kind WHEN {LegKind.LOAD:d} THEN -obligation ELSE obligation END) AS owed
                  FROM legs WHERE {of_period()}
                 GROUP BY period, issuer_id, acceptor_id) AS l
         CROSS JOIN LATERAL (VALUES (issuer_id, issuer_fee + owed), (acceptor_id, acceptor_fee - owed))
                    AS parties (participant_id, debit)""",  # noqa: S608
    f"SELECT period, participant_id, debit FROM exposures WHERE {of_period()}",  # noqa: S608
)

_ONE_PERIOD = """
SELECT 'transactions (wallet_id=' || wallet_id || ', transaction_id=' || id || ')' AS place,
       '1 period' AS expected, count(*) || ' periods' AS found
  FROM transactions
 GROUP BY wallet_id, id
HAVING count(*) > 1
 ORDER BY wallet_id, id
 LIMIT 1
"""

_PERIOD_BOUNDS = f"""
SELECT concat('transactions (period=', t.period, ', wallet_id=', t.wallet_id, ', transaction_id=', t.id, ')')
         AS place,
       concat('booked from ', p.starts_at, ' and before ', p.ends_at,
              ', late=', t.occurred_at < p.starts_at) AS expected,
       concat('booked ', t.booked_at, ', occurred ', t.occurred_at, ', late=', t.late) AS found
  FROM transactions t
  LEFT JOIN periods p ON p.number = t.period
 WHERE (p.number IS NULL OR t.booked_at < p.starts_at OR t.booked_at >= p.ends_at
        OR t.late <> (t.occurred_at < p.starts_at))
   AND {of_period("t.period")}
 ORDER BY t.period, t.wallet_id, t.id
 LIMIT 1
"""  # noqa: S608

# Months without a posting may not have been opened yet; where the names follow each other, so do the times.
_PERIODS_APART = """
SELECT 'periods (number=' || number || ')' AS place,
       'begins at ' || previous_end || CASE WHEN follows THEN '' ELSE ' or later' END AS expected,
       'begins at ' || starts_at AS found
  FROM (SELECT number, starts_at, lag(ends_at) OVER (ORDER BY number) AS previous_end,
               lag(number) OVER (ORDER BY number)
                 = CASE WHEN mod(number, 100) = 1 THEN number - 89 ELSE number - 1 END AS follows
          FROM periods) AS p
 WHERE starts_at < previous_end OR (follows AND starts_at <> previous_end)
 ORDER BY number
 LIMIT 1
"""

#: Cheap, so it is also asked where the whole journal is not added up.
PERIODS = Check("periods_apart", "Periods follow each other without gap or overlap", _PERIODS_APART)

_OUTCOMES = f"""
SELECT 'outcomes (key=' || o.key || ')' AS place,
       'transaction (wallet_id=' || o.wallet_id || ', transaction_id=' || o.transaction_id || ')' AS expected,
       'none' AS found
  FROM outcomes o
 WHERE o.transaction_id IS NOT NULL
   AND NOT EXISTS (SELECT FROM transactions t WHERE t.wallet_id = o.wallet_id AND t.id = o.transaction_id)
 UNION ALL
SELECT 'outcomes (key=' || o.key || ')', 'hold (wallet_id=' || o.wallet_id || ', id=' || o.hold_id || ')',
       'none'
  FROM outcomes o
 WHERE o.hold_id IS NOT NULL
   AND NOT EXISTS (SELECT FROM holds h WHERE h.wallet_id = o.wallet_id AND h.id = o.hold_id)
   AND NOT EXISTS (SELECT FROM holds h JOIN ({family("o.wallet_id")}) AS f ON h.wallet_id = f.id
                    WHERE h.id = o.hold_id)
 LIMIT 1
"""  # noqa: S608

_KEYS = f"""
SELECT 'transactions (wallet_id=' || wallet_id || ', transaction_id=' || transaction_id || ')' AS place,
       '1 idempotency key' AS expected, count(*) || ' idempotency keys' AS found
  FROM outcomes
 WHERE transaction_id IS NOT NULL
 GROUP BY wallet_id, transaction_id
HAVING count(*) > 1
 UNION ALL
SELECT concat('transactions (period=', t.period, ', wallet_id=', t.wallet_id, ', transaction_id=', t.id, ')'),
       '1 idempotency key', 'none'
  FROM transactions t
 WHERE t.kind IN ({numbers(TransactionKind)}) AND t.kind <> {TransactionKind.TRANSFER:d}
   AND NOT EXISTS (SELECT FROM outcomes o WHERE o.wallet_id = t.wallet_id AND o.transaction_id = t.id)
   -- Breakage is reversed beside the reversal of an accrual, under its key.
   AND NOT EXISTS (SELECT FROM transactions e
                    WHERE e.wallet_id = coalesce(t.original_wallet_id, t.wallet_id) AND e.id = t.original_id
                      AND e.kind = {TransactionKind.EXPIRY:d})
 LIMIT 1
"""  # noqa: S608

_MOVES = f"""
SELECT concat('entries moved between wallets (period=', period, ', issuer_id=', issuer_id, ', unit=', unit,
              ')') AS place,
       'as much in as out' AS expected, 'in less out=' || sum(quantity) AS found
  FROM (SELECT period, CASE WHEN kind IN ({_MOVED_OUT}) THEN credit ELSE debit END AS issuer_id,
               CASE WHEN kind IN ({IN_POINTS}) THEN 'points' ELSE 'fen' END AS unit,
               CASE WHEN kind IN ({_MOVED_OUT}) THEN -quantity ELSE quantity END AS quantity
          FROM entries WHERE kind IN ({_MOVED_OUT}, {_MOVED_IN}) AND {of_period()}) AS moved
 GROUP BY period, issuer_id, unit
HAVING sum(quantity) <> 0
 ORDER BY period, issuer_id, unit
 LIMIT 1
"""  # noqa: S608

_MERGED = """
SELECT 'wallets (id=' || w.id || ')' AS place, 'nothing, as it was merged into ' || w.merged_into AS expected,
       has.found
  FROM wallets w
  JOIN (SELECT wallet_id, 'member ' || id AS found FROM members
        UNION ALL SELECT wallet_id, 'card ' || number FROM cards
        UNION ALL SELECT wallet_id, 'lot ' || id FROM lots WHERE available + held > 0
        UNION ALL SELECT wallet_id, 'arrears of ' || issuer_id FROM arrears WHERE points > 0
        UNION ALL SELECT wallet_id, 'hold ' || id FROM holds WHERE status = 'held'
        UNION ALL SELECT merged_into, 'merged wallet ' || id FROM wallets) AS has
    ON has.wallet_id = w.id
 WHERE w.merged_into IS NOT NULL
 ORDER BY w.id, has.found
 LIMIT 1
"""

_SHARERS = """
SELECT 'cards (number=' || c.number || ')' AS place, 'in its member''s wallet' AS expected,
       concat('member in ', m.wallet_id, ', card in ', c.wallet_id) AS found
  FROM cards c JOIN members m ON m.id = c.member_id
 WHERE c.wallet_id <> m.wallet_id
 UNION ALL
SELECT 'wallets (id=' || wallet_id || ')', '1 member of participant ' || participant_id,
       count(*) || ' members'
  FROM members
 GROUP BY wallet_id, participant_id
HAVING count(*) > 1
 LIMIT 1
"""

_REFERENCES = f"""
SELECT concat(r.name, ' (merchant_id=', r.merchant_id, ', kind=', r.kind, ', reference=', r.reference, ')')
         AS place,
       'a transaction of that merchant, kind and reference' AS expected, 'none' AS found
  FROM (SELECT 'merchant_references' AS name, merchant_id, kind, reference, wallet_id, transaction_id,
               coalesce(written, reference) AS written
          FROM merchant_references
         UNION ALL
        SELECT 'reference_collisions', merchant_id, kind, reference, wallet_id, transaction_id, written
          FROM reference_collisions) AS r
 WHERE NOT EXISTS (SELECT FROM transactions t
                    WHERE t.wallet_id = r.wallet_id AND t.id = r.transaction_id
                      AND t.kind = r.kind AND t.reference = r.written
                      AND r.merchant_id = CASE WHEN t.kind = {TransactionKind.OPENING} THEN t.acceptor_id
                                               ELSE t.merchant_id END)
   AND NOT EXISTS (SELECT FROM holds h
                    WHERE h.wallet_id = r.wallet_id AND h.id = r.transaction_id
                      AND h.merchant_id = r.merchant_id AND h.kind = r.kind AND h.reference = r.written)
 ORDER BY r.name, r.merchant_id, r.kind, r.reference
 LIMIT 1
"""  # noqa: S608  a number of ours

CHECKS = (
    Check(
        "lot_balances", "A lot's credits less its debits are what it has available and held", _LOT_BALANCES
    ),
    Check("lots_not_negative", "No lot is below zero", _LOTS_NOT_NEGATIVE),
    Check("lot_owners", "Entries on a lot are its issuer's and in its unit", _LOT_OWNERS),
    Check("positions", "Running positions are the sums of the cross-system legs", _POSITIONS),
    Check(
        "obligations_and_fees", "Entries of obligations and fees are those of the legs", _OBLIGATIONS_AND_FEES
    ),
    Check("draws_and_credits", "What legs use and give out is what entries move in lots", _DRAWS_AND_CREDITS),
    Check("totals_of_legs", "A transaction has legs, and is their sum", _TOTALS_OF_LEGS),
    Check("entries_have_transactions", "Every entry belongs to a transaction", _ENTRIES_HAVE_TRANSACTIONS),
    Check("own_system_free", "Own-system legs, and only they, are own_system and free", _OWN_SYSTEM_FREE),
    Check(
        "obligations_by_rule", "Obligations are those of the rulebook that judged them", _OBLIGATIONS_BY_RULE
    ),
    Check("worth", "A redemption is worth what its points are, and each leg its share", _WORTH),
    Check("fees_by_rule", "Fees are those of the rule that priced them", _FEES_BY_RULE),
    Check("reversals", "What reversals leave is worth, owes and costs what its rules say", _REVERSALS),
    Check("held", "What lots hold is what open holds have set aside", _HELD),
    Check("holds", "A hold has a transaction of what was captured, or none", _HOLDS),
    Check("arrears", "Arrears are what the journal made and paid", _ARREARS),
    Check("arrears_paid", "Points that a wallet has of an issuer have paid its arrears", _OWED_AND_USABLE),
    Check("fee_volumes", "Volumes of fee rules with tiers are the sums of their legs", _VOLUMES),
    Check("exposures", "What participants owe on balance is the sum of the legs", _EXPOSURES),
    Check("one_period", "A transaction lies in one period", _ONE_PERIOD),
    Check("period_bounds", "It is booked within its period, and late if it occurred before", _PERIOD_BOUNDS),
    PERIODS,
    Check("outcomes", "Outcomes of keys name existing transactions", _OUTCOMES),
    Check("keys", "A transaction is the outcome of one key", _KEYS),
    Check("moves", "What leaves a wallet for another comes into it", _MOVES),
    Check("merged", "A wallet merged into another has nothing", _MERGED),
    Check("sharers", "Cards lie with their members, one of each participant in a wallet", _SHARERS),
    Check("references", "Merchants' references name their transactions", _REFERENCES),
)
