"""Verify settlements: what closed periods were settled on, recomputed from the journal."""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection

from clearing import verify as ledger
from clearing.adjustments import HUB_WALLET
from clearing.core.accounts import CHART, HUB, Asset, EntryKind, Unit
from clearing.core.journal import LegKind
from clearing.kind_lists import FROM_LOT, numbers
from clearing.proof import check as seal
from clearing.verify import MEASURES, POSITION_KEY, Check, Difference, compare, legs_as_positions, of_period
from settlement.core.balance import PaymentDirection
from settlement.disputes import checks as disputes
from settlement.liabilities import MOVED_BY_MONTH

#: Those of which the nets have been written; a closing may be on its way. As arrays, as the planner would
#: look up the period of each row.
_CLOSED = "period = ANY(ARRAY(SELECT period FROM settlements WHERE zero_sum IS NOT NULL))"

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

#: What entries of these kinds moved in closed periods. Everywhere below: added up first, by no more than is
#: asked for, as that can be done by several processes, and once for all that is made of it.
_OWED = f"""
SELECT period, kind, debit, credit, wallet_id <> {HUB_WALLET} AS exchanged, sum(quantity) AS moved
  FROM entries
 WHERE kind IN ({EntryKind.OBLIGATION:d}, {EntryKind.OBLIGATION_REVERSED:d}, {EntryKind.FEE:d},
                {EntryKind.FEE_RETURNED:d})
   AND {_CLOSED} AND {of_period()}
 GROUP BY period, kind, debit, credit, exchanged
"""  # noqa: S608

# From the entries, which know nothing of legs: what was debited is owed, what was credited is due. A reversal
# takes both back, from the one who was to be paid. The hub is on the other side of each fee.
_SETTLED_NETS = compare(
    "settlement_nets",
    ("period", "participant_id"),
    ("receivable", "payable", "fees", "adjustments", "net"),
    f"""SELECT period, participant_id,
               CASE WHEN exchanged AND side = 'credit' THEN moved ELSE 0 END AS receivable,
               CASE WHEN exchanged AND side = 'debit' THEN moved ELSE 0 END AS payable,
               CASE WHEN side = 'fee' THEN moved ELSE 0 END AS fees,
               CASE WHEN exchanged OR side = 'fee' THEN 0 WHEN side = 'credit' THEN moved ELSE -moved END
                 AS adjustments,
               CASE WHEN side = 'credit' THEN moved ELSE -moved END AS net
          FROM (SELECT owed.period, sides.*
                  FROM ({_OWED}) AS owed
                 CROSS JOIN LATERAL (VALUES
                        ({EntryKind.OBLIGATION:d}, credit, 'credit', moved, exchanged),
                        ({EntryKind.OBLIGATION:d}, debit, 'debit', moved, exchanged),
                        ({EntryKind.OBLIGATION_REVERSED:d}, debit, 'credit', -moved, true),
                        ({EntryKind.OBLIGATION_REVERSED:d}, credit, 'debit', -moved, true),
                        ({EntryKind.FEE:d}, debit, 'fee', moved, false),
                        ({EntryKind.FEE_RETURNED:d}, credit, 'fee', -moved, false))
                       AS sides (of, participant_id, side, moved, exchanged)
                 WHERE sides.of = owed.kind) AS entered""",  # noqa: S608
    f"""SELECT period, participant_id, receivable, payable, fees, adjustments,
               net - rebates - carried_forward AS net
          FROM settlement_nets WHERE {of_period()}""",  # noqa: S608
)

#: No earlier month than this is concerned by what is asked for.
_FIRST_MONTH = """
SELECT least(min(coalesce(t.original_period, t.period)),
             (SELECT min(of_period) FROM money_corrections WHERE period = %(period)s::int))
  FROM transactions t WHERE t.period = %(period)s::int
"""

