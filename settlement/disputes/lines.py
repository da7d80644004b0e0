"""The lines that disputes are about: found on a statement, read from the journal, what is left of them."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from clearing.core.journal import Leg, Transaction
from clearing.core.snapshot import Terms
from clearing.directory import read_rulebook
from clearing.money_corrections import MoneyCorrection, read_corrections
from clearing.query import family, read_bookings
from clearing.tables import legs, rulebooks, transactions
from settlement.core.corrections import Prices, Share, Stake, left_of
from settlement.query import StatementHeader

# The numbers of a statement's lines follow this order (`settlement.statement_lines`).
_PLACE = "t.booked_at, l.transaction_id, l.number, l.wallet_id"
_OF_STATEMENT = """
  FROM legs l
  JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
 WHERE l.period = %(period)s AND (l.issuer_id = %(participant)s OR l.acceptor_id = %(participant)s)
"""
_AT_LINE = f"""
SELECT l.wallet_id, l.transaction_id, l.number {_OF_STATEMENT} ORDER BY {_PLACE} OFFSET %(skipped)s LIMIT 1
"""
_LINE_OF = f"""
SELECT count(*) {_OF_STATEMENT} AND ({_PLACE}) <= (%(booked_at)s, %(transaction)s, %(number)s, %(wallet)s)
"""
_BY_ISSUER = f"""
SELECT l.wallet_id, l.transaction_id, l.number {_OF_STATEMENT}
   AND l.wallet_id IN ({family("%(wallet)s")})
   AND l.transaction_id = %(transaction)s AND l.issuer_id = %(issuer)s
"""


class LineKey(NamedTuple):
    """By what a leg is found in the journal."""

    wallet_id: int
    transaction_id: int
    number: int


class Line(NamedTuple):
    """A leg and the transaction it is of. `alone`: the transaction has no other leg."""

    transaction: Transaction
    leg: Leg
    alone: bool

    @property
    def key(self) -> LineKey:
        return LineKey(self.leg.wallet_id, self.leg.transaction_id, self.leg.number)


def key_at_line(connection: Connection, header: StatementHeader, line: int) -> LineKey | None:
    """Which leg stands on this line of the statement; None if it has no such line."""
    found = connection.exec_driver_sql(_AT_LINE, {**_statement(header), "skipped": line - 1})
    row = found.one_or_none()
    return LineKey(*row) if row else None


def key_by_issuer(
    connection: Connection, header: StatementHeader, wallet_id: int, transaction_id: int, issuer_id: int
) -> LineKey | None:
    """The leg of one issuer in a transaction; None if it does not stand on the statement.

    `wallet_id`: where it was begun; a hold that went to another wallet was captured there.
    """
    named = {"wallet": wallet_id, "transaction": transaction_id, "issuer": issuer_id}
    row = connection.exec_driver_sql(_BY_ISSUER, {**_statement(header), **named}).one_or_none()
    return LineKey(*row) if row else None


def line_of(connection: Connection, period: int, participant_id: int, line: Line) -> int:
    """The number of the leg's line on that participant's statement."""
    place = {
        "period": period,
        "participant": participant_id,
        "booked_at": line.transaction.booked_at,
        "transaction": line.leg.transaction_id,
        "number": line.leg.number,
        "wallet": line.leg.wallet_id,
    }
    number: int = connection.exec_driver_sql(_LINE_OF, place).scalar_one()
    return number


def read_lines_by_key(connection: Connection, keys: list[LineKey]) -> dict[LineKey, Line]:
    """The lines with these keys, which must exist."""
    wanted = sorted({(key.wallet_id, key.transaction_id) for key in keys})
    bookings = {
        (one.transaction.wallet_id, one.transaction.id): one for one in read_bookings(connection, wanted)
    }
    found = {}
    for key in keys:
        booking = bookings[key.wallet_id, key.transaction_id]
        leg = next(leg for leg in booking.legs if leg.number == key.number)
        found[key] = Line(booking.transaction, leg, len(booking.legs) == 1)
    return found


def read_line(connection: Connection, key: LineKey) -> Line:
    return read_lines_by_key(connection, [key])[key]


def read_prices(connection: Connection, line: Line) -> Prices:
    """By what the line was judged. Fee rules are never taken away, so the newest rulebook has its own."""
    terms = select(rulebooks.c.point_value, rulebooks.c.reimbursement_rate).where(
        rulebooks.c.version == line.transaction.rule_version
    )
    return Prices(read_rulebook(connection), Terms(*connection.execute(terms).one()))


def read_left(connection: Connection, line: Line) -> Share:
    """What is left of the line after reversals, and after what disputes have corrected in money."""
    return left_of(line.leg, _taken(connection, line))


def is_corrected_in_money(connection: Connection, line: Line) -> bool:
    """Whether a dispute has taken back something of the line in money only."""
    return bool(_corrected_in_money(connection, line))


def _taken(connection: Connection, line: Line) -> Iterator[Share]:
    leg = line.leg
    undone = connection.execute(
        select(
            *(
                func.coalesce(func.sum(column), 0)
                for column in (
                    legs.c.points,
                    legs.c.amount,
                    legs.c.obligation,
                    legs.c.acceptor_fee,
                    legs.c.issuer_fee,
                )
            )
        )
        .join(
            transactions,
            (transactions.c.period == legs.c.period)
            & (transactions.c.wallet_id == legs.c.wallet_id)
            & (transactions.c.id == legs.c.transaction_id),
        )
        .where(
            # A reversal is booked where the card's points are today, which may be another wallet.
            func.coalesce(transactions.c.original_wallet_id, transactions.c.wallet_id) == leg.wallet_id,
            transactions.c.original_id == leg.transaction_id,
            legs.c.kind == leg.kind,
            legs.c.issuer_id == leg.issuer_id,
        )
    ).one()
    points, amount, *money = (-int(value) for value in undone)
    yield Share(points if leg.points else amount, Stake(*money))
    for one in _corrected_in_money(connection, line):
        yield Share(one.quantity, Stake(one.obligation, one.acceptor_fee, one.issuer_fee))


def _corrected_in_money(connection: Connection, line: Line) -> list[MoneyCorrection]:
    """What reversals took back stands among the reversals themselves."""
    id_ = line.leg.transaction_id
    return [
        one for one in read_corrections(connection, [id_]).get(id_, ()) if one.leg_number == line.leg.number
    ]


def _statement(header: StatementHeader) -> dict[str, int]:
    return {"period": header.period, "participant": header.participant_id}
