"""Phones in one form

Revision: 0013
After: 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Phones in one form.

    The phones themselves are hashed anew by `tongdui db upgrade` after this, in portions: that needs the keys.
    """
    op.add_column("members", sa.Column("phone_form", sa.SmallInteger(), nullable=True))
    op.create_index(op.f("members_participant_id_id_idx"), "members", ["participant_id", "id"], unique=False)
    op.create_table(
        "phone_collisions",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("found_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("phone_collisions_member_id_fkey")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("phone_collisions_pkey")),
        comment="Members whose phone, in its one form, is that of another who was enrolled before",
    )
    op.create_index(
        op.f("phone_collisions_phone_index_idx"), "phone_collisions", ["phone_index"], unique=False
    )


def downgrade() -> None:
    """Back without them; what was hashed anew stays, and is hashed once more by the next upgrade."""
    op.drop_table("phone_collisions")
    op.drop_index("members_participant_id_id_idx", table_name="members")
    op.drop_column("members", "phone_form")