#: Legs that a rule with tiers has priced, by the month of what they are of; up to the period asked for.
_TIERED_LEGS = f"""
SELECT l.period, coalesce(t.original_period, t.period) AS of_period, l.wallet_id, l.transaction_id, l.number,
       l.kind, l.fee_rule_id AS rule_id, l.issuer_id, l.acceptor_id, l.amount, l.acceptor_fee, l.issuer_fee
  FROM legs l
  JOIN fee_rules f ON f.id = l.fee_rule_id AND f.tiers <> '[]'
  JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
 WHERE l.issuer_id <> l.acceptor_id AND l.{_CLOSED}
   AND (%(period)s::int IS NULL OR l.period BETWEEN ({_FIRST_MONTH}) AND %(period)s::int)
"""  # noqa: S608

#: What disputes have corrected of them in money, and what was reversed of the same, by period.
_UNDONE = f"""
SELECT l.wallet_id, l.transaction_id, l.number, c.period, l.amount, c.amount AS corrected, 0 AS reversed,
       c.acceptor_fee, c.issuer_fee
  FROM ({_TIERED_LEGS}) AS l
  JOIN money_corrections c ON c.wallet_id = l.wallet_id AND c.transaction_id = l.transaction_id
                          AND c.leg_number = l.number AND c.leg_period = l.period
 WHERE %(period)s::int IS NULL OR c.period <= %(period)s::int
 UNION ALL
SELECT l.wallet_id, l.transaction_id, l.number, r.period, l.amount, 0, -b.amount, 0, 0
  FROM ({_TIERED_LEGS}) AS l
  JOIN transactions r ON r.original_id = l.transaction_id
                     AND coalesce(r.original_wallet_id, r.wallet_id) = l.wallet_id
  JOIN legs b ON b.period = r.period AND b.wallet_id = r.wallet_id AND b.transaction_id = r.id
             AND b.kind = l.kind AND b.issuer_id = l.issuer_id
 WHERE (l.wallet_id, l.transaction_id, l.number)
       IN (SELECT wallet_id, transaction_id, leg_number FROM money_corrections)
   AND (%(period)s::int IS NULL OR r.period <= %(period)s::int)
"""  # noqa: S608

#: The part of it that is in no leg: a reversal's is, of what was corrected and reversed too.
_IN_MONEY = """least(sum(sum(corrected)) OVER so_far,
             CASE WHEN amount < 0 THEN 0 ELSE amount - sum(sum(reversed)) OVER so_far END)"""

_CORRECTED = f"""
SELECT wallet_id, transaction_id, number, period, acceptor_fee, issuer_fee,
       in_money - coalesce(lag(in_money) OVER (PARTITION BY wallet_id, transaction_id, number
                                               ORDER BY period), 0) AS amount
  FROM (SELECT wallet_id, transaction_id, number, period, {_IN_MONEY} AS in_money,
               sum(acceptor_fee) AS acceptor_fee, sum(issuer_fee) AS issuer_fee
          FROM ({_UNDONE}) AS u
         GROUP BY wallet_id, transaction_id, number, period, amount
        WINDOW so_far AS (PARTITION BY wallet_id, transaction_id, number ORDER BY period)) AS by_period
"""  # noqa: S608

_VOLUMES = f"""
SELECT period, of_period, rule_id, issuer_id, acceptor_id, amount, acceptor_fee, issuer_fee
  FROM ({_TIERED_LEGS}) AS l
 UNION ALL
SELECT c.period, l.of_period, l.rule_id, l.issuer_id, l.acceptor_id, -c.amount, -c.acceptor_fee, -c.issuer_fee
  FROM ({_CORRECTED}) AS c
  JOIN ({_TIERED_LEGS}) AS l USING (wallet_id, transaction_id, number)
 WHERE c.{_CLOSED}
"""  # noqa: S608

#: Both sides of it, and of which month it is part: before rebates were reclaimed, always of the period's own.
_TIERED = f"""
SELECT v.period, CASE WHEN s.reclaims THEN v.of_period ELSE v.period END AS of_period, v.rule_id,
       sides.payer_id, sides.as_acceptor, v.amount, sides.fee, sides.share
  FROM ({_VOLUMES}) AS v
  JOIN settlements s ON s.period = v.period
  JOIN fee_rules f ON f.id = v.rule_id
 CROSS JOIN LATERAL (VALUES (v.acceptor_id, 1, v.acceptor_fee, f.acceptor_share),
                            (v.issuer_id, 0, v.issuer_fee, 1 - f.acceptor_share))
                    AS sides (payer_id, as_acceptor, fee, share)
 WHERE sides.share > 0
"""  # noqa: S608

