"""Capture: what a hold has set aside is taken, all or less; only now is anything owed and charged."""

from clearing.core import redemption, release, spend
from clearing.core.amounts import MAX_QUANTITY, divide_up, multiply_half_up
from clearing.core.batch import Batch
from clearing.core.commands import Capture
from clearing.core.holds import Hold, HoldStatus, first_of
from clearing.core.journal import TransactionKind
from clearing.core.lots import Draw
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Plan, Setting


def setting(batch: Batch, command: Capture) -> Setting | Refusal:
    for field, asked in (("points", command.points), ("amount", command.amount)):
        if asked is not None and not 0 < asked <= MAX_QUANTITY:
            return Refusal(Code.AMOUNT_INVALID, f"The {field} must be from 1 to {MAX_QUANTITY}.", field=field)
    return release.setting(batch, command)


def check(batch: Batch, command: Capture, setting: Setting) -> Refusal | None:
    hold = release.hold_of(batch, command)
    if hold.kind is TransactionKind.SPEND and command.points is not None:
        return Refusal(Code.AMOUNT_INVALID, "Stored value is captured by its amount, in fen.", "points")
    return None


def plan(batch: Batch, command: Capture, setting: Setting) -> Plan | Refusal:
    hold = release.hold_of(batch, command)
    refusal = release.closed(hold, hold.status_at(batch.at))
    if refusal:
        return refusal
    wanted = _wanted(batch, command, hold)
    if wanted > hold.quantity:
        return Refusal(
            Code.EXCEEDS_HELD,
            f"{hold.quantity} are held and {wanted} were to be captured; take the rest without a hold.",
            field="points" if command.points is not None else "amount",
        )
    released = {lot.id: lot for lot in release.released_lots(batch, hold)}
    draws = [Draw(released[draw.lot_id], draw.quantity) for draw in first_of(hold.draws, wanted)]
    planned = redemption.plan_draws if hold.kind is TransactionKind.REDEMPTION else spend.plan_draws
    captured = hold._replace(status=HoldStatus.CAPTURED, captured=wanted)
    plan = planned(batch, setting, draws, hold.purpose, command.amount)
    pays_all = wanted == hold.quantity or plan.amount > hold.amount
    if command.amount is None and pays_all and _was_asked_by_amount(batch, hold):
        # What was asked for when it was placed, and no more.
        plan = planned(batch, setting, draws, hold.purpose, hold.amount)
    return plan._replace(captured=captured, released=list(released.values()))


def _wanted(batch: Batch, command: Capture, hold: Hold) -> int:
    """Points of a redemption, fen of a spend."""
    if command.points is not None:
        return command.points
    if command.amount is None:
        return hold.quantity
    if hold.kind is TransactionKind.SPEND:
        return command.amount
    point_value = batch.snapshot.directory.rulebook.settings.point_value
    wanted = divide_up(command.amount, point_value)
    if _was_asked_by_amount(batch, hold):
        return wanted
    # Worth is rounded to the fen: all of it, asked for by its worth, is never more than is held.
    worth = multiply_half_up(hold.quantity, point_value)
    return min(wanted, hold.quantity) if command.amount <= worth else wanted


def _was_asked_by_amount(batch: Batch, hold: Hold) -> bool:
    """Whether the points are those that its amount takes at their value of today."""
    point_value = batch.snapshot.directory.rulebook.settings.point_value
    return hold.kind is TransactionKind.REDEMPTION and divide_up(hold.amount, point_value) == hold.quantity
