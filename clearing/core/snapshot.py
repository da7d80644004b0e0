"""All that a batch may depend on, read under lock before anything is decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from clearing.core.accounts import Asset
from clearing.core.calendar import Period
from clearing.core.directory import Directory
from clearing.core.holds import Hold
from clearing.core.journal import Booking, TransactionKind
from clearing.core.limits import Cap, Usage, UsageKey, UsedSince
from clearing.core.outcomes import Recorded


class CardStatus(StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"
    EXPIRED = "expired"


class Card(NamedTuple):
    number: str
    wallet_id: int
    issuer_id: int
    status: CardStatus = CardStatus.ACTIVE
    expires_on: date | None = None

    def is_good(self, on: date) -> bool:
        """Whether it is honoured that day; the expiry date is the last good day."""
        return self.status is CardStatus.ACTIVE and (self.expires_on is None or self.expires_on >= on)


class Lot(NamedTuple):
    """What one issuer owes one wallet with one expiry date; points, or fen of stored value."""

    wallet_id: int
    id: int
    issuer_id: int
    asset: Asset
    expires_on: date | None
    available: int
    held: int = 0

    def with_balance(self, available: int, held: int) -> "Lot":
        """The same lot with these quantities; made by hand, as `_replace` takes four times as long."""
        return Lot(self.wallet_id, self.id, self.issuer_id, self.asset, self.expires_on, available, held)


class ReferenceKey(NamedTuple):
    """A merchant's own number for a transaction: unique per merchant and kind.

    An opening balance has no merchant; its number is the issuer's, whose id then stands in `merchant_id`.
    """

    merchant_id: int
    kind: TransactionKind
    reference: str


class Terms(NamedTuple):
    """What a rulebook that is no longer in force said of the worth of points."""

    point_value: Decimal
    reimbursement_rate: Decimal


class Corrected(NamedTuple):
    """What was given back of a leg in money only. `quantity`: so much of it, in points of a redemption or
    fen, with the obligation and the fee that go with that; the other two: fees by themselves.
    """

    quantity: int = 0
    acceptor_fee: int = 0
    issuer_fee: int = 0


class Trace(NamedTuple):
    """Points were taken out of lots with that last day, or put into them (`credit`): used, given back, or
    taken to pay arrears.
    """

    kind: TransactionKind
    transaction_id: int
    original_id: int | None
    expires_on: date | None
    credit: bool


class Original(NamedTuple):
    """A transaction that is to be reversed, and how much of it has been already, above zero.

    `ends`: of an accrual, the transactions by which points of its issuer became breakage in the wallets to
    which its own may have come, the earliest first; `traces`: what else became of points of its issuer there,
    read only where some ended. `corrected`: what was given back of its legs in money only, by leg number.
    """

    booking: Booking
    terms: Terms
    points_reversed: int
    amount_reversed: int
    ends: Sequence["Original"] = ()
    corrected: Mapping[int, Corrected] = MappingProxyType({})
    traces: Sequence[Trace] = ()


class ArrearsKey(NamedTuple):
    wallet_id: int
    issuer_id: int


@dataclass(frozen=True)
class Snapshot:
    """`cards` by number: the presented ones, and every other card of their wallets.

    `closed_until`: the end of the last closed period; nothing is booked before it. `lots` and `arrears` are
    those of the wallets touched; `holds` and `originals` those that are named, by id. `usage` is empty where
    nothing limits it, and counts from the ids `used_since`; `caps` are those of the participants who may be
    concerned, by id. `elsewhere`: the wallet in which a hold or transaction lies that is named by another
    (wallet id, id), as wallets were merged since; `merged`: into which wallet that one was. `open_holds`: all
    of a wallet that a member is to leave.
    """

    directory: Directory
    periods: Sequence[Period]
    closed_until: datetime | None = None
    cards: Mapping[str, Card] = field(default_factory=dict)
    lots: Mapping[int, Sequence[Lot]] = field(default_factory=dict)
    arrears: Mapping[ArrearsKey, int] = field(default_factory=dict)
    holds: Mapping[int, Hold] = field(default_factory=dict)
    originals: Mapping[int, Original] = field(default_factory=dict)
    usage: Mapping[UsageKey, Usage] = field(default_factory=dict)
    used_since: UsedSince = field(default_factory=UsedSince)
    caps: Mapping[int, Cap] = field(default_factory=dict)
    recorded: Mapping[str, Recorded] = field(default_factory=dict)
    references: frozenset[ReferenceKey] = frozenset()
    elsewhere: Mapping[tuple[int, int], int] = field(default_factory=dict)
    merged: Mapping[int, int] = field(default_factory=dict)
    open_holds: Sequence[Hold] = ()
