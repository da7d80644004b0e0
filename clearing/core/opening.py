"""Opening balance: what an issuer owed a member before it joined the alliance. Nothing crosses."""

from decimal import Decimal

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import MAX_QUANTITY, multiply_down, multiply_half_up
from clearing.core.batch import Batch
from clearing.core.commands import Opening
from clearing.core.directory import Participant
from clearing.core.fees import OWN_SYSTEM
from clearing.core.journal import LegKind, TransactionKind
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Credit, Plan, PlannedLeg, Setting


def check(batch: Batch, command: Opening, setting: Setting) -> Refusal | None:
    quantity = _quantity(batch, command, setting)
    value = _value(batch, command, quantity)
    if not 0 < command.quantity <= MAX_QUANTITY or max(quantity, value) > MAX_QUANTITY:
        return Refusal(
            Code.AMOUNT_INVALID,
            f"The quantity must be from 1 to {MAX_QUANTITY}, and so must its worth.",
            field="quantity",
        )
    if quantity == 0:
        return Refusal(Code.AMOUNT_INVALID, "That is less than one point of the alliance.", field="quantity")
    if command.expires_on is not None and command.expires_on < setting.times.on:
        return Refusal(
            Code.AMOUNT_INVALID,
            f"This balance ended on {command.expires_on}, before the day it is booked.",
            field="expires_on",
        )
    return None


def plan(batch: Batch, command: Opening, setting: Setting) -> Plan:
    issuer, quantity = setting.acceptor_id, _quantity(batch, command, setting)
    is_points = command.asset is Asset.POINTS
    points, entry = (quantity, EntryKind.POINTS_OPENED) if is_points else (0, EntryKind.VALUE_OPENED)
    value = _value(batch, command, quantity)
    leg = PlannedLeg(LegKind.OPENING, issuer, points, value, 0, OWN_SYSTEM)
    credit = Credit(issuer, command.asset, command.expires_on, quantity, entry)
    return Plan(TransactionKind.OPENING, points, value, [leg], [], EntryKind.POINTS_REDEEMED, [credit])


def residue(command: Opening, points: int, issuer: Participant) -> Decimal:
    """The part of an alliance point that was lost when this balance was converted into so many."""
    if command.asset is Asset.STORED_VALUE:
        return Decimal(0)
    return command.quantity * issuer.conversion_ratio - points


def _quantity(batch: Batch, command: Opening, setting: Setting) -> int:
    """Fen as they are; points of the issuer's older programme as points of the alliance, rounded down."""
    if command.asset is Asset.STORED_VALUE:
        return command.quantity
    issuer = batch.snapshot.directory.participants[setting.acceptor_id]
    return multiply_down(command.quantity, issuer.conversion_ratio)


def _value(batch: Batch, command: Opening, quantity: int) -> int:
    """What the balance is worth, in fen."""
    if command.asset is Asset.STORED_VALUE:
        return quantity
    return multiply_half_up(quantity, batch.snapshot.directory.rulebook.settings.point_value)
