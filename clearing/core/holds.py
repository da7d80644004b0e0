"""Holds: points or stored value set aside at check-in, taken or given back at check-out.

A hold moves part of some lots from `available` to `held`; the journal knows nothing of it until it is
captured. The captured transaction has the hold's own id: one number from the first day to the last.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from clearing.core.accounts import Asset
from clearing.core.journal import TransactionKind


class HoldStatus(StrEnum):
    HELD = "held"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"


class HeldDraw(NamedTuple):
    """The part of one lot that a hold has set aside."""

    lot_id: int
    issuer_id: int
    quantity: int


class Hold(NamedTuple):
    """`points` and `amount` as a transaction would have them; `captured` is points of a redemption, fen of a
    spend. `draws` stand in the order in which the lots are drawn on. `rule_version` is that of placing it.
    """

    wallet_id: int
    id: int
    kind: TransactionKind
    status: HoldStatus
    card_number: str
    merchant_id: int
    acceptor_id: int
    points: int
    amount: int
    captured: int
    placed_at: datetime
    expires_at: datetime
    rule_version: int
    posted_by: str
    reference: str | None
    purpose: str | None
    metadata: Mapping[str, str] | None
    draws: tuple[HeldDraw, ...]

    @property
    def asset(self) -> Asset:
        return Asset.POINTS if self.kind is TransactionKind.REDEMPTION else Asset.STORED_VALUE

    @property
    def quantity(self) -> int:
        """Held in all: points, or fen of stored value."""
        return sum(draw.quantity for draw in self.draws)

    def status_at(self, at: datetime) -> HoldStatus:
        """Decided by the clock, whether a sweep has run or not."""
        if self.status is HoldStatus.HELD and at >= self.expires_at:
            return HoldStatus.EXPIRED
        return self.status


def first_of(draws: tuple[HeldDraw, ...], quantity: int) -> tuple[HeldDraw, ...]:
    """The draws that make up `quantity`, from the first on; what remains of them is left out."""
    taken = []
    for draw in draws:
        if quantity <= 0:
            break
        part = min(draw.quantity, quantity)
        taken.append(draw._replace(quantity=part))
        quantity -= part
    return tuple(taken)


def as_placed(hold: Hold) -> Hold:
    """As it was in the beginning: what the first answer showed."""
    return hold._replace(status=HoldStatus.HELD, captured=0)
