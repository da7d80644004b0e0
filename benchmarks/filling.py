"""A journal written by SQL: to post a million redemptions would take longer than all the rest.

The rows are those that the ledger would have written, for the unit of work of the bench: a redemption that
crosses, from two lots, four entries, with the outcome of its key and in the running totals.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from benchmarks.alliance import MERCHANTS, PARTICIPANTS
from clearing.core.accounts import Asset, EntryKind
from clearing.core.calendar import Period
from clearing.core.journal import LegKind, Reason, TransactionKind
from clearing.ids import EPOCH_MS

#: Transactions, legs and entries of one redemption.
ROWS_EACH = 6
PAIRS = PARTICIPANTS * (PARTICIPANTS - 1)
#: Written in one transaction.
PORTION = 200_000
#: Transactions in one batch, as the seal finds them.
BATCH = 1_000

# Redemption n of all: the first `PAIRS` are one of each pair of participants. Those after them go on like
# that or, concentrated, are all of participant 1's members. Members come in an order that jumps.
_ACTS = f"""
CREATE TEMP TABLE acts ON COMMIT DROP AS
SELECT a.*, m.wallet_id, m.number AS card, 1 + mod(issuer - 1 + step, {PARTICIPANTS}) AS acceptor,
       ((extract(epoch FROM at) * 1000)::bigint - {EPOCH_MS} << 22) + mod(n, 1 << 22) AS id,
       1 + 2 * m.place AS lot, first + second AS points, round((first + second) * 0.02)::bigint AS fee
  FROM (SELECT n, CASE WHEN spread THEN 1 + mod(n, {PARTICIPANTS}) ELSE 1 END AS issuer,
               1 + mod(CASE WHEN spread THEN n / {PARTICIPANTS} ELSE n END, {PARTICIPANTS - 1}) AS step,
               mod(CASE WHEN spread THEN n / {PARTICIPANTS} ELSE n END * 1009, :members) AS place,
               date_trunc('milliseconds', :starts_at + (:ends_at - :starts_at) * ((n + 1.0) / (:total + 2)))
                 AS at,
               50 AS first, 50 + mod(n * 7919, 900) AS second
          FROM (SELECT n, n < {PAIRS} OR NOT :concentrated AS spread
                  FROM generate_series(CAST(:first AS bigint), :last) AS n) AS numbers) AS a
  JOIN (SELECT number, wallet_id, issuer_id,
               row_number() OVER (PARTITION BY issuer_id ORDER BY wallet_id) - 1 AS place
          FROM cards) AS m ON m.issuer_id = a.issuer AND m.place = a.place
"""

_TRANSACTIONS = f"""
INSERT INTO transactions (period, wallet_id, id, kind, card_number, merchant_id, acceptor_id, occurred_at,
                          booked_at, late, points, amount, rule_version, posted_by)
