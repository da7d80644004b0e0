"""Breakage that is taken back: an accrual is reversed whose points ended unused. They were not spent.

Each transaction by which they became breakage is reversed, as far as is needed, by one of its own: the
points come back into their lot, in the wallet in which the accrual is reversed, and the accrual's reversal
takes them out again. It may be another lot than the one they were given in.
"""

from collections import Counter

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import multiply_half_up
from clearing.core.batch import Batch
from clearing.core.commands import Command
from clearing.core.fees import OWN_SYSTEM
from clearing.core.journal import TransactionKind
from clearing.core.lots import Draw
from clearing.core.plan import Credit, Plan, PlannedLeg, Setting, Undone
from clearing.core.snapshot import Original
from clearing.core.traces import reached


def to_undo(batch: Batch, original: Original, points: int, own: int) -> list[Undone]:
    """Of so many points of an accrual, those that became breakage, the last ended first.

    First of its own lot, at most `own`; then of the lots that its points have come to since.
    """
    ends = batch.ends(original)[::-1]
    if not ends:
        return []
    ours = {movement.expires_on for movement in original.booking.movements}
    elsewhere = reached(original.booking, batch.traces(original))
    taken: Counter[int] = Counter()

    def take(end: Original, most: int) -> int:
        row = end.booking.transaction
        part = min(most, row.points - end.points_reversed - taken[row.id])
        taken[row.id] += part
        return part

    for end in ends:
        [movement] = end.booking.movements
        if movement.expires_on in ours:
            own -= take(end, own)
    rest = points - taken.total()
    for end in ends:
        if elsewhere.has(end.booking):
            rest -= take(end, rest)
    return [
        Undone(end, taken[end.booking.transaction.id]) for end in ends if taken[end.booking.transaction.id]
    ]


def undo(batch: Batch, command: Command, setting: Setting, plan: Plan) -> Plan:
    """Reverse the breakage; the plan with it taken out of the lots as well. Nothing in here can fail."""
    quantities = Counter({one.lot.id: one.quantity for one in plan.draws})
    for undone in plan.undone:
        _undo(batch, command, setting, undone, plan.purpose)
        [movement] = undone.end.booking.movements
        lot = batch.lot_ending(setting.wallet_id, movement.issuer_id, Asset.POINTS, movement.expires_on)
        assert lot is not None, "the points were just put into it"
        quantities[lot.id] += undone.points
    draws = []
    for lot_id, quantity in quantities.items():
        lot = batch.lot(setting.wallet_id, lot_id)
        assert lot is not None, "points are taken out of it"
        draws.append(Draw(lot, quantity))
    return plan._replace(draws=draws, undone=())


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
