"""Expiry: what is left in a lot whose last day is over becomes its issuer's breakage."""

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import multiply_half_up
from clearing.core.batch import Batch
from clearing.core.commands import Expiry
from clearing.core.fees import OWN_SYSTEM
from clearing.core.journal import LegKind, TransactionKind
from clearing.core.lots import Draw
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Plan, PlannedLeg, Setting
from clearing.core.snapshot import Lot


def setting(batch: Batch, command: Expiry) -> Setting | Refusal:
    lot = batch.lot(command.wallet_id, command.lot_id)
    if lot is None:
        return _nothing_left()
    return Setting(lot.wallet_id, None, None, None, lot.issuer_id, batch.times(command))


def check(batch: Batch, command: Expiry, setting: Setting) -> Refusal | None:
    return None


def plan(batch: Batch, command: Expiry, setting: Setting) -> Plan | Refusal:
    lot = batch.lot(command.wallet_id, command.lot_id)
    assert lot is not None, "setting() refuses a lot that is not there"
    if not has_ended(lot, setting):
        return Refusal(Code.NOT_REVERSIBLE, "The lot has not ended yet.")
    if lot.available == 0:
        return _nothing_left()
    points, amount, entry = 0, lot.available, EntryKind.VALUE_EXPIRED
    if lot.asset is Asset.POINTS:
        points, entry = lot.available, EntryKind.POINTS_EXPIRED
        amount = multiply_half_up(points, batch.snapshot.directory.rulebook.settings.point_value)
    leg = PlannedLeg(LegKind.EXPIRY, lot.issuer_id, points, amount, 0, OWN_SYSTEM)
    return Plan(TransactionKind.EXPIRY, points, amount, [leg], [Draw(lot, lot.available)], entry, [])


def has_ended(lot: Lot, setting: Setting) -> bool:
    """The expiry date is the last good day."""
    return lot.expires_on is not None and lot.expires_on < setting.times.on


def _nothing_left() -> Refusal:
    return Refusal(Code.INSUFFICIENT_POINTS, "Nothing is left in the lot.")
