"""What can be asked of the ledger. A command is complete: nothing in it is looked up from the outside."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from clearing.core.accounts import Asset
from clearing.core.directory import Merchant


class Scope(StrEnum):
    OPERATOR = "operator"
    PARTICIPANT = "participant"
    MERCHANT = "merchant"
    FINANCE = "finance"
    AUDITOR = "auditor"


class Caller(NamedTuple):
    """On whose authority a command comes: the scope of an API key and what it is confined to."""

    key_id: str
    scope: Scope
    participant_id: int | None = None
    merchant_id: int | None = None

    def may_post_at(self, merchant: Merchant | None) -> bool:
        """`merchant` None is one that does not exist: who may act for several may learn that."""
        match self.scope:
            case Scope.OPERATOR:
                return True
            case Scope.PARTICIPANT:
                return merchant is None or merchant.participant_id == self.participant_id
            case Scope.MERCHANT:
                return merchant is not None and merchant.id == self.merchant_id
            case _:
                return False

    def may_issue_for(self, participant_id: int) -> bool:
        return self.scope is Scope.OPERATOR or (
            self.scope is Scope.PARTICIPANT and self.participant_id == participant_id
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What all commands carry.

    `key`: the idempotency key, and `request_hash`: the whole request, both hashed to a UUID's text.
    `former_key`, `former_hashes`: the same as they were hashed by earlier versions, for outcomes recorded
    then; None where there is no difference. The hashes are made only when they are asked for.
    `historical`: book it at the time it occurred (an operator loading the past).
    """

    key: str
    request_hash: str
    caller: Caller
    former_key: str | None = None
    former_hashes: Callable[[], Collection[str]] | None = None
    occurred_at: datetime | None = None
    historical: bool = False
    reference: str | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithCard(Command):
    """A command about whoever holds this card."""

    card: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnWallet(Command):
    """A command about something that a wallet has: a hold, a transaction, a lot."""

    wallet_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AtMerchant(WithCard):
    """A command given at a merchant, by its code."""

    merchant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accrual(AtMerchant):
    """Cash consumption of `amount` fen; `points` None lets the acceptor's earn rate decide."""

    amount: int
    points: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption(AtMerchant):
    """Use `points`, or as many as are worth `amount` fen; exactly one of the two is given.

    `capture` False only sets them aside, until `expires_at` or as long as the alliance's default.
    """

    points: int | None = None
    amount: int | None = None
    purpose: str | None = None
    capture: bool = True
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(AtMerchant):
    """Sell `amount` fen of stored value of the issuer with this code; None is the acceptor's own."""

    amount: int
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend(AtMerchant):
    """Pay `amount` fen with stored value; `capture` and `expires_at` as in a redemption."""

    amount: int
    capture: bool = True
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening(WithCard):
    """A balance from before the alliance: `quantity` points, or fen of stored value, of one issuer."""

    issuer: str
    asset: Asset
    quantity: int
    expires_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnHold(OnWallet):
    hold_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(OnHold):
    """Take what is held: all of it, or so many `points` or fen (`amount`); the rest is released."""

    points: int | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Void(OnHold):
    """Release what is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse(OnHold):
    """Release what is held because its time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal(OnWallet):
    """Undo a transaction: all that is left of it, or so many `points` or fen (`amount`)."""

    transaction_id: int
    reason: str
    points: int | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry(OnWallet):
    """End what is left in a lot whose last day is over."""

    lot_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrearsPayment(OnWallet):
    """Let the wallet's points of an issuer pay what it owes that issuer."""

    issuer_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsAdjustment(Command):
    """Give `points` of the issuer to a wallet, or take them away (below zero), for a stated reason.

    `card` tells the wallet. What is given ends on `expires_on`; None: as points earned today would.
    """

    card: str
    issuer_id: int
    points: int
    reason: str
    expires_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyAdjustment(OnWallet):
    """Let one participant owe another `amount` fen, for a stated reason. Its wallet is that of the hub.

    A creditor that is the hub makes it a service fee; a debtor that is the hub gives one back.
    """

    debtor_id: int
    creditor_id: int
    amount: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(WithCard):
    """Let the holders of two cards be one person: their wallets become one. Alone in its batch.

    `consents`: the participants that agree to it.
    """

    other_card: str
    consents: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlink(WithCard):
    """Give the card's member a wallet of its own again; it takes along what its participant owes.

    Alone in its batch.
    """
