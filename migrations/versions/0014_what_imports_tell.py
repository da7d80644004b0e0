"""What imports tell, and one number for one opening balance

Revision: 0014
After: 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

#: The kind of transaction.
OPENING = 5


def upgrade() -> None:
    """What imports tell, and one number for one opening balance."""
    op.add_column("imports", sa.Column("encoding", sa.Text(), nullable=True))
    op.create_table(
        "import_members",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("import_members_import_id_fkey")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("import_members_member_id_fkey")),
        sa.PrimaryKeyConstraint("import_id", "row", name=op.f("import_members_pkey")),
        comment="Whose row it was: the members that an import enrolled, or found enrolled by the same row",
    )
    op.create_table_comment(
        "merchant_references",
        "Merchants' own numbers, unique per merchant and kind; of opening balances the issuers'",
        existing_comment="Merchants' own numbers, unique per merchant and kind",
    )
    # Nobody asked whether such a number was new, so one may be there several times: the first has it.
    op.execute(f"""
        INSERT INTO merchant_references (merchant_id, kind, reference, wallet_id, transaction_id)
        SELECT DISTINCT ON (acceptor_id, reference) acceptor_id, kind, reference, wallet_id, id
          FROM transactions
         WHERE kind = {OPENING} AND reference IS NOT NULL
         ORDER BY acceptor_id, reference, booked_at, id
    """)  # noqa: S608  a constant


def downgrade() -> None:
    """Undo it; only for development, since it loses data."""
    op.execute(f"DELETE FROM merchant_references WHERE kind = {OPENING}")  # noqa: S608  a constant
    op.create_table_comment(
        "merchant_references",
        "Merchants' own numbers, unique per merchant and kind",
        existing_comment="Merchants' own numbers, unique per merchant and kind; of opening balances the issuers'",
    )
    op.drop_table("import_members")
    op.drop_column("imports", "encoding")
