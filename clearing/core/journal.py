"""The rows of the journal, as they are written and as they are read back. Nothing ever changes one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import IntEnum
from typing import NamedTuple

from clearing.core.accounts import EntryKind


class TransactionKind(IntEnum):
    """Stored as a small number; never renumber."""

    ACCRUAL = 1
    REDEMPTION = 2
    LOAD = 3
    SPEND = 4
    OPENING = 5
    REVERSAL = 6
    EXPIRY = 7
    ADJUSTMENT = 8
    TRANSFER = 9

    @property
    def label(self) -> str:
        return self.name.lower()


class LegKind(IntEnum):
    """The first four are exchange kinds and carry their numbers. Stored; never renumber."""

    VISIT = 1
    REDEMPTION = 2
    SPEND = 3
    LOAD = 4
    ISSUE = 5
    OPENING = 6
    EXPIRY = 7
    ADJUSTMENT = 8
    TRANSFER = 9

    @property
    def label(self) -> str:
        return self.name.lower()


class Reason(IntEnum):
    """Why a leg was charged or free. Stored as a small number; never renumber."""

    OWN_SYSTEM = 1
    EXCHANGE = 2
    WAIVED = 3
    NO_FEE_RULE = 4
    ADJUSTMENT = 5
    #: Of a reversal: a dispute has given back the money, or a part of it, before.
    CORRECTED = 6

    @property
    def label(self) -> str:
        return self.name.lower()


class Transaction(NamedTuple):
    """One business act. `points`, and `amount` in fen; `period` is a number such as 202611.

    `late`: it occurred before the period in which it is booked. `merchant_id` is None only where no
    merchant took part (opening balances, expiry), and `card_number` where no card did (expiry).
    `rule_version` is the rulebook that judged it. A reversal names what it undoes as `original_id` and has
    quantities below zero, as have its legs: with the original they add up to the rest. `original_wallet_id`
    is None where the original was booked in the same wallet, as it is unless wallets were linked since.
    A transfer moves lots from one wallet of a person to another: two transactions, which add up to nothing.
    """

    period: int
    wallet_id: int
    id: int
    kind: TransactionKind
    card_number: str | None
    merchant_id: int | None
    acceptor_id: int
    occurred_at: datetime
    booked_at: datetime
    late: bool
    points: int
    amount: int
    rule_version: int
    posted_by: str | None
    reference: str | None
    purpose: str | None
    metadata: Mapping[str, str] | None
    original_id: int | None = None
    original_period: int | None = None
    original_wallet_id: int | None = None


class Leg(NamedTuple):
    """The part of a transaction that concerns one issuer; it crosses when issuer and acceptor differ.

    `amount`, `obligation` and the fees are fen. The obligation runs from issuer to acceptor, and for a
    load from acceptor to issuer. The fee's two parts are what the acceptor and the issuer pay the hub.
    A leg of a reversal has the kind of the leg it undoes, and quantities below zero.
    """

    period: int
    wallet_id: int
    transaction_id: int
    number: int
    kind: LegKind
    issuer_id: int
    acceptor_id: int
    points: int
    amount: int
    obligation: int
    acceptor_fee: int
    issuer_fee: int
    fee_rule_id: int | None
    reason: Reason

    @property
    def cross_system(self) -> bool:
        return self.issuer_id != self.acceptor_id

    @property
    def fee(self) -> int:
        return self.acceptor_fee + self.issuer_fee


class Entry(NamedTuple):
    """One debit and one credit of the same quantity, above zero. The kind fixes account classes and unit."""

    period: int
    wallet_id: int
    transaction_id: int
    number: int
    kind: EntryKind
    debit: int
    credit: int
    quantity: int


class LotMovement(NamedTuple):
    """A quantity put into (`credit`) or taken out of one lot; points, or fen of stored value."""

    issuer_id: int
    lot_id: int
    expires_on: date | None
    quantity: int
    credit: bool


class Booking(NamedTuple):
    """All that one command wrote: what an answer, a receipt and a statement are made of."""

    transaction: Transaction
    legs: Sequence[Leg]
    movements: Sequence[LotMovement]


class PositionKey(NamedTuple):
    """A running total: what crossed between two participants, by kind and period."""

    period: int
    issuer_id: int
    acceptor_id: int
    kind: LegKind


class PositionChange(NamedTuple):
    """Sums over legs: their number (`exchanges`), points, and fen."""

    exchanges: int
    points: int
    amount: int
    obligation: int
    acceptor_fee: int
    issuer_fee: int

    def plus(self, leg: Leg) -> "PositionChange":
        return PositionChange(
            self.exchanges + 1,
            self.points + leg.points,
            self.amount + leg.amount,
            self.obligation + leg.obligation,
            self.acceptor_fee + leg.acceptor_fee,
            self.issuer_fee + leg.issuer_fee,
        )


NO_CHANGE = PositionChange(0, 0, 0, 0, 0, 0)


class VolumeKey(NamedTuple):
    """A running total of what one fee rule with tiers has priced between two participants in a period.

    What a reversal takes back counts to the month of what it reverses, `of_period`; all else to its own.
    """

    period: int
    rule_id: int
    issuer_id: int
    acceptor_id: int
    of_period: int


class VolumeChange(NamedTuple):
    """Sums over legs, in fen."""

    amount: int
    acceptor_fee: int
    issuer_fee: int

    def plus(self, leg: Leg) -> "VolumeChange":
        return VolumeChange(
            self.amount + leg.amount, self.acceptor_fee + leg.acceptor_fee, self.issuer_fee + leg.issuer_fee
        )


NO_VOLUME = VolumeChange(0, 0, 0)


def parties(kind: LegKind, issuer_id: int, acceptor_id: int) -> tuple[int, int]:
    """(debtor, creditor) of the principal: the issuer owes the acceptor, and for a load the reverse."""
    return (acceptor_id, issuer_id) if kind is LegKind.LOAD else (issuer_id, acceptor_id)
