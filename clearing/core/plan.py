"""What a command will do once nothing can refuse it any more, and the setting in which it does it."""

from datetime import date, datetime
from typing import NamedTuple

from clearing.core.accounts import Asset, EntryKind
from clearing.core.calendar import Period
from clearing.core.directory import Merchant
from clearing.core.fees import Fee
from clearing.core.journal import LegKind, TransactionKind
from clearing.core.lots import Draw
from clearing.core.snapshot import Card


class Setting(NamedTuple):
    """Who, where and when. `on` is the booking day in the alliance's zone; it decides expiry and prices."""

    card: Card
    merchant: Merchant | None
    acceptor_id: int
    occurred_at: datetime
    booked_at: datetime
    on: date
    period: Period


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


class Plan(NamedTuple):
    """`draws` are taken out of lots with entries of `draw_entry`; `credits` are put in."""

    kind: TransactionKind
    points: int
    amount: int
    legs: list[PlannedLeg]
    draws: list[Draw]
    draw_entry: EntryKind
    credits: list[Credit]
    purpose: str | None = None
