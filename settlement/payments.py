"""Payments on nets, and what is carried forward instead of being paid.

Rows are only added: a payment recorded by mistake is taken back by its opposite. All recording takes turns,
and waits for a closing in progress, so that each row stands on exactly one statement. Every function works in
the caller's transaction.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Row, func, insert, select

from clearing import locks
from clearing.core.calendar import period_name
from clearing.core.events import EventType
from clearing.events import Told, tell
from settlement.accounts import read_balances
from settlement.core.balance import Balance, PaymentDirection
from settlement.judging import Judge, NewPayment, payment_id
from settlement.life import lock_closed, not_approved, settle_if_paid
from settlement.refusals import Refusal, Refused
from settlement.tables import carry_forwards, payments


class Recorded(NamedTuple):
    """`row` of `payments`; `replayed`: it was on record before."""

    row: Row
    replayed: bool


class Carried(NamedTuple):
    """`amount` entered the next settlement; `replayed`: it was carried before."""

    amount: int
    balance: Balance
    replayed: bool


def record_payment(
    connection: Connection, number: int, payment: NewPayment, recorded_by: str, *, confirmed: bool = False
) -> Recorded | Refusal:
    """Put a payment on a closed period's net on record. The same one again is answered with the first.

    Money is paid out of an approved period only; what has come in is a fact as soon as there is a net.
    A bank's reference stands for one payment, unless that was taken back. What goes the wrong way, or far
    beyond the net, is refused unless somebody has `confirmed` it.
    """
    locks.hold_exclusively(connection, locks.PAYMENTS)
    judge = Judge(connection, [payment.bank_reference])
    outcome = judge.outcome(number, payment, confirmed=confirmed)
    if isinstance(outcome, Refusal):
        return outcome
    if outcome is not None:
        return Recorded(outcome, replayed=True)
    same_reference = select(func.count()).where(payments.c.bank_reference == payment.bank_reference)
    row = _insert(
        connection,
        period=number,
        **payment._asdict() | {"paid_at": payment.paid_at or judge.now, "direction": payment.direction.value},
        attempt=connection.execute(same_reference).scalar_one(),
        recorded_by=recorded_by,
    )
    return Recorded(row, replayed=False)


def reverse_payment(
    connection: Connection, number: int, payment_id: int, reason: str, recorded_by: str
) -> Recorded | Refusal:
    """Take back a payment that was recorded by mistake, whole; again is answered with the first time.

    Its bank reference can then be recorded anew.
    """
    locks.hold_exclusively(connection, locks.PAYMENTS)
    wrong = connection.execute(
        select(payments).where(payments.c.id == payment_id, payments.c.period == number)
    ).one_or_none()
    if wrong is None:
        return Refusal(Refused.NOT_FOUND, f"There is no such payment of {period_name(number)}.")
    if wrong.reverses is not None:
        return Refusal(Refused.NOT_REVERSIBLE, "It takes a payment back itself; record the payment anew.")
    settled = lock_closed(connection, number)
    assert not isinstance(settled, Refusal), "it has payments"
    before = connection.execute(select(payments).where(payments.c.reverses == wrong.id)).one_or_none()
    if before is not None:
        return Recorded(before, replayed=True)
    row = _insert(
        connection,
        period=number,
        participant_id=wrong.participant_id,
        direction=PaymentDirection(wrong.direction).opposite.value,
        amount=wrong.amount,
        reverses=wrong.id,
        paid_at=func.clock_timestamp(),
        note=reason,
        recorded_by=recorded_by,
    )
    return Recorded(row, replayed=False)


def carry_forward(
    connection: Connection, number: int, participant_id: int, reason: str, made_by: str
) -> Carried | Refusal:
    """Let what is left of a net, whoever owes it, enter the next settlement instead of being paid."""
    locks.hold_exclusively(connection, locks.PAYMENTS)
    settled = lock_closed(connection, number)
    if isinstance(settled, Refusal):
        return settled
    balance = read_balances(connection, number).get(participant_id)
    if balance is None:
        return Refusal(Refused.NOT_FOUND, f"This participant has no net in {period_name(number)}.")
    if settled.approved_at is None:
        return not_approved(number)
    if balance.outstanding == 0:
        if balance.carried:
            return Carried(balance.carried, balance, replayed=True)
        return Refusal(Refused.NOTHING_OUTSTANDING, "Nothing is left of this net; there is nothing to carry.")
    locks.hold_shared(connection, locks.PERIODS)
    connection.execute(
        insert(carry_forwards).values(
            period=number,
            participant_id=participant_id,
            amount=balance.outstanding,
            reason=reason,
            made_at=func.clock_timestamp(),
            made_by=made_by,
        )
    )
    settle_if_paid(connection, number)
    after = balance._replace(carried=balance.carried + balance.outstanding)
    return Carried(balance.outstanding, after, replayed=False)


def list_payments(connection: Connection, number: int, participant_id: int | None = None) -> Sequence[Row]:
    """Of one period, in the order in which they were recorded, those that were taken back too."""
    query = select(payments).where(payments.c.period == number).order_by(payments.c.id)
    if participant_id is not None:
        query = query.where(payments.c.participant_id == participant_id)
    return connection.execute(query).all()


def list_carried(connection: Connection, number: int, participant_id: int | None = None) -> Sequence[Row]:
    """What was carried out of one period's nets, in that order."""
    query = select(carry_forwards).where(carry_forwards.c.period == number).order_by(carry_forwards.c.id)
    if participant_id is not None:
        query = query.where(carry_forwards.c.participant_id == participant_id)
    return connection.execute(query).all()


def _insert(connection: Connection, **values: object) -> Row:
    locks.hold_shared(connection, locks.PERIODS)
    row = connection.execute(
        insert(payments).values(recorded_at=func.clock_timestamp(), **values).returning(payments)
    ).one()
    settle_if_paid(connection, row.period)
    data = {
        "payment": payment_id(row.id),
        "period": period_name(row.period),
        "direction": row.direction,
        "amount": row.amount,
        "reverses": None if row.reverses is None else payment_id(row.reverses),
        "outstanding": read_balances(connection, row.period)[row.participant_id].outstanding,
    }
    once = f"{EventType.PAYMENT_RECORDED} {row.id}"
    tell(connection, [Told(EventType.PAYMENT_RECORDED, row.participant_id, data, once)])
    return row
