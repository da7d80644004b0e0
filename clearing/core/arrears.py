"""Arrears: what a wallet owes an issuer is paid by whatever the wallet has of that issuer, at once.

So no wallet ever has usable points of an issuer and owes it some. An accrual pays before its points reach a
lot; everything else that brings points into a lot, or makes held ones available again, is followed by two
transfers within the wallet: out of the lot, and into what is owed. They add up to nothing, as the
balance less the arrears stays what it was.
"""

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import multiply_half_up
from clearing.core.batch import Batch
from clearing.core.commands import Command
from clearing.core.fees import OWN_SYSTEM
from clearing.core.journal import LegKind, TransactionKind
from clearing.core.lots import draw
from clearing.core.plan import Plan, PlannedLeg, Setting
from clearing.core.rulebook import DrawOrder

#: What the two transfers are for.
PURPOSE = "arrears"


def settle(batch: Batch, command: Command, setting: Setting) -> None:
    """Let the wallet's points pay what it owes their issuers, the earliest to end first. Nothing can fail."""
    for issuer_id, owed in sorted(batch.owed(setting.wallet_id).items()):
        if owed:
            _settle(batch, command, setting, issuer_id, owed)


def _settle(batch: Batch, command: Command, setting: Setting, issuer_id: int, owed: int) -> None:
    available = [
        lot
        for lot in batch.lots(setting.wallet_id, Asset.POINTS)
        if lot.issuer_id == issuer_id and lot.available
    ]
    drawn = draw(available, owed, DrawOrder.EARLIEST_FIRST, issuer_id)
    paid = owed - drawn.shortfall
    if not paid:
        return
    # An act of the issuer's, as those between wallets are.
    inside = Setting(setting.wallet_id, None, None, None, issuer_id, setting.times)
    leaving = _transfer(batch, issuer_id, -paid)._replace(draws=drawn.draws)
    batch.book_beside(command, inside, leaving)
    batch.book_beside(command, inside, _transfer(batch, issuer_id, paid)._replace(arrears=-paid))


def _transfer(batch: Batch, issuer_id: int, points: int) -> Plan:
    worth = multiply_half_up(abs(points), batch.snapshot.directory.rulebook.settings.point_value)
    amount = worth if points > 0 else -worth
    leg = PlannedLeg(LegKind.TRANSFER, issuer_id, points, amount, 0, OWN_SYSTEM)
    kind, out = TransactionKind.TRANSFER, EntryKind.POINTS_MOVED_OUT
    return Plan(kind, points, amount, [leg], [], out, [], PURPOSE)