SELECT :period, wallet_id, id, {TransactionKind.REDEMPTION:d}, card,
       {MERCHANTS // PARTICIPANTS} * acceptor - mod(n, {MERCHANTS // PARTICIPANTS}), acceptor, at, at, false,
       points, points, 1, 'benchmarks'
  FROM acts
"""

_LEGS = f"""
INSERT INTO legs (period, wallet_id, transaction_id, number, kind, reason, issuer_id, acceptor_id,
                  fee_rule_id, points, amount, obligation, acceptor_fee, issuer_fee)
SELECT :period, wallet_id, id, 1, {LegKind.REDEMPTION:d}, {Reason.EXCHANGE:d}, issuer, acceptor, 1, points,
       points, points, fee, 0
  FROM acts
"""

_ENTRIES = f"""
INSERT INTO entries (period, wallet_id, transaction_id, number, kind, debit, credit, quantity)
SELECT :period, wallet_id, id, e.*
  FROM acts
 CROSS JOIN LATERAL (VALUES (1, {EntryKind.POINTS_REDEEMED:d}, lot, issuer, first),
                            (2, {EntryKind.POINTS_REDEEMED:d}, lot + 1, issuer, second),
                            (3, {EntryKind.OBLIGATION:d}, issuer, acceptor, points),
                            (4, {EntryKind.FEE:d}, acceptor, 0, fee)) AS e
"""

_OUTCOMES = """
INSERT INTO outcomes (key, request_hash, recorded_at, wallet_id, transaction_id)
SELECT gen_random_uuid(), gen_random_uuid(), at, wallet_id, id FROM acts
"""

_POSITIONS = f"""
INSERT INTO positions AS p (period, issuer_id, acceptor_id, kind, stripe, exchanges, points, amount,
                            obligation, acceptor_fee, issuer_fee)
SELECT :period, issuer, acceptor, {LegKind.REDEMPTION:d}, 0, count(*), sum(points), sum(points), sum(points),
       sum(fee), 0
  FROM acts GROUP BY issuer, acceptor
    ON CONFLICT (period, issuer_id, acceptor_id, kind, stripe) DO UPDATE
   SET exchanges = p.exchanges + excluded.exchanges, points = p.points + excluded.points,
       amount = p.amount + excluded.amount, obligation = p.obligation + excluded.obligation,
       acceptor_fee = p.acceptor_fee + excluded.acceptor_fee
"""

_EXPOSURES = """
INSERT INTO exposures AS x (participant_id, period, stripe, debit)
SELECT participant, :period, 0, sum(debit)
  FROM (SELECT issuer AS participant, points AS debit FROM acts
        UNION ALL SELECT acceptor, fee - points FROM acts) AS owed
 GROUP BY participant
    ON CONFLICT (participant_id, period, stripe) DO UPDATE SET debit = x.debit + excluded.debit
"""

_REDEMPTIONS = (_TRANSACTIONS, _LEGS, _ENTRIES, _OUTCOMES, _POSITIONS, _EXPOSURES)

# At the first instant of the period every lot was opened with just what has been drawn from it since.
_OPENED = f"""
CREATE TEMP TABLE opened ON COMMIT DROP AS
SELECT wallet_id, lot, issuer, quantity,
       ((extract(epoch FROM :starts_at) * 1000)::bigint - {EPOCH_MS} << 22)
         + row_number() OVER (ORDER BY wallet_id, lot) AS id
  FROM (SELECT wallet_id, debit AS lot, credit AS issuer, sum(quantity)::bigint AS quantity
          FROM entries WHERE period = :period AND kind = {EntryKind.POINTS_REDEEMED:d}
         GROUP BY wallet_id, debit, credit) AS drawn
"""

_OPENINGS = (
    f"""INSERT INTO lots (wallet_id, id, issuer_id, asset, expires_on, available)
        SELECT wallet_id, lot, issuer, {Asset.POINTS:d}, make_date(2098 + mod(lot, 2)::int, 12, 31), 0
          FROM opened""",
    f"""INSERT INTO transactions (period, wallet_id, id, kind, acceptor_id, occurred_at, booked_at, late,
                                  points, amount, rule_version, posted_by)
        SELECT :period, wallet_id, id, {TransactionKind.OPENING:d}, issuer, :starts_at, :starts_at, false,
               quantity, quantity, 1, 'benchmarks'
          FROM opened""",
    f"""INSERT INTO legs (period, wallet_id, transaction_id, number, kind, reason, issuer_id, acceptor_id,
                          points, amount, obligation, acceptor_fee, issuer_fee)
        SELECT :period, wallet_id, id, 1, {LegKind.OPENING:d}, {Reason.OWN_SYSTEM:d}, issuer, issuer,
               quantity, quantity, 0, 0, 0
          FROM opened""",
    f"""INSERT INTO entries (period, wallet_id, transaction_id, number, kind, debit, credit, quantity)
        SELECT :period, wallet_id, id, 1, {EntryKind.POINTS_OPENED:d}, issuer, lot, quantity FROM opened""",
    """INSERT INTO outcomes (key, request_hash, recorded_at, wallet_id, transaction_id)
       SELECT gen_random_uuid(), gen_random_uuid(), :starts_at, wallet_id, id FROM opened""",
)

_UNSEALED = f"""
INSERT INTO unsealed (periods, wallet_ids, transaction_ids)
SELECT array_agg(period), array_agg(wallet_id), array_agg(id)
  FROM (SELECT period, wallet_id, id, row_number() OVER (ORDER BY id) / {BATCH} AS batch
          FROM transactions WHERE period = :period) AS batches
 GROUP BY batch
 ORDER BY batch
"""


def fill(
    engine: Engine,
    period: Period,
    numbers: range,
    total: int,
    *,
    until: datetime | None = None,
    concentrated: bool = False,
) -> None:
    """Write the redemptions of these numbers, of `total` spread over the period, or over it until then.

    `concentrated`: nearly all of members of participant 1, so that one statement has nearly all the lines.
    """
    bounds = {
        "period": period.number,
        "starts_at": period.starts_at,
        "ends_at": until or period.ends_at,
        "total": total,
        "concentrated": concentrated,
    }
    for start in range(numbers.start, numbers.stop, PORTION):
        with engine.begin() as connection:
            members = connection.execute(text("SELECT count(*) FROM cards")).scalar_one() // PARTICIPANTS
            acts = {"first": start, "last": min(start + PORTION, numbers.stop) - 1, "members": members}
            _run(connection, [_ACTS, *_REDEMPTIONS], {**bounds, **acts})


def open_lots(engine: Engine, period: Period) -> None:
    """Write the lots on which the redemptions have drawn, and how they came; then let it wait for the seal.

    Only now does the journal add up.
    """
    bounds = {"period": period.number, "starts_at": period.starts_at}
    with engine.begin() as connection:
        _run(connection, [_OPENED, *_OPENINGS, _UNSEALED], bounds)


def _run(connection: Connection, statements: Sequence[str], parameters: dict[str, object]) -> None:
    for statement in statements:
        connection.execute(text(statement), parameters)
