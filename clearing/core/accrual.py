"""Accrual: a member's cash consumption is recorded and the acceptor issues points for it.

The consumption is a visit. It crosses when the presented wallet holds no active card of the acceptor,
whichever card was shown; then the leg's issuer is the one who issued the card shown.
"""

from decimal import Decimal

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import MAX_QUANTITY, multiply_down
from clearing.core.batch import Batch
from clearing.core.calendar import expires_on
from clearing.core.commands import Accrual
from clearing.core.fees import OWN_SYSTEM, price
from clearing.core.journal import LegKind, TransactionKind
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Credit, Plan, PlannedLeg, Setting
from clearing.core.rulebook import ExchangeKind

FEN_PER_YUAN = Decimal(100)


def check(batch: Batch, command: Accrual, setting: Setting) -> Refusal | None:
    if not 0 < command.amount <= MAX_QUANTITY:
        return Refusal(
            Code.AMOUNT_INVALID, f"The amount must be from 1 to {MAX_QUANTITY} fen.", field="amount"
        )
    if command.points is not None and not 0 <= command.points <= MAX_QUANTITY:
        return Refusal(Code.AMOUNT_INVALID, f"Points must be from 0 to {MAX_QUANTITY}.", field="points")
    return None


def plan(batch: Batch, command: Accrual, setting: Setting) -> Plan:
    directory = batch.snapshot.directory
    acceptor = directory.participants[setting.acceptor_id]
    points = command.points
    if points is None:
        points = min(multiply_down(command.amount, acceptor.earn_rate / FEN_PER_YUAN), MAX_QUANTITY)
    is_own = batch.holds_card_of(setting.wallet_id, acceptor.id, setting.times.on)
    assert setting.card is not None, "an accrual is made with a card"
    visited_from = acceptor.id if is_own else setting.card.issuer_id
    fee = price(
        directory.rulebook, ExchangeKind.VISIT, visited_from, acceptor.id, command.amount, setting.times.on
    )
    if visited_from == acceptor.id:
        legs = [PlannedLeg(LegKind.VISIT, acceptor.id, points, command.amount, 0, fee)]
    else:
        # One leg for each issuer: the visit concerns the card's issuer, the points are the acceptor's own.
        legs = [PlannedLeg(LegKind.VISIT, visited_from, 0, command.amount, 0, fee)]
        if points:
            legs.append(PlannedLeg(LegKind.ISSUE, acceptor.id, points, 0, 0, OWN_SYSTEM))
    # Points that were spent and then taken back are owed, and paid first.
    paid = min(points, batch.arrears(setting.wallet_id, acceptor.id))
    credits_ = []
    if points > paid:
        expiry = expires_on(acceptor.expiry, setting.times.on)
        credits_.append(Credit(acceptor.id, Asset.POINTS, expiry, points - paid, EntryKind.POINTS_ISSUED))
    return Plan(
        TransactionKind.ACCRUAL,
        points,
        command.amount,
        legs,
        [],
        EntryKind.POINTS_REDEEMED,
        credits_,
        arrears=-paid,
    )
