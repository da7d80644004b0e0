"""Release: a hold is voided by its merchant, or lapses when its time is over; nothing is booked."""

from clearing.core.batch import Batch
from clearing.core.commands import Command, Lapse, OnHold, Void
from clearing.core.events import EventType
from clearing.core.holds import Hold, HoldStatus
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Release, Setting
from clearing.core.snapshot import Lot


def setting(batch: Batch, command: OnHold) -> Setting | Refusal:
    """The hold's own, if its caller may act where it was placed."""
    hold = batch.hold(command.wallet_id, command.hold_id)
    merchant = batch.snapshot.directory.merchant(hold.merchant_id) if hold else None
    if hold is None or not command.caller.may_post_at(merchant):
        return Refusal(Code.HOLD_UNKNOWN, "There is no such hold at your merchants.")
    return Setting(hold.wallet_id, None, hold.card_number, merchant, hold.acceptor_id, batch.times(command))


def check(batch: Batch, command: Void | Lapse, setting: Setting) -> Refusal | None:
    return None


def plan(batch: Batch, command: Void | Lapse, setting: Setting) -> Release | Refusal:
    hold = hold_of(batch, command)
    status = hold.status_at(batch.at)
    if isinstance(command, Lapse):
        if hold.status is not HoldStatus.HELD or status is HoldStatus.HELD:
            return Refusal(Code.HOLD_CLOSED, f"The hold is {status.value} and cannot lapse.")
        return Release(hold, HoldStatus.EXPIRED, released_lots(batch, hold))
    return closed(hold, status) or Release(hold, HoldStatus.VOIDED, released_lots(batch, hold))


def hold_of(batch: Batch, command: OnHold) -> Hold:
    """The hold of a command that has a setting."""
    hold = batch.hold(command.wallet_id, command.hold_id)
    assert hold is not None, "setting() refuses an unknown hold"
    return hold


def closed(hold: Hold, status: HoldStatus) -> Refusal | None:
    """Why nothing can be done with the hold any more."""
    if hold.status is not HoldStatus.HELD:
        return Refusal(Code.HOLD_CLOSED, f"The hold was {hold.status.value} before.")
    if status is HoldStatus.EXPIRED:
        return Refusal(
            Code.HOLD_EXPIRED,
            f"The hold ended at {hold.expires_at.isoformat(timespec='seconds')}; what it held is released.",
        )
    return None


def released_lots(batch: Batch, hold: Hold) -> list[Lot]:
    """The lots of the hold with all that it held available again."""
    released = []
    for draw in hold.draws:
        lot = batch.lot(hold.wallet_id, draw.lot_id)
        assert lot is not None, "a lot with something held is in the snapshot"
        released.append(lot.with_balance(lot.available + draw.quantity, lot.held - draw.quantity))
    return released


def book(batch: Batch, command: Command, planned: Release) -> Hold:
    """Release it, and tell the merchant's participant of one that nobody has ended."""
    hold = batch.release(command, planned)
    if hold.status is HoldStatus.EXPIRED:
        data = {
            "wallet_id": hold.wallet_id,
            "hold_id": hold.id,
            "merchant_id": hold.merchant_id,
            "reference": hold.reference,
            "points": hold.points,
            "amount": hold.amount,
        }
        batch.tell(EventType.HOLD_LAPSED, hold.acceptor_id, data)
    return hold
