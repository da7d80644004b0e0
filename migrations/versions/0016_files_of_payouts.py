"""Files of payouts that were given out

Revision: 0016
After: 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Files of payouts that were given out."""
    op.create_table(
        "payment_files",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_account_id", sa.BigInteger(), nullable=True),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["bank_accounts.id"], name=op.f("payment_files_account_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_account_id"],
            ["bank_accounts.id"],
            name=op.f("payment_files_confirmed_account_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["period"], ["settlements.period"], name=op.f("payment_files_period_fkey")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("payment_files_pkey")),
        comment="Each file of payouts that was given out, once however often: what a debit of the batch pays",
    )
    op.create_index("payment_files_period_idx", "payment_files", ["period"], unique=False)
    op.create_table(
        "payment_file_transfers",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("payment_file_transfers_positive_check")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["bank_accounts.id"], name=op.f("payment_file_transfers_account_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["payment_files.message_id"],
            name=op.f("payment_file_transfers_message_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("payment_file_transfers_participant_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("message_id", "participant_id", name=op.f("payment_file_transfers_pkey")),
        comment="The transfers of a file of payouts",
    )


def downgrade() -> None:
    """Undo it; only for development, since it loses data."""
    op.drop_table("payment_file_transfers")
    op.drop_table("payment_files")
