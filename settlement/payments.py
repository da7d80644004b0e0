"""Payments on nets, and what is carried forward instead of being paid.

Rows are only added: a payment recorded by mistake is taken back by its opposite. All recording takes turns,
and waits for a closing in progress, so that each row stands on exactly one statement. Every function works in
the caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Row, Select, func, insert, select

from clearing import ids, locks
from clearing.core.calendar import period_name
from clearing.core.events import EventType
from clearing.events import Told, tell
from settlement.accounts import read_balances
from settlement.core.balance import Balance, PaymentDirection
from settlement.life import lock_closed, not_approved, settle_if_paid
from settlement.query import read_participant_codes
from settlement.refusals import Refusal, Refused
from settlement.tables import carry_forwards, payments

#: How far a bank's clock may run ahead of ours.
CLOCK_SKEW = timedelta(minutes=2)


class NewPayment(NamedTuple):
    """`amount` in fen, above zero; `bank_reference` is the bank's own number of the transfer.

    `paid_at` None means now.
    """

    participant_id: int
    direction: PaymentDirection
    amount: int
    bank_reference: str
    paid_at: datetime | None = None
    note: str | None = None


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
    connection: Connection, number: int, payment: NewPayment, recorded_by: str
) -> Recorded | Refusal:
    """Put a payment on a closed period's net on record. The same one again is answered with the first.

    Money is paid out of an approved period only; what has come in is a fact as soon as there is a net.
    A bank's reference stands for one payment, unless that was taken back.
    """
    locks.hold_exclusively(connection, locks.PAYMENTS)
    now = connection.execute(select(func.clock_timestamp())).scalar_one()
    paid_at = payment.paid_at or now
    if paid_at > now + CLOCK_SKEW:
        return Refusal(Refused.OCCURRED_IN_FUTURE, "It has not been paid yet; check the time and its offset.")
    settled = lock_closed(connection, number)
    if isinstance(settled, Refusal):
        return settled
    if payment.participant_id not in read_balances(connection, number):
        return Refusal(Refused.NOT_FOUND, f"This participant has no net in {period_name(number)}.")
    known = _known(connection, payment.bank_reference)
    if known is not None:
        return (
            Recorded(known, replayed=True) if _is_same(known, number, payment) else _taken(connection, known)
        )
    if payment.direction is PaymentDirection.OUT and settled.approved_at is None:
        return not_approved(number)
    same_reference = select(func.count()).where(payments.c.bank_reference == payment.bank_reference)
    row = _insert(
        connection,
        period=number,
        **payment._asdict() | {"paid_at": paid_at, "direction": payment.direction.value},
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


def payment_id(number: int) -> str:
    """`pay_…`"""
    return ids.encode("pay", number)


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


def _known(connection: Connection, bank_reference: str) -> Row | None:
    """The payment with this reference that has not been taken back."""
    taken_back = select(payments.c.reverses).where(payments.c.reverses.is_not(None))
    query: Select = select(payments).where(
        payments.c.bank_reference == bank_reference, payments.c.id.not_in(taken_back)
    )
    return connection.execute(query).one_or_none()


def _is_same(known: Row, number: int, payment: NewPayment) -> bool:
    """Whenever it was paid: who records it by hand knows the minute, and a bank statement only the day."""
    return (known.period, known.participant_id, known.direction, known.amount) == (
        number,
        payment.participant_id,
        payment.direction.value,
        payment.amount,
    )


def _taken(connection: Connection, known: Row) -> Refusal:
    code = read_participant_codes(connection)[known.participant_id]
    return Refusal(
        Refused.DUPLICATE_REFERENCE,
        f"{known.bank_reference!r} is on record as {known.amount} fen {known.direction} on the net of {code}"
        f" in {period_name(known.period)} ({payment_id(known.id)}). Take that back first if it is wrong;"
        f" another part of the same transfer is recorded as {known.bank_reference}/2.",
    )
