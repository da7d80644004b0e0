"""Periods without a gap or an overlap

Revision: 0016
After: 0012
"""

from collections.abc import Sequence
from itertools import pairwise

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Let neighbours that a change of the time zone has torn apart, or pushed into each other, meet again."""
    join_periods(op.get_bind())


def downgrade() -> None:
    """Undo it; only for development, since it loses data."""


def join_periods(connection: sa.Connection) -> None:
    """A closed period stays as its statements tell it; whichever neighbour is open is fitted to it.

    The later one is, if none of its transactions was flagged as late by where it began. Where neither can
    be moved, `tongdui verify` goes on naming them.
    """
    rows = connection.execute(
        sa.text("SELECT number, starts_at, ends_at, state FROM periods ORDER BY number")
    )
    found = [row._mapping for row in rows]
    for earlier, later in pairwise(found):
        apart = _following(earlier["number"]) == later["number"] and earlier["ends_at"] < later["starts_at"]
        if not apart and earlier["ends_at"] <= later["starts_at"]:
            continue
        if later["state"] == "open" and _may_begin(connection, later, earlier["ends_at"]):
            change = "UPDATE periods SET starts_at = :at WHERE number = :number"
            connection.execute(sa.text(change), {"at": earlier["ends_at"], "number": later["number"]})
        elif earlier["state"] == "open" and _may_end(connection, earlier, later["starts_at"]):
            change = "UPDATE periods SET ends_at = :at WHERE number = :number"
            connection.execute(sa.text(change), {"at": later["starts_at"], "number": earlier["number"]})


def _may_begin(connection: sa.Connection, period: sa.RowMapping, at: object) -> bool:
    """Whether all its transactions were booked after that and are late, or not, as before."""
    against = """
        SELECT 1 FROM transactions
         WHERE period = :number AND (booked_at < :at OR late <> (occurred_at < :at)) LIMIT 1"""
    return connection.execute(sa.text(against), {"at": at, "number": period["number"]}).first() is None


def _may_end(connection: sa.Connection, period: sa.RowMapping, at: object) -> bool:
    against = "SELECT 1 FROM transactions WHERE period = :number AND booked_at >= :at LIMIT 1"
    return connection.execute(sa.text(against), {"at": at, "number": period["number"]}).first() is None


def _following(number: int) -> int:
    return number + 1 if number % 100 < 12 else number + 89
