"""Whether a payment can be put on record as it is: looked at before anything is written.

A bank's file is judged as a whole before its first row is recorded, so each row is looked at with those above
it as if they were on record already.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple
from unicodedata import normalize

from sqlalchemy import Connection, Row, func, or_, select

from clearing import ids
from clearing.core.calendar import period_name
from clearing.core.texts import sought
from settlement.accounts import PAID, read_balances
from settlement.core.balance import OVERPAYMENT_FACTOR, Balance, Doubt, PaymentDirection, doubt, signed
from settlement.core.bank_cells import YEARS, is_rounded
from settlement.life import lock_closed, not_approved
from settlement.query import read_participant_codes
from settlement.refusals import Refusal, Refused
from settlement.tables import payments

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


class _Nets(NamedTuple):
    """`moves`: by participant, the payments on the net, above zero if they came in."""

    approved: bool
    balances: dict[int, Balance]
    moves: dict[int, list[int]]


class Judge:
    """Judges payments one after another. The caller holds `locks.PAYMENTS`, so nothing changes meanwhile.

    `references`: all that will be asked about, so that those on record are read at once.
    """

    def __init__(self, connection: Connection, references: Collection[str]) -> None:
        self._connection = connection
        self.now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        self._known = _read_known(connection, references)
        self._nets: dict[int, _Nets | Refusal] = {}

    def outcome(self, number: int, payment: NewPayment, *, confirmed: bool) -> Row | Refusal | None:
        """The same payment that is on record already, why it cannot be recorded, or None if it can be."""
        refusal = _refused_by_itself(payment, self.now)
        if refusal is not None:
            return refusal
        nets = self._read_nets(number)
        if isinstance(nets, Refusal):
            return nets
        balance = nets.balances.get(payment.participant_id)
        if balance is None:
            return Refusal(Refused.NOT_FOUND, f"This participant has no net in {period_name(number)}.")
        known = self._known.get(payment.bank_reference)
        if known is not None:
            return known if _is_same(known, number, payment) else self._taken(known)
        if payment.direction is PaymentDirection.OUT and not nets.approved:
            return not_approved(number)
        earlier = nets.moves.get(payment.participant_id, [])
        found = None if confirmed else doubt(balance, earlier, payment.direction, payment.amount)
        return None if found is None else self._doubtful(found, number, payment, balance)

    def outstanding(self, number: int, participant_id: int) -> int:
        """What is left of a net, with what was counted; 0 where there is none."""
        nets = self._read_nets(number)
        if isinstance(nets, Refusal) or participant_id not in nets.balances:
            return 0
        return nets.balances[participant_id].outstanding

    def count(self, number: int, payment: NewPayment) -> None:
        """Take the payment as recorded for what is judged after it."""
        nets = self._read_nets(number)
        assert isinstance(nets, _Nets), "it was judged"
        before = nets.balances[payment.participant_id]
        moved = signed(payment.direction, payment.amount)
        nets.balances[payment.participant_id] = before._replace(paid=before.paid + moved)
        nets.moves.setdefault(payment.participant_id, []).append(moved)

    def _read_nets(self, number: int) -> _Nets | Refusal:
        if number not in self._nets:
            settled = lock_closed(self._connection, number)
            self._nets[number] = (
                settled
                if isinstance(settled, Refusal)
                else _Nets(
                    settled.approved_at is not None,
                    read_balances(self._connection, number),
                    _read_moves(self._connection, number),
                )
            )
        return self._nets[number]

    def _code(self, participant_id: int) -> str:
        return read_participant_codes(self._connection)[participant_id]

    def _doubtful(self, found: Doubt, number: int, payment: NewPayment, balance: Balance) -> Refusal:
        code, period, fen = self._code(payment.participant_id), period_name(number), abs(balance.net)
        if found is Doubt.BEYOND_THE_NET:
            paid = abs(balance.paid + signed(payment.direction, payment.amount))
            return Refusal(
                Refused.TO_BE_CONFIRMED,
                f"With this payment {paid} fen are paid on the net of {code} in {period}, which is {fen} fen;"
                f" more than {OVERPAYMENT_FACTOR} times a net is probably a wrong amount or a wrong net."
                " If it is right, record it by hand with confirmed: true.",
            )
        if balance.net < 0:
            return Refusal(
                Refused.WRONG_DIRECTION,
                f"{code} owes the hub {fen} fen for {period}, and this payment goes out of the hub's account."
                " Check its sign and which net it is for; if it is right, record it by hand with"
                " confirmed: true.",
            )
        return Refusal(
            Refused.WRONG_DIRECTION,
            f"The hub owes {code} {fen} fen for {period}, and this payment comes into the hub's account."
            " Check its sign and which net it is for; if it is right, record it by hand with"
            " confirmed: true.",
        )

    def _taken(self, known: Row) -> Refusal:
        code = self._code(known.participant_id)
        return Refusal(
            Refused.DUPLICATE_REFERENCE,
            f"{known.bank_reference!r} is on record as {known.amount} fen {known.direction} on the net of"
            f" {code} in {period_name(known.period)} ({payment_id(known.id)}). Take that back first if it is"
            f" wrong; another part of the same transfer is recorded as {known.bank_reference}/2.",
        )


def payment_id(number: int) -> str:
    """`pay_…`"""
    return ids.encode("pay", number)


def rounded(reference: str) -> Refusal | None:
    """Refused if a spreadsheet has made a rounded number of a bank's reference."""
    if not is_rounded(reference):
        return None
    return Refusal(
        Refused.REFERENCE_ROUNDED,
        f"{reference!r} is what a spreadsheet makes of a long number; its last digits are lost. Format the"
        " column as text, export the bank's statement again, and send that.",
    )