#: Each tier of a rule, where the next one begins, and what its rate saves.
_TIERS = """
SELECT f.id AS rule_id, (tier ->> 'above')::bigint AS above, f.rate - (tier ->> 'rate')::numeric AS saves,
       lead((tier ->> 'above')::bigint) OVER (PARTITION BY f.id ORDER BY place) AS ends
  FROM fee_rules f, jsonb_array_elements(f.tiers) WITH ORDINALITY AS tiers (tier, place)
"""

_REBATE_KEY = ("period", "rule_id", "payer_id", "as_acceptor", "of_period")

#: By period and month, what was added and what all up to there comes to.
_ACCUMULATED = f"""
SELECT period, of_period, rule_id, payer_id, as_acceptor, share, sum(amount) AS volume, sum(fee) AS fees,
       sum(sum(amount)) OVER so_far AS volume_so_far, sum(sum(fee)) OVER so_far AS fees_so_far
  FROM ({_TIERED}) AS paid
 GROUP BY period, of_period, rule_id, payer_id, as_acceptor, share
WINDOW so_far AS (PARTITION BY of_period, rule_id, payer_id, as_acceptor ORDER BY period)
"""  # noqa: S608

# Of a month that is over, the rebate on what remains less what was given on it before.
_REBATES = compare(
    "settlement_rebates",
    _REBATE_KEY,
    ("volume", "fees", "rebate"),
    f"""SELECT period, rule_id, payer_id, as_acceptor, of_period, volume, fees,
               greatest(least(round(share * saved), fees_so_far), 0)
               - coalesce((SELECT sum(g.rebate) FROM settlement_rebates g
                            WHERE g.of_period = volumes.of_period AND g.rule_id = volumes.rule_id
                              AND g.payer_id = volumes.payer_id AND g.as_acceptor::int = volumes.as_acceptor
                              AND g.period < volumes.period), 0) AS rebate
          FROM (SELECT v.*, (SELECT sum(greatest(least(v.volume_so_far, coalesce(t.ends, v.volume_so_far))
                                                 - t.above, 0)
                                        * t.saves)
                               FROM ({_TIERS}) AS t WHERE t.rule_id = v.rule_id) AS saved
                  FROM ({_ACCUMULATED}) AS v) AS volumes
         WHERE {of_period()}""",  # noqa: S608
    f"""SELECT period, rule_id, payer_id, as_acceptor::int AS as_acceptor, of_period, volume, fees, rebate
          FROM settlement_rebates WHERE {of_period()}""",  # noqa: S608
)

_REBATES_IN_NETS = compare(
    "settlement_nets",
    ("period", "participant_id"),
    ("rebates",),
    f"""SELECT period, payer_id AS participant_id, rebate AS rebates
          FROM settlement_rebates WHERE {of_period()}""",  # noqa: S608
    f"SELECT period, participant_id, rebates FROM settlement_nets WHERE {of_period()}",  # noqa: S608
)

#: Each settlement with the numbers up to which those before it have stated payments and carry-forwards.
_SPANS = """
SELECT period, last_payment, last_carry_forward,
       coalesce(lag(last_payment) OVER (ORDER BY period), 0) AS after_payment,
       coalesce(lag(last_carry_forward) OVER (ORDER BY period), 0) AS after_carry_forward
  FROM settlements
"""

_PAID = f"CASE p.direction WHEN '{PaymentDirection.IN}' THEN p.amount ELSE -p.amount END"

_CARRIED = compare(
    "settlement_nets",
    ("period", "participant_id"),
    ("carried_forward",),
    f"""SELECT s.period, c.participant_id, c.amount AS carried_forward
          FROM carry_forwards c
          JOIN ({_SPANS}) AS s ON c.id > s.after_carry_forward AND c.id <= s.last_carry_forward
         WHERE {of_period("s.period")}""",  # noqa: S608
    f"SELECT period, participant_id, carried_forward FROM settlement_nets WHERE {of_period()}",  # noqa: S608
)

