"""Telling the parties to a transaction of it, those of them who have subscribed to that."""

from collections.abc import Mapping, Sequence
from typing import Any

from clearing.core.batch import Batch
from clearing.core.calendar import period_name
from clearing.core.commands import Command, Opening
from clearing.core.events import EventType
from clearing.core.journal import Booking
from clearing.core.outcomes import Posted


def tell_of_postings(batch: Batch, commands: Sequence[Command]) -> None:
    """An event for each transaction of the batch and each of its parties who wants one.

    History and opening balances are no news: whoever brings in a file of them knows what is in it.
    """
    told = batch.snapshot.directory.told_of_postings
    for command, outcome in zip(commands, batch.decision.outcomes, strict=True):
        if isinstance(outcome, Posted) and not command.historical and not isinstance(command, Opening):
            parties = {outcome.booking.transaction.acceptor_id}
            parties.update(leg.issuer_id for leg in outcome.booking.legs)
            for participant_id in sorted(parties & told):
                batch.tell(
                    EventType.TRANSACTION_POSTED, participant_id, _seen_by(participant_id, outcome.booking)
                )


def _seen_by(participant_id: int, booking: Booking) -> Mapping[str, Any]:
    """What the participant may know of it: all of it as acceptor, as issuer what concerns its own legs."""
    row = booking.transaction
    is_acceptor = participant_id == row.acceptor_id
    legs = [leg for leg in booking.legs if is_acceptor or leg.issuer_id == participant_id]
    return {
        "wallet_id": row.wallet_id,
        "transaction_id": row.id,
        "kind": row.kind.label,
        "role": "acceptor" if is_acceptor else "issuer",
        "merchant_id": row.merchant_id if is_acceptor else None,
        "reference": row.reference if is_acceptor else None,
        "period": period_name(row.period),
        "late": row.late,
        "points": row.points if is_acceptor else sum(leg.points for leg in legs),
        "amount": row.amount if is_acceptor else sum(leg.amount for leg in legs),
        "obligation": sum(leg.obligation for leg in legs),
        "fee": sum(leg.acceptor_fee if is_acceptor else 0 for leg in legs)
        + sum(leg.issuer_fee for leg in legs if leg.issuer_id == participant_id),
        "original_id": row.original_id,
        "original_wallet_id": row.original_wallet_id,
    }
