"""Spend: a member pays with stored value. Another issuer's is usable where the operator enabled it."""

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import MAX_QUANTITY, multiply_half_up
from clearing.core.batch import Batch
from clearing.core.commands import Spend
from clearing.core.fees import price
from clearing.core.journal import LegKind, TransactionKind
from clearing.core.lots import Draw, by_issuer, draw, usable_here
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Plan, PlannedLeg, Setting
from clearing.core.rulebook import ExchangeKind
from clearing.core.snapshot import Lot


def check(batch: Batch, command: Spend, setting: Setting) -> Refusal | None:
    usable, not_enabled = value_here(batch, setting)
    wanted = max(command.amount, 1)
    here = sum(lot.available for lot in usable)
    if here < wanted <= here + sum(lot.available for lot in not_enabled):
        return Refusal(
            Code.NOT_ENABLED,
            f"{here} fen of this card's stored value can be used here; the rest is of participants whose"
            " stored value is not enabled across the alliance.",
            field="amount",
        )
    if not 0 < command.amount <= MAX_QUANTITY:
        return Refusal(
            Code.AMOUNT_INVALID, f"The amount must be from 1 to {MAX_QUANTITY} fen.", field="amount"
        )
    return None


def plan(batch: Batch, command: Spend, setting: Setting) -> Plan | Refusal:
    usable, _ = value_here(batch, setting)
    settings = batch.snapshot.directory.rulebook.settings
    drawn = draw(usable, command.amount, settings.draw_order, setting.acceptor_id)
    if drawn.shortfall:
        available = command.amount - drawn.shortfall
        return Refusal(
            Code.INSUFFICIENT_VALUE,
            f"{available} fen of stored value can be used here and {command.amount} are asked for.",
            field="amount",
        )
    return plan_draws(batch, setting, drawn.draws, None)


def plan_draws(
    batch: Batch, setting: Setting, draws: list[Draw], purpose: str | None, amount: int | None = None
) -> Plan:
    """To use these parts of lots here; their sum is what they pay."""
    amounts = by_issuer(draws)
    legs = [_leg(batch, setting, issuer_id, amount) for issuer_id, amount in amounts.items()]
    paid = sum(amounts.values())
    return Plan(TransactionKind.SPEND, 0, paid, legs, draws, EntryKind.VALUE_SPENT, [], purpose)


def value_here(batch: Batch, setting: Setting) -> tuple[list[Lot], list[Lot]]:
    """(lots usable here today, lots that only a missing permission keeps from use)."""
    directory = batch.snapshot.directory
    acceptor_id = setting.acceptor_id
    usable: list[Lot] = []
    not_enabled: list[Lot] = []
    for lot in batch.lots(setting.wallet_id, Asset.STORED_VALUE):
        if usable_here(lot, directory, acceptor_id, setting.times.on):
            permitted = (
                lot.issuer_id == acceptor_id or directory.participants[lot.issuer_id].stored_value_enabled
            )
            (usable if permitted else not_enabled).append(lot)
    return usable, not_enabled


def _leg(batch: Batch, setting: Setting, issuer_id: int, amount: int) -> PlannedLeg:
    rulebook = batch.snapshot.directory.rulebook
    acceptor_id = setting.acceptor_id
    fee = price(rulebook, ExchangeKind.SPEND, issuer_id, acceptor_id, amount, setting.times.on)
    obligation = 0
    if issuer_id != acceptor_id:
        obligation = multiply_half_up(amount, rulebook.settings.reimbursement_rate)
    return PlannedLeg(LegKind.SPEND, issuer_id, 0, amount, obligation, fee)
