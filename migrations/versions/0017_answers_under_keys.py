"""Answers under keys

Revision: 0017
After: 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """First answers to calls with an idempotency key that book nothing."""
    op.create_table(
        "keyed_answers",
        sa.Column("key", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("request_hash", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("keyed_answers_pkey")),
        comment="First answers under the keys of calls that book nothing, without secrets; not kept for ever",
    )
    op.create_index("keyed_answers_made_at_idx", "keyed_answers", ["made_at"], unique=False)


def downgrade() -> None:
    """Undo it; only for development, since it loses data."""
    op.drop_index("keyed_answers_made_at_idx", table_name="keyed_answers")
    op.drop_table("keyed_answers")