_STATED_PAYMENTS = compare(
    "settlement_nets",
    ("period", "participant_id"),
    ("payments",),
    f"""SELECT s.period, p.participant_id, {_PAID} AS payments
          FROM payments p
          JOIN ({_SPANS}) AS s ON p.id > s.after_payment AND p.id <= s.last_payment
         WHERE {of_period("s.period")}""",  # noqa: S608
    f"SELECT period, participant_id, payments FROM settlement_nets WHERE {of_period()}",  # noqa: S608
)

_OPENING_BALANCES = compare(
    "settlement_nets",
    ("period", "participant_id"),
    ("opening_balance",),
    f"""SELECT later.period, n.participant_id, n.net - n.carried_forward + n.payments AS opening_balance
          FROM settlement_nets later
          JOIN settlement_nets n ON n.participant_id = later.participant_id AND n.period < later.period
         WHERE {of_period("later.period")}""",  # noqa: S608
    f"SELECT period, participant_id, opening_balance FROM settlement_nets WHERE {of_period()}",  # noqa: S608
)

_REVERSED_PAYMENTS = f"""
SELECT 'payments (id=' || p.id || ')' AS place,
       concat_ws(', ', 'period=' || o.period, 'participant_id=' || o.participant_id, 'amount=' || o.amount,
                 'not ' || o.direction) AS expected,
       concat_ws(', ', 'period=' || p.period, 'participant_id=' || p.participant_id, 'amount=' || p.amount,
                 p.direction) AS found
  FROM payments p
  JOIN payments o ON o.id = p.reverses
 WHERE ((p.period, p.participant_id, p.amount) <> (o.period, o.participant_id, o.amount)
        OR p.direction = o.direction OR o.reverses IS NOT NULL)
   AND {of_period("p.period")}
 ORDER BY p.id
 LIMIT 1
"""  # noqa: S608

# A period is settled exactly as long as it is approved and nothing of any net is left.
_STATES = f"""
SELECT 'periods (number=' || number || ')' AS place, expected, state AS found
  FROM (SELECT p.number, p.state,
               CASE WHEN s.approved_at IS NULL THEN 'closed'
                    WHEN s.settled_at IS NULL THEN 'approved' ELSE 'settled' END AS noted,
               CASE WHEN s.approved_at IS NULL THEN 'closed'
                    WHEN EXISTS (SELECT FROM settlement_nets n
                                  WHERE n.period = p.number
                                    AND n.net + coalesce((SELECT sum({_PAID}) FROM payments p
                                                           WHERE p.period = n.period
                                                             AND p.participant_id = n.participant_id), 0)
                                        <> coalesce((SELECT sum(c.amount) FROM carry_forwards c
                                                      WHERE c.period = n.period
                                                        AND c.participant_id = n.participant_id), 0))
                    THEN 'approved' ELSE 'settled' END AS expected
          FROM periods p
          JOIN settlements s ON s.period = p.number) AS states
 WHERE (state <> expected OR state <> noted) AND {of_period("number")}
 ORDER BY number
 LIMIT 1
"""  # noqa: S608

_ZERO_SUM = f"""
SELECT 'settlements (period=' || s.period || ')' AS place, 'nets that add up to 0' AS expected,
       participants || ' of the participants and ' || hub || ' of the hub' AS found
  FROM (SELECT s.period, s.zero_sum,
               coalesce((SELECT sum(net) FROM settlement_nets n WHERE n.period = s.period), 0)
                 AS participants,
               coalesce((SELECT sum(acceptor_fee + issuer_fee) FROM settlement_positions f
                          WHERE f.period = s.period), 0)
               - coalesce((SELECT sum(rebate) FROM settlement_rebates r WHERE r.period = s.period), 0)
               - coalesce((SELECT sum(amount) FROM carry_forwards c
                            WHERE c.id > s.after_carry_forward AND c.id <= s.last_carry_forward), 0) AS hub
          FROM (SELECT spans.*, zero_sum FROM ({_SPANS}) AS spans JOIN settlements USING (period)) AS s) AS s
 WHERE (participants + hub <> 0 OR NOT s.zero_sum) AND {of_period("s.period")}
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

# By its number money finds the net that it pays, and by its due day a debtor may be suspended.
_STATEMENT_NUMBERS = f"""
SELECT 'statements (period=' || s.period || ', participant_id=' || s.participant_id || ')' AS place,
       concat('number=', x.number, ', participant_code=', p.code, ', issued_at=', c.closed_at) AS expected,
       concat('number=', s.number, ', participant_code=', s.participant_code, ', issued_at=', s.issued_at)
         AS found
  FROM statements s
  JOIN settlements c ON c.period = s.period
  JOIN participants p ON p.id = s.participant_id
 CROSS JOIN LATERAL (SELECT concat(s.period / 100, '-', lpad(mod(s.period, 100)::text, 2, '0'),
                                   '-', p.code, '-1') AS number) AS x
 WHERE (s.number <> x.number OR s.participant_code <> p.code OR s.issued_at <> c.closed_at)
   AND {of_period("s.period")}
 ORDER BY s.period, s.participant_id
 LIMIT 1
