"""Numbers as they are compared, and how far imports are in lines

Revision: 0018
After: 0017
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

# The rule of whichever version upgrades: by it the numbers that are sent afterwards are compared.
from clearing.core.texts import sought

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

#: The kind of transaction.
OPENING = 5
STREAMED = {"stream_results": True, "yield_per": 1000}

_KEPT = """
unnest(CAST(:merchant_id AS int[]), CAST(:kind AS smallint[]), CAST(:reference AS text[]),
       CAST(:wallet_id AS bigint[]), CAST(:transaction_id AS bigint[]), CAST(:written AS text[]))
    AS k (merchant_id, kind, reference, wallet_id, transaction_id, written)
"""
TAKE = sa.text(f"""
INSERT INTO merchant_references (merchant_id, kind, reference, wallet_id, transaction_id, written)
SELECT k.* FROM {_KEPT} ORDER BY transaction_id
    ON CONFLICT DO NOTHING
""")  # noqa: S608  constants
#: Of a number that another transaction has.
NOTE = sa.text(f"""
INSERT INTO reference_collisions (merchant_id, kind, reference, wallet_id, transaction_id, written)
SELECT k.*
  FROM {_KEPT}
  JOIN merchant_references AS has USING (merchant_id, kind, reference)
 WHERE has.transaction_id <> k.transaction_id
    ON CONFLICT DO NOTHING
""")  # noqa: S608  constants

REFERENCES = "Merchants' own numbers, unique per merchant and kind; of opening balances the issuers'"
IMPORTS = "One row for each file; its counts move in the transactions that post its rows"
LAST_LINE = (
    f"{IMPORTS}. last_line: where the last row that is done begins in the file; NULL: none is, or an earlier"
    " version counted them"
)
WRITTEN = (
    f"{REFERENCES}. written: as the journal has it, where a version kept blanks around a number, or letters in"
    " two forms"
)


def upgrade() -> None:
    """Numbers as they are compared, beside those that are kept as they were sent; the line an import is at."""
    op.add_column("imports", sa.Column("last_line", sa.BigInteger(), nullable=True))
    op.create_table_comment("imports", LAST_LINE, existing_comment=IMPORTS)
    op.add_column("merchant_references", sa.Column("written", sa.Text(), nullable=True))
    op.create_table_comment("merchant_references", WRITTEN, existing_comment=REFERENCES)
    op.create_index(
        op.f("merchant_references_merchant_id_kind_written_idx"),
        "merchant_references",
        ["merchant_id", "kind", "written"],
        unique=False,
        postgresql_where=sa.text("written IS NOT NULL"),
    )
    op.create_table(
        "reference_collisions",
        sa.Column("merchant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("wallet_id", sa.BigInteger(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "merchant_id", "kind", "reference", "transaction_id", name=op.f("reference_collisions_pkey")
        ),
        comment="What earlier versions booked under a number that another transaction has, as numbers are"
        " compared now; written: as the journal has them",
    )
    op.create_index(
        "payments_unusual_reference_idx",
        "payments",
        ["id"],
        unique=False,
        postgresql_where=sa.text(
            "octet_length(bank_reference) <> char_length(bank_reference)"
            " OR bank_reference <> btrim(bank_reference)"
        ),
    )
    take_numbers(op.get_bind())
    note_openings(op.get_bind())


def downgrade() -> None:
    """Undo it; only for development, since it loses data."""
    op.drop_index("payments_unusual_reference_idx", table_name="payments")
    op.drop_table("reference_collisions")
    op.execute("DELETE FROM merchant_references WHERE written IS NOT NULL")
    op.drop_column("merchant_references", "written")  # and with it the index
    op.create_table_comment("merchant_references", REFERENCES, existing_comment=WRITTEN)
    op.drop_column("imports", "last_line")
    op.create_table_comment("imports", IMPORTS, existing_comment=LAST_LINE)


def take_numbers(connection: sa.Connection) -> None:
    """Take each number that was kept as it was sent in the form in which it would be sent now, too.

    The first has it; what else was booked under it is noted. Numbers stay as they are where they are.
    """
    found = connection.execute(
        sa.text("""
        SELECT merchant_id, kind, reference AS written, wallet_id, transaction_id
          FROM merchant_references
         WHERE octet_length(reference) <> char_length(reference) OR reference <> btrim(reference)
         ORDER BY transaction_id
        """),
        execution_options=STREAMED,
    )
    for rows in found.mappings().partitions():
        compared = [{**row, "reference": sought(row["written"])} for row in rows]
        kept_otherwise = [one for one in compared if one["reference"] not in ("", one["written"])]
        if kept_otherwise:
            connection.execute(TAKE, _columns(kept_otherwise))
            connection.execute(NOTE, _columns(kept_otherwise))


def note_openings(connection: sa.Connection) -> None:
    """Note the opening balances whose number another one of the issuer has, of before it was asked for."""
    found = connection.execute(
        sa.text(f"""
        SELECT r.merchant_id, r.kind, r.reference AS written, t.wallet_id, t.id AS transaction_id
          FROM transactions t
          JOIN merchant_references r
            ON r.merchant_id = t.acceptor_id AND r.kind = t.kind AND r.reference = t.reference
         WHERE t.kind = {OPENING} AND r.transaction_id <> t.id
        """),  # noqa: S608  a constant
        execution_options=STREAMED,
    )
    for rows in found.mappings().partitions():
        noted = [{**row, "reference": sought(row["written"]) or row["written"]} for row in rows]
        connection.execute(NOTE, _columns(noted))


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
