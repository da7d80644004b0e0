"""The volumes that rebates are computed from: running totals of what fee rules with tiers have priced, and
what disputes have given back of it in money.
"""

from typing import Any

from sqlalchemy import Connection, func, select

from clearing.core.journal import VolumeChange, VolumeKey
from clearing.tables import fee_volumes
from settlement.core.rebates import RebateKey, Undoing, Volumes, corrected_volume
from settlement.tables import settlement_rebates

#: The months of which something is added in the period.
_MONTHS = """
SELECT of_period FROM fee_volumes WHERE period = %(period)s
 UNION
SELECT c.of_period
  FROM money_corrections c JOIN fee_rules f ON f.id = c.fee_rule_id AND f.tiers <> '[]'
 WHERE c.period = %(period)s
"""

#: Of these months, the legs of which disputes have given back something in money up to the period.
_LEGS = """
SELECT DISTINCT c.leg_period, c.wallet_id, c.transaction_id, c.leg_number, c.of_period
  FROM money_corrections c JOIN fee_rules f ON f.id = c.fee_rule_id AND f.tiers <> '[]'
 WHERE c.period <= %(period)s AND c.of_period = ANY(%(months)s)
"""

#: What was taken off them, by period: in money, and by reversals.
_UNDONE = f"""
SELECT l.wallet_id, l.transaction_id, l.number, l.fee_rule_id, l.issuer_id, l.acceptor_id, l.amount,
       k.of_period, c.period, c.amount AS corrected, c.acceptor_fee, c.issuer_fee, 0 AS reversed
  FROM ({_LEGS}) AS k
  JOIN legs l ON l.period = k.leg_period AND l.wallet_id = k.wallet_id
             AND l.transaction_id = k.transaction_id AND l.number = k.leg_number
  JOIN money_corrections c ON c.wallet_id = l.wallet_id AND c.transaction_id = l.transaction_id
                          AND c.leg_number = l.number AND c.period <= %(period)s
 UNION ALL
SELECT l.wallet_id, l.transaction_id, l.number, l.fee_rule_id, l.issuer_id, l.acceptor_id, l.amount,
       k.of_period, r.period, 0, 0, 0, -b.amount
  FROM ({_LEGS}) AS k
  JOIN legs l ON l.period = k.leg_period AND l.wallet_id = k.wallet_id
             AND l.transaction_id = k.transaction_id AND l.number = k.leg_number
  JOIN transactions r ON r.original_id = l.transaction_id AND r.period <= %(period)s
                     AND coalesce(r.original_wallet_id, r.wallet_id) = l.wallet_id
  JOIN legs b ON b.period = r.period AND b.wallet_id = r.wallet_id AND b.transaction_id = r.id
             AND b.kind = l.kind AND b.issuer_id = l.issuer_id
"""  # noqa: S608  put together from constants of this program


def read_volumes(connection: Connection, number: int) -> Volumes:
    """What fee rules with tiers have priced in the period, added up over the stripes, less what disputes have
    given back; and of the months of which something was given back in it, what earlier periods have.
    """
    months = [row[0] for row in connection.exec_driver_sql(_MONTHS, {"period": number})]
    if not months:
        return {}  # as wherever no rule has tiers
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
    if connection.exec_driver_sql(f"{_LEGS} LIMIT 1", asked).first() is None:
        return []  # as mostly; the journal is read for what was disputed only
    for row in connection.exec_driver_sql(_UNDONE, asked):
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
