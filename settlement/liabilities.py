"""What issuers owe members at the end of closed periods: written once for each period, read by statements.

A closed period's journal never changes, so it does not matter when this is added up. That happens after the
closing, which must not wait for it, or when the first statement is asked for; each period builds on the one
before, so no more is read than one period's journal.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select

from clearing import locks
from clearing.core.accounts import Asset, EntryKind
from clearing.core.journal import LegKind
from clearing.kind_lists import FROM_LOT, IN_POINTS, INTO_LOT
from clearing.tables import entries, legs
from settlement.core.liability import Breakage, LegSum, RollForward, lines_of, roll_forward
from settlement.tables import liabilities, liability_months, settlement_nets, statement_sizes

#: In place of a month, what never ends.
NEVER = 0


class MonthlyEnd(NamedTuple):
    """What of a closing liability ends in one month (202712; NEVER)."""

    month: int
    quantity: int


class Liability(NamedTuple):
    """One issuer's liability in one asset at the end of a period. `months` add up to `movement.closing`."""

    movement: RollForward
    months: tuple[MonthlyEnd, ...]
    breakage: Breakage


def write_liabilities(connection: Connection, number: int) -> None:
    """Make sure that the liabilities of this closed period, and of those before it, are written.

    Whoever comes second waits for the first and finds them there. They are written in the order of periods,
    so where one is there, so are all before it.
    """
    written = select(liabilities.c.period).where(liabilities.c.period == number).limit(1)
    if connection.execute(written).first() is not None:
        return
    locks.hold_exclusively(connection, locks.LIABILITIES)
    for period in _missing(connection, number):
        _write(connection, period)


def read_liabilities(connection: Connection, number: int, issuer_id: int) -> dict[Asset, Liability]:
    """Of a period for which they are written."""
    rows = connection.execute(
        select(liabilities).where(liabilities.c.period == number, liabilities.c.issuer_id == issuer_id)
    )
    months = connection.execute(
        select(liability_months)
        .where(liability_months.c.period == number, liability_months.c.issuer_id == issuer_id)
        .order_by(liability_months.c.month == NEVER, liability_months.c.month)
    ).all()
    to_date = connection.execute(
        select(
            liabilities.c.asset,
            func.sum(liabilities.c.issued + liabilities.c.opened).label("given"),
            func.sum(liabilities.c.expired).label("expired"),
        )
        .where(liabilities.c.period <= number, liabilities.c.issuer_id == issuer_id)
        .group_by(liabilities.c.asset)
    )
    breakages = {row.asset: Breakage(int(row.given), int(row.expired)) for row in to_date}
    return {
        Asset(row.asset): Liability(
            _roll_forward(row),
            tuple(MonthlyEnd(one.month, one.quantity) for one in months if one.asset == row.asset),
            breakages[row.asset],
        )
        for row in rows
    }


def list_closings(
    connection: Connection, asset: Asset, until: int, issuer_id: int | None, limit: int
) -> list[tuple[int, int]]:
    """What one issuer, or all, owed at the end of each of the last periods up to `until`, the earliest first:
    period and quantity.
    """
    closing = func.sum(liabilities.c.closing)
    query = select(liabilities.c.period, closing).where(
        liabilities.c.asset == asset, liabilities.c.period <= until
    )
    if issuer_id is not None:
        query = query.where(liabilities.c.issuer_id == issuer_id)
    rows = connection.execute(
        query.group_by(liabilities.c.period).order_by(liabilities.c.period.desc()).limit(limit)
    )
    return [(period, int(quantity)) for period, quantity in rows][::-1]


def read_lines_count(connection: Connection, number: int, participant_id: int) -> int:
    """How many lines the statement has; its period's liabilities must be written."""
    query = select(statement_sizes.c.lines).where(
        statement_sizes.c.period == number, statement_sizes.c.participant_id == participant_id
    )
    lines: int = connection.execute(query).scalar_one()
    return lines


def _roll_forward(row: Row[Any]) -> RollForward:
    values = [row._mapping[name] for name in RollForward._fields[2:]]
    return RollForward(row.issuer_id, Asset(row.asset), *values)


def _missing(connection: Connection, number: int) -> Sequence[int]:
    """Closed periods up to this one that have participants and no liabilities yet, the earliest first."""
    written = select(liabilities.c.period).where(liabilities.c.period == settlement_nets.c.period).exists()
    query = select(settlement_nets.c.period).where(settlement_nets.c.period <= number, ~written).distinct()
    return connection.execute(query.order_by(settlement_nets.c.period)).scalars().all()


