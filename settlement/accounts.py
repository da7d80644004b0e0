"""The participants' accounts with the hub: nets, the money paid on them, and what was carried forward.

Payments and amounts carried forward are numbered as they are written, under the lock that closing takes
alone. So a number cuts them exactly: what lies after the last one that a settlement has stated belongs to
the next.
"""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, case, func, select

from settlement.core.balance import Balance, PaymentDirection
from settlement.tables import carry_forwards, payments, settlement_nets, settlements

#: A payment as it moves what is outstanding.
PAID = case((payments.c.direction == PaymentDirection.IN.value, payments.c.amount), else_=-payments.c.amount)


class Stated(NamedTuple):
    """A span of payments and carry-forwards by their numbers: after the first two, up to the last two, which
    are None where there is no end yet.
    """

    payment: int = 0
    carry_forward: int = 0
    until_payment: int | None = None
    until_carry_forward: int | None = None


def read_stated(connection: Connection, before: int | None = None) -> Stated:
    """From what the settlements (of periods before this one) have stated already to no end."""
    query = select(
        func.coalesce(func.max(settlements.c.last_payment), 0),
        func.coalesce(func.max(settlements.c.last_carry_forward), 0),
    )
    if before is not None:
        query = query.where(settlements.c.period < before)
    payment, carry_forward = connection.execute(query).one()
    return Stated(payment, carry_forward)


def up_to_now(connection: Connection, stated: Stated) -> Stated:
    """The same, ending with what has been written by now. The caller holds `locks.PERIODS` exclusively."""
    last_payment = connection.execute(select(func.max(payments.c.id))).scalar_one()
    last_carried = connection.execute(select(func.max(carry_forwards.c.id))).scalar_one()
    return stated._replace(until_payment=last_payment or 0, until_carry_forward=last_carried or 0)


def read_carried(connection: Connection, stated: Stated) -> dict[int, int]:
    """What is carried forward in the span, by participant."""
    query = _sums(carry_forwards.c, carry_forwards.c.amount).where(
        *_within(carry_forwards.c.id, stated.carry_forward, stated.until_carry_forward)
    )
    return _by_participant(connection, query)


def read_paid(connection: Connection, stated: Stated) -> dict[int, int]:
    """What was paid in the span, in less out, by participant."""
    query = _sums(payments.c, PAID).where(*_within(payments.c.id, stated.payment, stated.until_payment))
    return _by_participant(connection, query)


def read_open(connection: Connection, before: int) -> dict[int, int]:
    """What was open, by participant, after the last statement of a period before this one."""
    nets = settlement_nets.c
    moved = nets.net - nets.carried_forward + nets.payments
    return _by_participant(connection, _sums(nets, moved).where(nets.period < before))


def read_balances(connection: Connection, period: int) -> dict[int, Balance]:
    """What became of a closed period's nets so far, by participant."""
    paid = _by_participant(connection, _sums(payments.c, PAID).where(payments.c.period == period))
    carried = _by_participant(
        connection, _sums(carry_forwards.c, carry_forwards.c.amount).where(carry_forwards.c.period == period)
    )
    query = select(settlement_nets.c.participant_id, settlement_nets.c.net)
    return {
        participant_id: Balance(net, paid.get(participant_id, 0), carried.get(participant_id, 0))
        for participant_id, net in connection.execute(query.where(settlement_nets.c.period == period))
    }


def _within(number: ColumnElement[int], after: int, until: int | None) -> list[ColumnElement[bool]]:
    return [number > after] if until is None else [number > after, number <= until]


def _sums(columns: Any, amount: ColumnElement[Any]) -> Select:
    return select(columns.participant_id, func.sum(amount)).group_by(columns.participant_id)


def _by_participant(connection: Connection, query: Select) -> dict[int, int]:
    return {participant_id: int(amount) for participant_id, amount in connection.execute(query)}
