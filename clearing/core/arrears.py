"""Arrears: what a wallet owes an issuer is paid by whatever the wallet has of that issuer, at once.

So no wallet ever has usable points of an issuer and owes it some. An accrual pays before its points reach a
lot; everything else that brings points into a lot, or makes held ones available again, is followed by two
transfers within the wallet: out of the lot, and into what is owed. They add up to nothing, as the
balance less the arrears stays what it was.

Earlier versions left wallets with both; for these there is a command that does nothing else.
"""

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import multiply_half_up
from clearing.core.batch import Batch
from clearing.core.commands import ArrearsPayment, Command
from clearing.core.fees import OWN_SYSTEM
from clearing.core.journal import LegKind, TransactionKind
from clearing.core.lots import Draw, draw
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Plan, PlannedLeg, Setting
from clearing.core.rulebook import DrawOrder

#: What the two transfers are for.
PURPOSE = "arrears"


def setting(batch: Batch, command: ArrearsPayment) -> Setting:
    return Setting(command.wallet_id, None, None, None, command.issuer_id, batch.times(command))


def check(batch: Batch, command: ArrearsPayment, setting: Setting) -> Refusal | None:
    return None


def plan(batch: Batch, command: ArrearsPayment, setting: Setting) -> Plan | Refusal:
    """The transfer out of the lots; `pay_in` is to follow it."""
    owed = batch.arrears(command.wallet_id, command.issuer_id)
    draws = _draws(batch, command.wallet_id, command.issuer_id, owed)
    if not draws:
        return Refusal(Code.INSUFFICIENT_POINTS, "Nothing is owed that the wallet's points could pay.")
    return _out_of_lots(batch, command.issuer_id, draws)


def settle(batch: Batch, command: Command, setting: Setting) -> None:
    """Let the wallet's points pay what it owes their issuers, the earliest to end first. Nothing can fail."""
    owed_to = batch.owed(setting.wallet_id)
    if not owed_to:
        return  # as nearly always: this is asked after every posting
    for issuer_id, owed in sorted(owed_to.items()):
        draws = _draws(batch, setting.wallet_id, issuer_id, owed) if owed else []
        if draws:
            # An act of the issuer's, as those between wallets are.
            inside = Setting(setting.wallet_id, None, None, None, issuer_id, setting.times)
            leaving = _out_of_lots(batch, issuer_id, draws)
            batch.book_beside(command, inside, leaving)
            pay_in(batch, command, inside, -leaving.points)


def pay_in(batch: Batch, command: Command, setting: Setting, points: int) -> None:
    """Pay with points that have just left their lots what the wallet owes the issuer whose act it is."""
    paying = _transfer(batch, setting.acceptor_id, points)._replace(arrears=-points)
    batch.book_beside(command, setting, paying)


def _draws(batch: Batch, wallet_id: int, issuer_id: int, owed: int) -> list[Draw]:
    available = [
        lot for lot in batch.lots(wallet_id, Asset.POINTS) if lot.issuer_id == issuer_id and lot.available
    ]
    return draw(available, owed, DrawOrder.EARLIEST_FIRST, issuer_id).draws


def _out_of_lots(batch: Batch, issuer_id: int, draws: list[Draw]) -> Plan:
    return _transfer(batch, issuer_id, -sum(one.quantity for one in draws))._replace(draws=draws)


def _transfer(batch: Batch, issuer_id: int, points: int) -> Plan:
    worth = multiply_half_up(abs(points), batch.snapshot.directory.rulebook.settings.point_value)
    amount = worth if points > 0 else -worth
    leg = PlannedLeg(LegKind.TRANSFER, issuer_id, points, amount, 0, OWN_SYSTEM)
    kind, out = TransactionKind.TRANSFER, EntryKind.POINTS_MOVED_OUT
    return Plan(kind, points, amount, [leg], [], out, [], PURPOSE)
