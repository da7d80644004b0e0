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
    asked, held, by_amount = wanted, hold.quantity, _was_asked_by_amount(batch, hold)
    if command.amount is not None and by_amount:
        # Points are whole: those that are held may be worth more than was asked for.
        asked, held = command.amount, hold.amount
    if asked > held:
        return Refusal(
            Code.EXCEEDS_HELD,
            f"{held} are held and {asked} were to be captured; take the rest without a hold.",
            field="points" if command.points is not None else "amount",
        )
    released = {lot.id: lot for lot in release.released_lots(batch, hold)}
    draws = [Draw(released[draw.lot_id], draw.quantity) for draw in first_of(hold.draws, wanted)]
    planned = redemption.plan_draws if hold.kind is TransactionKind.REDEMPTION else spend.plan_draws
    captured = hold._replace(status=HoldStatus.CAPTURED, captured=wanted)
    amount = command.amount
    if amount is None and by_amount and wanted == hold.quantity:
        amount = hold.amount
    plan = planned(batch, setting, draws, hold.purpose, amount)
    if by_amount and plan.amount > hold.amount:
        # A part of its points pays no more than was asked for all of them.
        plan = planned(batch, setting, draws, hold.purpose, min(hold.amount, _worth(batch, wanted)))
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
    return min(wanted, hold.quantity) if command.amount <= _worth(batch, hold.quantity) else wanted


def _worth(batch: Batch, points: int) -> int:
    return multiply_half_up(points, batch.snapshot.directory.rulebook.settings.point_value)


def _was_asked_by_amount(batch: Batch, hold: Hold) -> bool:
    """Whether the points are those that its amount takes at their value of today."""
    point_value = batch.snapshot.directory.rulebook.settings.point_value
    return hold.kind is TransactionKind.REDEMPTION and divide_up(hold.amount, point_value) == hold.quantity
