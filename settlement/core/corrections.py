"""What a dispute is about in figures: how much of a line is left, what a part of it comes to, and the
movements of money that take it back.

Worth and fee of a part are those that a reversal would give back: the difference between what the line had
before and what the rest would have had. So any number of parts comes to exactly the whole.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from clearing.core.accounts import HUB
from clearing.core.amounts import divide_up
from clearing.core.journal import Leg, LegKind, parties
from clearing.core.reversal import Part, fee_of, obligation_of, worth_of
from clearing.core.rulebook import Rulebook
from clearing.core.snapshot import Terms
from settlement.core.disputes import DisputeReason

#: The kinds whose worth and fee follow from a rule; of others, parts are in proportion.
RULED = frozenset({LegKind.REDEMPTION, LegKind.SPEND, LegKind.LOAD, LegKind.VISIT})


class Measure(StrEnum):
    """In what a part of a line is told."""

    POINTS = "points"
    FEN = "fen"
    FEE = "fee"


class Stake(NamedTuple):
    """Money of a line, in fen and with the line's signs: the obligation, and what each of the two pays."""

    obligation: int
    acceptor_fee: int
    issuer_fee: int

    @property
    def fee(self) -> int:
        return self.acceptor_fee + self.issuer_fee


NOTHING = Stake(0, 0, 0)


class Share(NamedTuple):
    """So much of a line: a quantity, above zero in the line's own unit, and the money that goes with it."""

    quantity: int
    stake: Stake


class Prices(NamedTuple):
    """By what a line was judged: the rulebook with its fee rule, and the terms of its version."""

    rulebook: Rulebook
    terms: Terms


class Move(NamedTuple):
    """`amount` fen that `debtor_id` is to owe `creditor_id`. `part` names it within its dispute."""

    part: str
    debtor_id: int
    creditor_id: int
    amount: int


def measure(reason: DisputeReason, leg: Leg) -> Measure:
    if reason is DisputeReason.WRONG_FEE:
        return Measure.FEE
    return Measure.POINTS if leg.kind is LegKind.REDEMPTION else Measure.FEN


def whole(leg: Leg) -> Share:
    quantity = leg.points if leg.kind is LegKind.REDEMPTION else leg.amount
    return Share(abs(quantity), Stake(leg.obligation, leg.acceptor_fee, leg.issuer_fee))


def left_of(leg: Leg, taken: Iterable[Share]) -> Share:
    """What remains after all that was taken back, each in the line's signs."""
    quantity, stake = whole(leg)
    for one in taken:
        quantity -= one.quantity
        stake = Stake(*(mine - other for mine, other in zip(stake, one.stake, strict=True)))
    return Share(max(quantity, 0), stake)


def disputable(leg: Leg, measured: Measure, left: Share, opener_id: int) -> int:
    """How much can be disputed: of the line, or of the fee that the opener pays on it."""
    if measured is Measure.FEE:
        return abs(_own_fee(leg, left.stake, opener_id))
    return left.quantity


def quantity_of(leg: Leg, prices: Prices, amount: int) -> int:
    """So many fen in the line's own unit; for points, as many as are needed to reach them."""
    if leg.kind is not LegKind.REDEMPTION:
        return amount
    points = divide_up(amount, prices.terms.point_value)
    # The worth of the legs of one redemption is rounded for all of them: all of it takes all the points.
    return min(points, abs(leg.points)) if amount <= abs(leg.amount) else points


def stake_of(
    leg: Leg, prices: Prices, left: Share, quantity: int, measured: Measure, opener_id: int
) -> Stake:
    """The money that goes with so much (at most what is left) of a line, or of the opener's fee on it."""
    if measured is Measure.FEE:
        fee = quantity if _own_fee(leg, left.stake, opener_id) > 0 else -quantity
        return Stake(0, *((fee, 0) if leg.acceptor_id == opener_id else (0, fee)))
    before, after = (_worth(leg, prices, one) for one in (left.quantity, left.quantity - quantity))
    # Fees may have been given back by themselves: no more goes back than is there.
    return Stake(*(_within(b - a, most) for b, a, most in zip(before, after, left.stake, strict=True)))


def amount_of(leg: Leg, prices: Prices, left: Share, quantity: int) -> int:
    """The fen of the line's amount that go with so much of it, with the line's sign."""
    return _amount(leg, prices, left.quantity) - _amount(leg, prices, left.quantity - quantity)


def moves(leg: Leg, stake: Stake) -> list[Move]:
    """The movements that take so much of the line back: nothing for nothing."""
    debtor, creditor = parties(leg.kind, leg.issuer_id, leg.acceptor_id)
    found = [
        _move("principal", creditor, debtor, stake.obligation),
        _move("acceptor_fee", HUB, leg.acceptor_id, stake.acceptor_fee),
        _move("issuer_fee", HUB, leg.issuer_id, stake.issuer_fee),
    ]
    return [one for one in found if one.amount]


def _move(part: str, debtor_id: int, creditor_id: int, amount: int) -> Move:
    """Of a line below zero (a reversal) the correction runs the other way."""
    return (
        Move(part, debtor_id, creditor_id, amount)
        if amount >= 0
        else Move(part, creditor_id, debtor_id, -amount)
    )


def _own_fee(leg: Leg, stake: Stake, participant_id: int) -> int:
    return stake.acceptor_fee if leg.acceptor_id == participant_id else stake.issuer_fee


def _worth(leg: Leg, prices: Prices, quantity: int) -> Stake:
    """What so much of the line is worth and costs."""
    all_, stake = whole(leg)
    if quantity == all_:
        return stake
    if leg.kind not in RULED or min(leg.points, leg.amount) < 0:
        return Stake(*(_in_proportion(one, quantity, all_) for one in stake))
    if leg.kind is LegKind.REDEMPTION:
        part = Part(quantity, worth_of(prices.terms, leg, quantity))
    else:
        part = Part(0, quantity)
    fee = fee_of(prices.rulebook, leg, part)
    return Stake(obligation_of(prices.terms, leg, part), fee.acceptor, fee.issuer)


def _amount(leg: Leg, prices: Prices, quantity: int) -> int:
    all_ = whole(leg).quantity
    if leg.kind is LegKind.REDEMPTION and leg.points > 0 and quantity < all_:
        return worth_of(prices.terms, leg, quantity)
    return _in_proportion(leg.amount, quantity, all_) if all_ else 0


def _in_proportion(amount: int, quantity: int, all_: int) -> int:
    """amount × quantity ÷ all_, half up away from zero."""
    part = (2 * abs(amount) * quantity + all_) // (2 * all_)
    return part if amount >= 0 else -part


def _within(amount: int, most: int) -> int:
    """`amount`, but no further from zero than `most`, and not on the other side."""
    return max(0, min(amount, most)) if most >= 0 else min(0, max(amount, most))
