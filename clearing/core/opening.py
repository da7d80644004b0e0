"""Opening balance: what an issuer owed a member before it joined the alliance. Nothing crosses."""

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import MAX_QUANTITY, multiply_half_up
from clearing.core.batch import Batch
from clearing.core.commands import Opening
from clearing.core.fees import OWN_SYSTEM
from clearing.core.journal import LegKind, TransactionKind
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Credit, Plan, PlannedLeg, Setting


def check(batch: Batch, command: Opening, setting: Setting) -> Refusal | None:
    value = _value(batch, command)
    if not 0 < command.quantity <= MAX_QUANTITY or value > MAX_QUANTITY:
        return Refusal(
            Code.AMOUNT_INVALID,
            f"The quantity must be from 1 to {MAX_QUANTITY}, and so must its worth.",
            field="quantity",
        )
    if command.expires_on is not None and command.expires_on < setting.times.on:
        return Refusal(
            Code.AMOUNT_INVALID,
            f"This balance ended on {command.expires_on}, before the day it is booked.",
            field="expires_on",
        )
    return None


def plan(batch: Batch, command: Opening, setting: Setting) -> Plan:
    issuer, quantity = setting.acceptor_id, command.quantity
    is_points = command.asset is Asset.POINTS
    points, entry = (quantity, EntryKind.POINTS_OPENED) if is_points else (0, EntryKind.VALUE_OPENED)
    value = _value(batch, command)
    leg = PlannedLeg(LegKind.OPENING, issuer, points, value, 0, OWN_SYSTEM)
    credit = Credit(issuer, command.asset, command.expires_on, quantity, entry)
    return Plan(TransactionKind.OPENING, points, value, [leg], [], EntryKind.POINTS_REDEEMED, [credit])


def _value(batch: Batch, command: Opening) -> int:
    """What the balance is worth, in fen."""
    if command.asset is Asset.STORED_VALUE:
        return command.quantity
    return multiply_half_up(command.quantity, batch.snapshot.directory.rulebook.settings.point_value)
