"""Breakage that is taken back: an accrual is reversed whose points ended unused. They were not spent.

Each transaction by which the lot became breakage is reversed, as far as is needed, by one of its own: the
points come back into the lot, in the wallet in which the accrual is reversed, and the accrual's reversal
takes them out again.
"""

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import multiply_half_up
from clearing.core.batch import Batch
from clearing.core.commands import Command
from clearing.core.fees import OWN_SYSTEM
from clearing.core.journal import TransactionKind
from clearing.core.lots import Draw
from clearing.core.plan import Credit, Plan, PlannedLeg, Setting, Undone
from clearing.core.snapshot import Original


def to_undo(batch: Batch, original: Original, points: int) -> list[Undone]:
    """Of so many points of an accrual, those that became breakage, the last ended first."""
    found = []
    for end in reversed(batch.ends(original)):
        part = min(points, end.booking.transaction.points - end.points_reversed)
        if part > 0:
            found.append(Undone(end, part))
            points -= part
    return found


def undo(batch: Batch, command: Command, setting: Setting, plan: Plan) -> Plan:
    """Reverse the breakage; the plan with it taken out of the lot as well. Nothing in here can fail."""
    for undone in plan.undone:
        _undo(batch, command, setting, undone, plan.purpose)
    [movement] = plan.undone[0].end.booking.movements
    lot = batch.lot_ending(setting.wallet_id, movement.issuer_id, Asset.POINTS, movement.expires_on)
    assert lot is not None, "the points were just put into it"
    quantity = sum(one.quantity for one in plan.draws) + sum(one.points for one in plan.undone)
    return plan._replace(draws=[Draw(lot, quantity)], undone=())


def _undo(batch: Batch, command: Command, setting: Setting, undone: Undone, purpose: str | None) -> None:
    ended = undone.end.booking
    [leg], [movement] = ended.legs, ended.movements
    left = ended.transaction.points - undone.end.points_reversed
    before, after = (
        multiply_half_up(points, undone.end.terms.point_value) for points in (left, left - undone.points)
    )
    amount = after - before
    planned = PlannedLeg(leg.kind, leg.issuer_id, -undone.points, amount, 0, OWN_SYSTEM)
    credit = Credit(
        leg.issuer_id, Asset.POINTS, movement.expires_on, undone.points, EntryKind.BREAKAGE_REVERSED
    )
    batch.book_beside(
        command,
        Setting(setting.wallet_id, None, None, None, leg.issuer_id, setting.times),
        Plan(
            TransactionKind.REVERSAL,
            -undone.points,
            amount,
            [planned],
            [],
            EntryKind.POINTS_EXPIRED,
            [credit],
            purpose,
            original=ended.transaction,
        ),
    )