def out_of_bounds(paid_at: datetime) -> Refusal | None:
    """Refused if no alliance can have paid anything in that year."""
    if paid_at.year in YEARS:
        return None
    return Refusal(
        Refused.DATE_OUT_OF_BOUNDS,
        f"It cannot have been paid in the year {paid_at.year}; check the date.",
    )


def _refused_by_itself(payment: NewPayment, now: datetime) -> Refusal | None:
    refusal = rounded(payment.bank_reference)
    if refusal is not None or payment.paid_at is None:
        return refusal
    if payment.paid_at > now + CLOCK_SKEW:
        refusal = Refusal(
            Refused.OCCURRED_IN_FUTURE, "It has not been paid yet; check the time and its offset."
        )
    return out_of_bounds(payment.paid_at) or refusal


def _read_known(connection: Connection, references: Collection[str]) -> dict[str, Row]:
    """The payments with these references that have not been taken back.

    Earlier versions kept a reference as it was sent, with blanks around it or in full-width letters. Those
    are found by the form of now, unless another payment has it.
    """
    reference = payments.c.bank_reference
    taken_back = select(payments.c.reverses).where(payments.c.reverses.is_not(None))
    query = select(payments).where(payments.c.id.not_in(taken_back)).order_by(payments.c.id.desc())
    # As the index says it.
    unusual = or_(
        func.octet_length(reference) != func.char_length(reference), reference != func.btrim(reference)
    )
    known: dict[str, Row] = {}
    for row in connection.execute(query.where(unusual)):
        for form in (sought(row.bank_reference), sought(normalize("NFKC", row.bank_reference))):
            known[form] = row
    return known | {
        row.bank_reference: row for row in connection.execute(query.where(reference.in_(list(references))))
    }


def _read_moves(connection: Connection, number: int) -> dict[int, list[int]]:
    moves: dict[int, list[int]] = {}
    query = select(payments.c.participant_id, PAID).where(payments.c.period == number)
    for participant_id, moved in connection.execute(query):
        moves.setdefault(participant_id, []).append(int(moved))
    return moves


def _is_same(known: Row, number: int, payment: NewPayment) -> bool:
    """Whenever it was paid: who records it by hand knows the minute, and a bank statement only the day."""
    return (known.period, known.participant_id, known.direction, known.amount) == (
        number,
        payment.participant_id,
        payment.direction.value,
        payment.amount,
    )