"""  # noqa: S608

_DUE_DAYS = f"""
SELECT 'settlements (period=' || c.period || ')' AS place, concat('due_on=', x.due_on) AS expected,
       concat('due_on=', c.due_on) AS found
  FROM settlements c
  JOIN rulebooks r ON r.version = c.rule_version
 CROSS JOIN LATERAL (SELECT (c.closed_at AT TIME ZONE r.time_zone)::date + r.due_days AS due_on) AS x
 WHERE c.due_on <> x.due_on AND {of_period("c.period")}
 ORDER BY c.period
 LIMIT 1
"""  # noqa: S608

#: What is added up after a closing is there for all of a period or for nothing of it.
_ADDED_UP = "period = ANY(ARRAY(SELECT DISTINCT period FROM liabilities))"

#: Which part of a roll-forward an entry belongs to. That something was used elsewhere stands in the legs.
_PARTS = {
    EntryKind.POINTS_ISSUED: {"issued": 1},
    EntryKind.POINTS_WITHDRAWN: {"issued": -1},
    EntryKind.ARREARS_PAID: {"issued": 1, "arrears": -1},
    EntryKind.ARREARS_INCURRED: {"issued": -1, "arrears": 1},
    EntryKind.ARREARS_MOVED_IN: {"arrears": 1},
    EntryKind.ARREARS_MOVED_OUT: {"arrears": -1},
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
    EntryKind.BREAKAGE_REVERSED: {"expired": -1},
    EntryKind.POINTS_ADJUSTED_UP: {"adjusted": 1},
    EntryKind.POINTS_ADJUSTED_DOWN: {"adjusted": -1},
}
_LIABILITY_KEY = ("period", "issuer_id", "asset")
_MOVEMENTS = ("issued", "opened", "used", "expired", "adjusted", "arrears")


def _part_of(kind: EntryKind) -> str:
    """SQL: a row that says what entries of this kind are of the liability."""
    asset = Asset.POINTS if CHART[kind].unit is Unit.POINTS else Asset.STORED_VALUE
    signs = ", ".join(str(_PARTS[kind].get(movement, 0)) for movement in _MOVEMENTS)
    return f"({kind:d}, {asset:d}, {signs})"


#: SQL: the entries as movements of their issuers' liabilities.
_MOVED = f"""
SELECT period, issuer_id, asset, 0 AS opening,
       {", ".join(f"{movement} * quantity AS {movement}" for movement in _MOVEMENTS)}, 0 AS used_elsewhere
  FROM (SELECT period, kind,
               CASE WHEN kind IN ({FROM_LOT}) THEN credit ELSE debit END AS issuer_id,
               sum(quantity) AS quantity
          FROM entries WHERE kind IN ({numbers(_PARTS)}) AND {_ADDED_UP} AND {of_period()}
         GROUP BY 1, 2, 3) AS entered
  JOIN (VALUES {", ".join(map(_part_of, _PARTS))}) AS parts (kind, asset, {", ".join(_MOVEMENTS)})
       USING (kind)
