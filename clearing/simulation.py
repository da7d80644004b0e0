"""Gather for fee simulations: the exchanges of a period, streamed from the journal."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from clearing.core.journal import LegKind, Reason
from clearing.core.reversal import Part
from clearing.core.rulebook import ExchangeKind, Rulebook
from clearing.core.simulation import ExchangeLeg, Simulation, Whole, simulate
from clearing.core.snapshot import Corrected, Terms
from clearing.tables import periods

PORTION = 2_000

_KINDS = ", ".join(str(int(kind)) for kind in ExchangeKind)

# To a reversal's leg belong the day of its original and what was left of the original's leg before it: that
# leg and those of earlier reversals added up, which lie in the periods from the original's on. Of these rows
# the original is the first. An aggregate, so that they are found by key however large the journal is. A leg
# that says so was booked when something of the original's leg had been given back in money.
_LEGS = f"""
SELECT l.kind, l.issuer_id, l.acceptor_id, l.points, l.amount, l.acceptor_fee, l.issuer_fee,
       coalesce(b.booked_at, t.booked_at) AS priced_at, b.points::bigint, b.amount::bigint,
       g.points, g.amount, g.point_value, g.reimbursement_rate,
       g.quantity::bigint, g.corrected_acceptor_fee::bigint, g.corrected_issuer_fee::bigint
  FROM legs l
  JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
  LEFT JOIN LATERAL (
       SELECT min(booked_at) AS booked_at, sum(points) AS points, sum(amount) AS amount
         FROM (SELECT o.booked_at, e.points, e.amount
                 FROM transactions o
                 JOIN legs e ON e.period = o.period AND e.wallet_id = o.wallet_id AND e.transaction_id = o.id
                WHERE o.wallet_id = coalesce(t.original_wallet_id, t.wallet_id)
                  AND o.id = t.original_id AND o.period = t.original_period
                  AND e.kind = l.kind AND e.issuer_id = l.issuer_id
               UNION ALL
               SELECT r.booked_at, e.points, e.amount
                 FROM transactions r
                 JOIN legs e ON e.period = r.period AND e.wallet_id = r.wallet_id AND e.transaction_id = r.id
                WHERE r.original_id = t.original_id
                  AND r.period BETWEEN t.original_period AND t.period
                  AND (r.booked_at, r.id) < (t.booked_at, t.id)
                  AND e.kind = l.kind AND e.issuer_id = l.issuer_id) AS earlier
        WHERE t.original_id IS NOT NULL) AS b ON true
  LEFT JOIN LATERAL (
       SELECT o.points, o.amount, r.point_value, r.reimbursement_rate, sum(c.quantity) AS quantity,
              sum(CASE c.quantity WHEN 0 THEN c.acceptor_fee ELSE 0 END) AS corrected_acceptor_fee,
              sum(CASE c.quantity WHEN 0 THEN c.issuer_fee ELSE 0 END) AS corrected_issuer_fee
         FROM transactions p
         JOIN rulebooks r ON r.version = p.rule_version
         JOIN legs o ON o.period = p.period AND o.wallet_id = p.wallet_id AND o.transaction_id = p.id
         JOIN money_corrections c ON c.wallet_id = o.wallet_id AND c.transaction_id = o.transaction_id
                                 AND c.leg_number = o.number AND c.period <= t.period
        WHERE l.reason = {Reason.CORRECTED:d}
          AND p.wallet_id = coalesce(t.original_wallet_id, t.wallet_id)
          AND p.id = t.original_id AND p.period = t.original_period
          AND o.kind = l.kind AND o.issuer_id = l.issuer_id
        GROUP BY o.points, o.amount, r.point_value, r.reimbursement_rate) AS g ON true
 WHERE l.period = %(period)s AND l.issuer_id <> l.acceptor_id AND l.kind IN ({_KINDS})
 ORDER BY t.booked_at, l.transaction_id, l.number
"""  # noqa: S608  put together from constants of this program


def simulate_period(connection: Connection, period: int, rulebook: Rulebook) -> Simulation | None:
    """What this rulebook would have charged on the period's exchanges; None for one that was never opened.

    Changes nothing. Use a connection of `clearing.verify.frozen`: one moment for rules and legs alike.
    """
    opened = select(periods.c.number).where(periods.c.number == period)
    if connection.execute(opened).first() is None:
        return None
    return simulate(read_exchanges(connection, period, rulebook.settings.time_zone), rulebook)


def read_exchanges(connection: Connection, period: int, zone: ZoneInfo) -> Iterator[ExchangeLeg]:
    """The period's cross-system legs in the order of booking, through a server-side cursor."""
    kinds = {int(kind): kind for kind in ExchangeKind}
    rows = connection.exec_driver_sql(_LEGS, {"period": period}, execution_options={"yield_per": PORTION})
    for row in rows:
        (kind, issuer_id, acceptor_id, points, amount, acceptor_fee, issuer_fee,
         priced_at, points_before, amount_before, points_of_all, amount_of_all, point_value, rate,
         *given_back) = row  # fmt: skip
        of_corrected: dict[str, Any] = {}
        if points_of_all is not None:
            of_corrected = {
                "corrected": Corrected(*given_back),
                "whole": Whole(LegKind(kind), points_of_all, amount_of_all),
                "terms": Terms(point_value, rate),
            }
        yield ExchangeLeg(
            kinds[kind],
            issuer_id,
            acceptor_id,
            points,
            amount,
            acceptor_fee,
            issuer_fee,
            priced_at.astimezone(zone).date(),
            None if amount_before is None else Part(points_before, amount_before),
            **of_corrected,
        )
