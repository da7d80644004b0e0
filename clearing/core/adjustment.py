"""Adjustment: the operator gives or takes points, or lets one participant owe another, by hand."""

from datetime import date

from clearing.core.accounts import HUB, Asset, EntryKind
from clearing.core.amounts import MAX_QUANTITY, multiply_half_up
from clearing.core.batch import Batch
from clearing.core.calendar import expires_on
from clearing.core.commands import MoneyAdjustment, PointsAdjustment
from clearing.core.fees import OWN_SYSTEM, Fee
from clearing.core.journal import LegKind, Reason, TransactionKind
from clearing.core.lots import draw, is_usable
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Credit, Plan, PlannedLeg, Setting

NO_FEE = Fee(0, 0, None, Reason.ADJUSTMENT)


def setting(batch: Batch, command: PointsAdjustment | MoneyAdjustment) -> Setting | Refusal:
    if isinstance(command, PointsAdjustment):
        quantity, field, acceptor_id = abs(command.points), "points", command.issuer_id
    else:
        # A fee concerns one participant and the hub; the hub is then the acceptor.
        quantity, field, acceptor_id = command.amount, "amount", _parties(command)[1]
    if not 0 < quantity <= MAX_QUANTITY:
        return Refusal(Code.AMOUNT_INVALID, f"The {field} must be from 1 to {MAX_QUANTITY}.", field=field)
    return Setting(_wallet_id(batch, command), None, None, None, acceptor_id, batch.times(command))


def _wallet_id(batch: Batch, command: PointsAdjustment | MoneyAdjustment) -> int:
    if isinstance(command, MoneyAdjustment):
        return command.wallet_id
    # A card stays, whatever becomes of it and of its wallet.
    return batch.snapshot.cards[command.card].wallet_id


def check(batch: Batch, command: PointsAdjustment | MoneyAdjustment, setting: Setting) -> Refusal | None:
    if isinstance(command, MoneyAdjustment):
        return None
    return ended(command.points, command.expires_on, setting.times.on)


def ended(points: int, expires_on: date | None, on: date) -> Refusal | None:
    """Why points that are given on that day cannot have this last day."""
    if points <= 0 or expires_on is None or expires_on >= on:
        return None
    return Refusal(
        Code.AMOUNT_INVALID,
        f"These points would have ended on {expires_on}, before the day they are given; choose a later day.",
        field="expires_on",
    )


def plan(batch: Batch, command: PointsAdjustment | MoneyAdjustment, setting: Setting) -> Plan | Refusal:
    if isinstance(command, PointsAdjustment):
        return _points(batch, command, setting)
    return _money(command)


def _points(batch: Batch, command: PointsAdjustment, setting: Setting) -> Plan | Refusal:
    directory = batch.snapshot.directory
    worth = multiply_half_up(abs(command.points), directory.rulebook.settings.point_value)
    amount = worth if command.points > 0 else -worth
    leg = PlannedLeg(LegKind.ADJUSTMENT, command.issuer_id, command.points, amount, 0, OWN_SYSTEM)
    draws, credits_ = [], []
    if command.points > 0:
        policy = directory.participants[command.issuer_id].expiry
        last_day = command.expires_on or expires_on(policy, setting.times.on)
        up = EntryKind.POINTS_ADJUSTED_UP
        credits_ = [Credit(command.issuer_id, Asset.POINTS, last_day, command.points, up)]
    else:
        candidates = [
            lot
            for lot in batch.lots(setting.wallet_id, Asset.POINTS)
            if lot.issuer_id == command.issuer_id and is_usable(lot, setting.times.on)
        ]
        order = directory.rulebook.settings.draw_order
        drawn = draw(candidates, -command.points, order, command.issuer_id)
        if drawn.shortfall:
            available = -command.points - drawn.shortfall
            return Refusal(
                Code.INSUFFICIENT_POINTS,
                f"{available} points of this issuer can be taken and {-command.points} are asked for.",
                field="points",
            )
        draws = drawn.draws
    return Plan(
        TransactionKind.ADJUSTMENT,
        command.points,
        amount,
        [leg],
        draws,
        EntryKind.POINTS_ADJUSTED_DOWN,
        credits_,
        command.reason,
    )


def _money(command: MoneyAdjustment) -> Plan:
    issuer_id, acceptor_id = _parties(command)
    obligation, fee = command.amount, NO_FEE
    if acceptor_id == HUB:
        obligation = 0
        charged = command.amount if command.creditor_id == HUB else -command.amount
        fee = NO_FEE._replace(issuer=charged)
    leg = PlannedLeg(LegKind.ADJUSTMENT, issuer_id, 0, command.amount, obligation, fee)
    return Plan(
        TransactionKind.ADJUSTMENT,
        0,
        command.amount,
        [leg],
        [],
        EntryKind.POINTS_ADJUSTED_DOWN,
        [],
        command.reason,
    )


def _parties(command: MoneyAdjustment) -> tuple[int, int]:
    """(issuer, acceptor) of the leg: debtor and creditor; or the participant and the hub."""
    if HUB in (command.debtor_id, command.creditor_id):
        return max(command.debtor_id, command.creditor_id), HUB
    return command.debtor_id, command.creditor_id
