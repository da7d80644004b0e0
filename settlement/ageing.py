"""What is still to be paid, by whom, and for how long it has been overdue."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from clearing.core.calendar import PeriodState
from clearing.tables import periods
from settlement.accounts import PAID
from settlement.core.balance import Ageing, PaymentDirection, aged
from settlement.tables import carry_forwards, payments, settlement_nets, settlements


class Open(NamedTuple):
    """One net of which something is left: `outstanding` is signed as nets."""

    period: int
    participant_id: int
    state: PeriodState
    due_on: date
    outstanding: int


class AgedDebt(NamedTuple):
    """All that one participant owes the hub (`in`) or is owed by it (`out`); amounts are not signed."""

    participant_id: int
    direction: PaymentDirection
    ageing: Ageing


def read_open_nets(connection: Connection, participant_id: int | None = None) -> list[Open]:
    """Every net of a closed period of which something is left, the oldest first."""
    nets = settlement_nets.c
    paid = (
        select(func.coalesce(func.sum(PAID), 0))
        .where(payments.c.period == nets.period, payments.c.participant_id == nets.participant_id)
        .scalar_subquery()
    )
    carried = (
        select(func.coalesce(func.sum(carry_forwards.c.amount), 0))
        .where(carry_forwards.c.period == nets.period, carry_forwards.c.participant_id == nets.participant_id)
        .scalar_subquery()
    )
    outstanding = nets.net + paid - carried
    query = (
        select(nets.period, nets.participant_id, periods.c.state, settlements.c.due_on, outstanding)
        .join(settlements, settlements.c.period == nets.period)
        .join(periods, periods.c.number == nets.period)
        .where(periods.c.state != PeriodState.SETTLED.value, outstanding != 0)
        .order_by(nets.period, nets.participant_id)
    )
    if participant_id is not None:
        query = query.where(nets.participant_id == participant_id)
    return [
        Open(period, who, PeriodState(state), due_on, int(amount))
        for period, who, state, due_on, amount in connection.execute(query)
    ]


def age(nets: Sequence[Open], on: date) -> list[AgedDebt]:
    """The debts of each participant and to it, by participant."""
    debts: dict[tuple[int, PaymentDirection], Ageing] = {}
    for one in nets:
        direction = PaymentDirection.IN if one.outstanding < 0 else PaymentDirection.OUT
        key = (one.participant_id, direction)
        debts[key] = debts.get(key, Ageing()).plus(aged(abs(one.outstanding), one.due_on, on))
    return [AgedDebt(*key, ageing) for key, ageing in sorted(debts.items())]
