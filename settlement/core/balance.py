"""What becomes of a net after closing: payments, what is left, and how long it is overdue. Pure; all fen.

Amounts are signed as nets: above zero the hub owes the participant.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class PaymentDirection(StrEnum):
    """As the hub sees it: `in` was paid by a participant, `out` to one."""

    IN = "in"
    OUT = "out"

    @property
    def opposite(self) -> "PaymentDirection":
        return PaymentDirection.OUT if self is PaymentDirection.IN else PaymentDirection.IN


class Payment(StrEnum):
    """How far a net is paid."""

    NOTHING_DUE = "nothing_due"
    UNPAID = "unpaid"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    OVERPAID = "overpaid"
    CARRIED_FORWARD = "carried_forward"


class Balance(NamedTuple):
    """One net and what happened to it: `paid` in all (in less out), `carried` into later settlements."""

    net: int
    paid: int = 0
    carried: int = 0

    @property
    def outstanding(self) -> int:
        """What is still to be paid: by the hub if above zero, by the participant if below."""
        return self.net + self.paid - self.carried

    @property
    def payment(self) -> Payment:
        if self.outstanding == 0:
            if self.carried:
                return Payment.CARRIED_FORWARD
            return Payment.PAID if self.net else Payment.NOTHING_DUE
        if self.net * self.outstanding <= 0:
            return Payment.OVERPAID
        return Payment.PARTLY_PAID if abs(self.outstanding) < abs(self.net) else Payment.UNPAID


class Doubt(StrEnum):
    """Why a payment is probably not what it seems to be."""

    WRONG_DIRECTION = "wrong_direction"
    BEYOND_THE_NET = "beyond_the_net"


#: What is paid on a net beyond so many times the net is put on record only when somebody has confirmed it.
OVERPAYMENT_FACTOR = 2


def doubt(balance: Balance, earlier: Sequence[int], direction: PaymentDirection, amount: int) -> Doubt | None:
    """What is doubtful about one more payment on a net: that it goes the wrong way, or far beyond the net.

    `earlier`: the payments on the net so far, above zero if they came in. What takes back one of them as a
    whole is not doubtful, nor what pays no more than is left, as when too much paid is returned.
    """
    moved = signed(direction, amount)
    takes_back = earlier.count(-moved) > earlier.count(moved)
    pays_what_is_left = balance.outstanding * moved < 0 and amount <= abs(balance.outstanding)
    if takes_back or pays_what_is_left:
        return None
    if balance.net * moved > 0:
        return Doubt.WRONG_DIRECTION
    beyond = abs(balance.paid + moved) > OVERPAYMENT_FACTOR * abs(balance.net)
    return Doubt.BEYOND_THE_NET if beyond else None


class Ageing(NamedTuple):
    """An outstanding amount by how many days it is overdue."""

    current: int = 0
    days_1_30: int = 0
    days_31_60: int = 0
    days_61_90: int = 0
    over_90: int = 0

    @property
    def total(self) -> int:
        return sum(self)

    def plus(self, other: "Ageing") -> "Ageing":
        return Ageing(*(one + another for one, another in zip(self, other, strict=True)))


def aged(outstanding: int, due_on: date, on: date) -> Ageing:
    """All of it in the one bucket where it belongs on that day; current until the due day is over."""
    days = (on - due_on).days
    for last_day, name in ((0, "current"), (30, "days_1_30"), (60, "days_31_60"), (90, "days_61_90")):
        if days <= last_day:
            return Ageing(**{name: outstanding})
    return Ageing(over_90=outstanding)


def signed(direction: PaymentDirection, amount: int) -> int:
    """A payment as it moves a net's outstanding amount: money that came in reduces a debt to the hub."""
    return amount if direction is PaymentDirection.IN else -amount
