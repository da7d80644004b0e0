"""Placing a hold: a redemption or spend with `capture: false` sets aside what it would have drawn."""

from datetime import datetime, timedelta

from clearing.core.batch import Batch
from clearing.core.commands import Redemption, Spend
from clearing.core.outcomes import Code, Refusal


def check(batch: Batch, command: Redemption | Spend) -> Refusal | None:
    """Whether the time for which it asks is one that a hold may have."""
    if command.expires_at is None:
        return None
    latest = batch.at + timedelta(minutes=batch.snapshot.directory.rulebook.settings.hold_minutes_max)
    if not batch.at < command.expires_at <= latest:
        return Refusal(
            Code.MALFORMED,
            f"A hold must end after now and by {latest.isoformat(timespec='seconds')}.",
            field="expires_at",
        )
    return None


def expires_at(batch: Batch, command: Redemption | Spend) -> datetime:
    default = timedelta(minutes=batch.snapshot.directory.rulebook.settings.hold_minutes_default)
    return command.expires_at or batch.at + default