"""  # noqa: S608

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
        {_MOVED}
        UNION ALL
        SELECT period, issuer_id,
               CASE kind WHEN {LegKind.SPEND:d} THEN {Asset.STORED_VALUE:d} ELSE {Asset.POINTS:d} END,
               0, {", ".join("0" for _ in _MOVEMENTS)},
               sum(CASE kind WHEN {LegKind.SPEND:d} THEN amount ELSE points END)
          FROM legs
         WHERE kind IN ({LegKind.SPEND:d}, {LegKind.REDEMPTION:d}) AND issuer_id <> acceptor_id
           AND {_ADDED_UP} AND {of_period()}
         GROUP BY 1, 2, 3""",  # noqa: S608
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
        SELECT period, issuer_id, asset, month, sum(quantity)
          FROM ({MOVED_BY_MONTH}) AS moved WHERE {_ADDED_UP} AND {of_period()}
         GROUP BY period, issuer_id, asset, month""",  # noqa: S608
    f"SELECT period, issuer_id, asset, month, quantity FROM liability_months WHERE {of_period()}",  # noqa: S608
)

_STATEMENT_SIZES = compare(
    "statement_sizes",
    ("period", "participant_id"),
    ("lines",),
    f"""SELECT period, participant_id, lines
          FROM (SELECT period, issuer_id, acceptor_id, count(*) AS lines
                  FROM legs WHERE {_ADDED_UP} AND {of_period()}
                 GROUP BY period, issuer_id, acceptor_id) AS l
         CROSS JOIN LATERAL (VALUES (issuer_id), (nullif(acceptor_id, issuer_id))) AS parties (participant_id)
         WHERE participant_id <> {HUB}""",  # noqa: S608
    f"SELECT period, participant_id, lines FROM statement_sizes WHERE {of_period()}",  # noqa: S608
)

CHECKS = (
    Check("settlements", "A closed period, and only a closed one, has a settlement", _HAS_SETTLEMENT),
    Check("settled_positions", "Closed periods were settled on the sums of their legs", _SETTLED_POSITIONS),
    Check("settled_nets", "Their nets are the sums of their entries", _SETTLED_NETS),
    Check("rebates", "Rebates are what the tiers of their rules give on the volume of the legs", _REBATES),
    Check("rebates_in_nets", "Nets hold the rebates of their participants", _REBATES_IN_NETS),
    Check("carried_forward", "What was carried forward entered one settlement, the next one", _CARRIED),
    Check("stated_payments", "Each payment stands on one statement, the next one", _STATED_PAYMENTS),
    Check(
        "opening_balances", "A statement begins with what was open after the one before", _OPENING_BALANCES
    ),
    Check("reversed_payments", "What takes a payment back is its opposite", _REVERSED_PAYMENTS),
    Check("states", "A period is settled when it is approved and nothing of its nets is left", _STATES),
    Check("zero_sum", "The participants' nets and the hub's add up to nothing", _ZERO_SUM),
    Check("statements", "Each participant of a settlement has one statement", _STATEMENTS),
    Check("statement_numbers", "Statements are numbered by period and participant", _STATEMENT_NUMBERS),
    Check("due_days", "Nets are due so many days after closing as was agreed then", _DUE_DAYS),
    Check("liabilities", "What issuers owe members was rolled forward by their entries", _LIABILITIES),
    Check("liability_months", "It ends in the months in which its lots end", _LIABILITY_MONTHS),
    Check("statement_sizes", "Statements have as many lines as there are legs", _STATEMENT_SIZES),
)


def checks(public_keys: seal.PublicKeys | None = None) -> Sequence[Check]:
    """All checks: the seal's first, as they name the very row that was changed, then the ledger's, then
    those of settlements and of disputes. Without the hub's public keys, signatures are not looked at.
    """
    return (*seal.checks(public_keys), *ledger.checks(), *CHECKS, *disputes.CHECKS)


def verify(
    connection: Connection,
    on_progress: Callable[[Check], None] | None = None,
    period: int | None = None,
    public_keys: seal.PublicKeys | None = None,
) -> Iterator[Difference]:
    """Run all checks on a connection of `clearing.verify.frozen`; the first difference of each.

    `on_progress` is called with each check before it runs.
    """
    return ledger.verify(connection, on_progress, checks(public_keys), period)


def is_reproduced(connection: Connection, number: int) -> bool:
    """Whether one closed period comes out the same when it is added up again from legs and entries."""
    return next(ledger.verify(connection, None, CHECKS, number), None) is None