def _write(connection: Connection, number: int) -> None:
    before = connection.execute(
        select(func.max(liabilities.c.period)).where(liabilities.c.period < number)
    ).scalar_one()
    issuers = connection.execute(
        select(settlement_nets.c.participant_id).where(settlement_nets.c.period == number)
    )
    issuer_ids = list(issuers.scalars())
    found = _read_legs(connection, number)
    openings = connection.execute(
        select(liabilities.c.issuer_id, liabilities.c.asset, liabilities.c.closing).where(
            liabilities.c.period == before
        )
    )
    rows = roll_forward(
        issuer_ids,
        {(row.issuer_id, Asset(row.asset)): row.closing for row in openings},
        found,
        _read_arrears(connection, number),
    )
    connection.execute(
        insert(liabilities), [{"period": number, **row._asdict(), "closing": row.closing} for row in rows]
    )
    connection.exec_driver_sql(_WRITE_MONTHS, {"period": number, "before": before})
    lines = lines_of(found)
    connection.execute(
        insert(statement_sizes),
        [{"period": number, "participant_id": id_, "lines": lines.get(id_, 0)} for id_ in issuer_ids],
    )


def _read_legs(connection: Connection, number: int) -> list[LegSum]:
    # Openings, ends and adjustments move points or money; sums of the two must stay apart.
    in_points = legs.c.points != 0
    query = (
        select(
            legs.c.issuer_id,
            legs.c.acceptor_id,
            legs.c.kind,
            func.count().label("legs"),
            func.sum(legs.c.points).label("points"),
            func.sum(legs.c.amount).label("amount"),
            in_points.label("in_points"),
        )
        .where(legs.c.period == number)
        .group_by(legs.c.issuer_id, legs.c.acceptor_id, legs.c.kind, in_points)
    )
    return [
        LegSum(
            row.issuer_id,
            row.acceptor_id,
            LegKind(row.kind),
            row.legs,
            int(row.points),
            # Points that come to nothing, as ended ones and those that were taken back, are not money.
            0 if row.in_points else int(row.amount),
        )
        for row in connection.execute(query)
    ]


def _read_arrears(connection: Connection, number: int) -> dict[int, int]:
    """Points by issuer: incurred less paid. What moves from wallet to wallet adds up to nothing; what moves
    within one was paid out of its lots.
    """
    into = (EntryKind.ARREARS_INCURRED, EntryKind.ARREARS_MOVED_IN)
    kinds = (*into, EntryKind.ARREARS_PAID, EntryKind.ARREARS_MOVED_OUT)
    query = (
        select(entries.c.debit, entries.c.kind, func.sum(entries.c.quantity).label("points"))
        .where(entries.c.period == number, entries.c.kind.in_([int(kind) for kind in kinds]))
        .group_by(entries.c.debit, entries.c.kind)
    )
    arrears: dict[int, int] = {}
    for row in connection.execute(query):
        # Debit and credit of all these kinds are owned by the issuer.
        sign = 1 if row.kind in into else -1
        arrears[row.debit] = arrears.get(row.debit, 0) + sign * int(row.points)
    return arrears


#: SQL: what entries put into lots and (below zero) took out, by issuer, asset and the month in which the lot
#: ends.
MOVED_BY_MONTH = f"""
SELECT e.period, e.issuer_id, e.asset, coalesce(to_char(l.expires_on, 'YYYYMM')::int, {NEVER}) AS month,
       e.quantity
  FROM (SELECT period, wallet_id, credit AS lot_id, debit AS issuer_id, quantity,
               CASE WHEN kind IN ({IN_POINTS}) THEN {Asset.POINTS:d} ELSE {Asset.STORED_VALUE:d} END AS asset
          FROM entries WHERE kind IN ({INTO_LOT})
        UNION ALL
        SELECT period, wallet_id, debit, credit, -quantity,
               CASE WHEN kind IN ({IN_POINTS}) THEN {Asset.POINTS:d} ELSE {Asset.STORED_VALUE:d} END
          FROM entries WHERE kind IN ({FROM_LOT})) AS e
  JOIN lots l ON l.wallet_id = e.wallet_id AND l.id = e.lot_id
"""  # noqa: S608  put together from constants of this program

_WRITE_MONTHS = f"""
INSERT INTO liability_months (period, issuer_id, asset, month, quantity)
SELECT %(period)s, issuer_id, asset, month, sum(quantity)
  FROM (SELECT issuer_id, asset, month, quantity FROM liability_months WHERE period = %(before)s
        UNION ALL
        SELECT issuer_id, asset, month, quantity FROM ({MOVED_BY_MONTH}) AS moved
         WHERE period = %(period)s) AS parts
 GROUP BY issuer_id, asset, month
HAVING sum(quantity) <> 0
"""  # noqa: S608
