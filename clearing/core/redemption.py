"""Redemption: points of any issuer are used at a merchant; what is not the acceptor's own crosses."""

from collections.abc import Mapping
from decimal import Decimal

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import MAX_QUANTITY, divide_up, multiply_half_up, split
from clearing.core.batch import Batch
from clearing.core.commands import Redemption
from clearing.core.fees import price
from clearing.core.journal import LegKind, TransactionKind
from clearing.core.lots import Draw, by_issuer, draw, usable_here
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Plan, PlannedLeg, Setting
from clearing.core.rulebook import ExchangeKind
from clearing.core.snapshot import Lot


def check(batch: Batch, command: Redemption, setting: Setting) -> Refusal | None:
    field, asked = ("points", command.points) if command.points is not None else ("amount", command.amount)
    assert asked is not None, "a redemption names points or an amount"
    points = _points(batch, command)
    value = multiply_half_up(points, batch.snapshot.directory.rulebook.settings.point_value)
    if not 0 < asked <= MAX_QUANTITY or max(points, value) > MAX_QUANTITY:
        return Refusal(
            Code.AMOUNT_INVALID,
            f"The {field} must be from 1 to {MAX_QUANTITY}, and so must its worth.",
            field=field,
        )
    return None


def plan(batch: Batch, command: Redemption, setting: Setting) -> Plan | Refusal:
    demand = _points(batch, command)
    candidates = usable_points(batch, setting)
    rulebook = batch.snapshot.directory.rulebook
    drawn = draw(candidates, demand, rulebook.settings.draw_order, setting.acceptor_id)
    if drawn.shortfall:
        available = demand - drawn.shortfall
        return Refusal(
            Code.INSUFFICIENT_POINTS,
            f"{available} points can be used here and {demand} are asked for.",
            field="amount" if command.points is None else "points",
        )
    return plan_draws(batch, setting, drawn.draws, command.purpose, command.amount)


def plan_draws(
    batch: Batch, setting: Setting, draws: list[Draw], purpose: str | None, amount: int | None = None
) -> Plan:
    """To use these parts of lots here. `amount`: what they pay, in fen; None for what they are worth."""
    points = by_issuer(draws)
    amounts = amounts_of(points, batch.snapshot.directory.rulebook.settings.point_value, amount)
    legs = [_leg(batch, setting, issuer_id, points[issuer_id], part) for issuer_id, part in amounts.items()]
    total, paid = sum(points.values()), sum(amounts.values())
    return Plan(TransactionKind.REDEMPTION, total, paid, legs, draws, EntryKind.POINTS_REDEEMED, [], purpose)


def amounts_of(points: Mapping[int, int], point_value: Decimal, amount: int | None) -> dict[int, int]:
    """Fen of each issuer's points: what they are worth, rounded half up; or, where these do not add up to the
    amount asked for, their share of that.
    """
    worth = {issuer_id: multiply_half_up(quantity, point_value) for issuer_id, quantity in points.items()}
    if amount is None or sum(worth.values()) == amount:
        return worth
    return dict(zip(points, split(amount, list(points.values())), strict=True))


def obligation_for(points: int, amount: int, point_value: Decimal, reimbursement_rate: Decimal) -> int:
    """Fen that so many points oblige their issuer to: rounded once if the amount is their worth, else of the
    amount that was asked for.
    """
    if amount == multiply_half_up(points, point_value):
        return multiply_half_up(points, point_value * reimbursement_rate)
    return multiply_half_up(amount, reimbursement_rate)


def usable_points(batch: Batch, setting: Setting) -> list[Lot]:
    """The lots whose points can be used here today."""
    directory = batch.snapshot.directory
    return [
        lot
        for lot in batch.lots(setting.wallet_id, Asset.POINTS)
        if usable_here(lot, directory, setting.acceptor_id, setting.times.on)
    ]


def _points(batch: Batch, command: Redemption) -> int:
    if command.points is not None:
        return command.points
    assert command.amount is not None, "a redemption names points or an amount"
    return divide_up(command.amount, batch.snapshot.directory.rulebook.settings.point_value)


def _leg(batch: Batch, setting: Setting, issuer_id: int, points: int, amount: int) -> PlannedLeg:
    rulebook = batch.snapshot.directory.rulebook
    acceptor_id = setting.acceptor_id
    fee = price(rulebook, ExchangeKind.REDEMPTION, issuer_id, acceptor_id, amount, setting.times.on)
    obligation = 0
    if issuer_id != acceptor_id:
        settings = rulebook.settings
        obligation = obligation_for(points, amount, settings.point_value, settings.reimbursement_rate)
    return PlannedLeg(LegKind.REDEMPTION, issuer_id, points, amount, obligation, fee)
