"""The volumes that rebates are computed from: running totals of what fee rules with tiers have priced, and
what disputes have given back of it in money.
"""

from typing import Any

from sqlalchemy import Connection, func, select

from clearing.core.journal import VolumeChange, VolumeKey
from clearing.tables import fee_volumes
from settlement.core.rebates import RebateKey, Undoing, Volumes, corrected_volume
from settlement.tables import settlement_rebates

#: The month of what a leg of the transaction `t` is of: that of what it reverses, if it is a reversal.
_MONTH = "coalesce(t.original_period, t.period)"

#: Legs under rules with tiers of which disputes have given back something in money, up to the period.
_LEGS = f"""
SELECT l.wallet_id, l.transaction_id, l.number, l.fee_rule_id, l.issuer_id, l.acceptor_id,
       {_MONTH} AS of_period, l.kind, l.amount
  FROM (SELECT DISTINCT leg_period, wallet_id, transaction_id, leg_number
          FROM money_corrections WHERE period <= %(period)s) AS c
  JOIN legs l ON l.period = c.leg_period AND l.wallet_id = c.wallet_id
             AND l.transaction_id = c.transaction_id AND l.number = c.leg_number
  JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
  JOIN fee_rules f ON f.id = l.fee_rule_id AND f.tiers <> '[]'
"""  # noqa: S608  put together from constants of this program

#: The months of which something is added in the period.
_MONTHS = f"""
SELECT of_period FROM fee_volumes WHERE period = %(period)s
 UNION
SELECT l.of_period
  FROM ({_LEGS}) AS l
  JOIN money_corrections c ON c.wallet_id = l.wallet_id AND c.transaction_id = l.transaction_id
                          AND c.leg_number = l.number AND c.period = %(period)s
"""  # noqa: S608

_CORRECTED = f"""
SELECT l.*, c.period, c.corrected, c.acceptor_fee, c.issuer_fee, c.reversed
  FROM ({_LEGS}) AS l
 CROSS JOIN LATERAL (
       SELECT period, amount AS corrected, acceptor_fee, issuer_fee, 0 AS reversed
         FROM money_corrections m
        WHERE m.wallet_id = l.wallet_id AND m.transaction_id = l.transaction_id AND m.leg_number = l.number
          AND m.period <= %(period)s
        UNION ALL
       SELECT r.period, 0, 0, 0, -b.amount
         FROM transactions r
         JOIN legs b ON b.period = r.period AND b.wallet_id = r.wallet_id AND b.transaction_id = r.id
                    AND b.kind = l.kind AND b.issuer_id = l.issuer_id
        WHERE r.original_id = l.transaction_id AND r.period <= %(period)s
          AND coalesce(r.original_wallet_id, r.wallet_id) = l.wallet_id) AS c
 WHERE l.of_period = ANY(%(months)s)
"""  # noqa: S608


def read_volumes(connection: Connection, number: int) -> Volumes:
    """What fee rules with tiers have priced in the period, added up over the stripes, less what disputes have
    given back; and of the months of which something was given back in it, what earlier periods have.
    """
    months = [row[0] for row in connection.exec_driver_sql(_MONTHS, {"period": number})]
    key = [fee_volumes.c[name] for name in VolumeKey._fields]
    sums = [func.sum(fee_volumes.c[name]).label(name) for name in VolumeChange._fields]
    query = select(*key, *sums).where(fee_volumes.c.period <= number, fee_volumes.c.of_period.in_(months))
    rows = connection.execute(query.group_by(*key))
    found = {VolumeKey(*row[:5]): VolumeChange(*map(int, row[5:])) for row in rows}
    for key_, change in _corrections(connection, number, months):
        total = found.get(key_, VolumeChange(0, 0, 0))
        found[key_] = VolumeChange(*(a + b for a, b in zip(total, change, strict=True)))
    return found


def read_given(connection: Connection, number: int) -> dict[RebateKey, int]:
    """What earlier periods have given back, and reclaimed, for each month."""
    key = [settlement_rebates.c[name] for name in RebateKey._fields]
    query = select(*key, func.sum(settlement_rebates.c.rebate)).where(settlement_rebates.c.period < number)
    rows = connection.execute(query.group_by(*key))
    return {RebateKey(*row[:4]): int(row[4]) for row in rows}


def _corrections(
    connection: Connection, number: int, months: list[int]
) -> list[tuple[VolumeKey, VolumeChange]]:
    undone: dict[tuple[int, int, int], list[Any]] = {}
    asked = {"period": number, "months": months}
    for row in connection.exec_driver_sql(_CORRECTED, asked):
        undone.setdefault((row.wallet_id, row.transaction_id, row.number), []).append(row)
    found = []
    for rows in undone.values():
        leg = rows[0]
        whose = leg.fee_rule_id, leg.issuer_id, leg.acceptor_id, leg.of_period
        parts = [Undoing(row.period, row.corrected, row.reversed) for row in rows]
        for period, volume in corrected_volume(leg.amount, parts).items():
            found.append((VolumeKey(period, *whose), VolumeChange(volume, 0, 0)))
        found += [
            (VolumeKey(row.period, *whose), VolumeChange(0, -row.acceptor_fee, -row.issuer_fee))
            for row in rows
            if row.acceptor_fee or row.issuer_fee
        ]
    return found
