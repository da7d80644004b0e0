"""What a command will do once nothing can refuse it any more, and the setting in which it does it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from clearing.core.accounts import Asset, EntryKind
from clearing.core.calendar import Period
from clearing.core.directory import Merchant
from clearing.core.fees import Fee
from clearing.core.holds import Hold, HoldStatus
from clearing.core.journal import LegKind, Transaction, TransactionKind
from clearing.core.lots import Draw
from clearing.core.snapshot import Card, Lot, Original


class Times(NamedTuple):
    """When. `on` is the booking day in the alliance's zone; it decides expiry and prices."""

    occurred_at: datetime
    booked_at: datetime
    on: date
    period: Period


class Setting(NamedTuple):
    """Who, where and when. `card` is the one presented; an act on a wallet's own row has none, but may
    have the number of the card that was presented at the beginning.
    """

    wallet_id: int
    card: Card | None
    card_number: str | None
    merchant: Merchant | None
    acceptor_id: int
    times: Times


class PlannedLeg(NamedTuple):
    kind: LegKind
    issuer_id: int
    points: int
    amount: int
    obligation: int
    fee: Fee


class Credit(NamedTuple):
    """A quantity to put into the wallet's lot of that issuer, asset and expiry, new if there is none."""

    issuer_id: int
    asset: Asset
    expires_on: date | None
    quantity: int
    entry: EntryKind


class Undone(NamedTuple):
    """So many points of a transaction by which a lot became breakage."""

    end: Original
    points: int


class Plan(NamedTuple):
    """`draws` are taken out of lots with entries of `draw_entry`; `credits` are put in.

    `captured`: the hold that this takes, as it is afterwards; `released` are its lots with the part that is
    not taken available again. `original`: the transaction that this reverses. `arrears`: points by which the
    acceptor's arrears in this wallet grow (reversal) or, below zero, are paid (accrual). `undone`: breakage
    to be reversed first, of points that this takes back.
    """

    kind: TransactionKind
    points: int
    amount: int
    legs: list[PlannedLeg]
    draws: list[Draw]
    draw_entry: EntryKind
    credits: list[Credit]
    purpose: str | None = None
    captured: Hold | None = None
    released: Sequence[Lot] = ()
    original: Transaction | None = None
    arrears: int = 0
    undone: Sequence[Undone] = ()


class Release(NamedTuple):
    """A hold ends without being captured; `lots` are those it held, with all of it available again."""

    hold: Hold
    status: HoldStatus
    lots: list[Lot]


class Move(NamedTuple):
    """What goes from one wallet to another beside lots and arrears: the cards and the member of one
    participant (`issuer_id`), or all of the wallet, which is merged into the other.

    `lots`: the new lot by the old one, of those that open holds have set aside; the holds go with them.
    """

    source_id: int
    target_id: int
    issuer_id: int | None
    lots: Mapping[int, int]


class Relocation(NamedTuple):
    """Lots and arrears (by issuer) that go from one wallet to another; see `Move` for the rest."""

    source_id: int
    target_id: int
    issuer_id: int | None
    lots: list[Lot]
    arrears: dict[int, int]
    purpose: str
