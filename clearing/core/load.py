"""Load: stored value is sold at a desk. Another issuer's crosses: the desk owes it the money taken."""

from clearing.core.accounts import Asset, EntryKind
from clearing.core.amounts import MAX_QUANTITY
from clearing.core.batch import Batch
from clearing.core.commands import Load
from clearing.core.directory import Directory
from clearing.core.fees import price
from clearing.core.journal import LegKind, TransactionKind
from clearing.core.outcomes import Code, Refusal
from clearing.core.plan import Credit, Plan, PlannedLeg, Setting
from clearing.core.rulebook import ExchangeKind


def issuer_id(directory: Directory, command: Load, acceptor_id: int) -> int | None:
    """Whose stored value is sold; None for a code that nobody has."""
    if command.issuer is None:
        return acceptor_id
    issuer = directory.participant(command.issuer)
    return issuer.id if issuer else None


def check(batch: Batch, command: Load, setting: Setting) -> Refusal | None:
    directory = batch.snapshot.directory
    issuer = issuer_id(directory, command, setting.acceptor_id)
    assert issuer is not None, "an unknown issuer was refused before"
    if issuer != setting.acceptor_id and not directory.participants[issuer].stored_value_enabled:
        return Refusal(
            Code.NOT_ENABLED,
            f"Stored value of {command.issuer} is not enabled across the alliance; sell your own instead.",
            field="issuer",
        )
    if not 0 < command.amount <= MAX_QUANTITY:
        return Refusal(
            Code.AMOUNT_INVALID, f"The amount must be from 1 to {MAX_QUANTITY} fen.", field="amount"
        )
    return None


def plan(batch: Batch, command: Load, setting: Setting) -> Plan:
    directory = batch.snapshot.directory
    acceptor_id, amount = setting.acceptor_id, command.amount
    issuer = issuer_id(directory, command, acceptor_id)
    assert issuer is not None, "an unknown issuer was refused before"
    fee = price(directory.rulebook, ExchangeKind.LOAD, issuer, acceptor_id, amount, setting.times.on)
    obligation = 0 if issuer == acceptor_id else amount
    leg = PlannedLeg(LegKind.LOAD, issuer, 0, amount, obligation, fee)
    credit = Credit(issuer, Asset.STORED_VALUE, None, amount, EntryKind.VALUE_LOADED)
    return Plan(TransactionKind.LOAD, 0, amount, [leg], [], EntryKind.VALUE_SPENT, [credit])
