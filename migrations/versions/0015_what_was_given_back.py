"""What was given back, once; periods without a gap or an overlap

Revision: 0015
After: 0012
"""

from collections.abc import Sequence
from itertools import pairwise

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """One ledger of what was given back in money; neighbours that a change of the zone parted meet again."""
    join_periods(op.get_bind())
    _add_money_corrections()
    note_disputes(op.get_bind())
    _add_months_of_rebates()
    split_volumes(op.get_bind())


def downgrade() -> None:
    """Undo it; only for development, since it loses data."""
    op.drop_table("money_corrections")
    for table in ("fee_volumes", "settlement_rebates"):
        op.drop_column(table, "of_period")  # and with it the key
    op.execute("DELETE FROM settlement_rebates WHERE rebate < 0")
    op.drop_column("settlements", "reclaims")


def _add_money_corrections() -> None:
    op.create_table(
        "money_corrections",
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("leg_number", sa.SmallInteger(), nullable=False),
        sa.Column("wallet_id", sa.BigInteger(), nullable=False),
        sa.Column("correction_id", sa.BigInteger(), nullable=False),
        sa.Column("leg_period", sa.Integer(), nullable=False),
        sa.Column("of_period", sa.Integer(), nullable=False),
        sa.Column("fee_rule_id", sa.Integer(), nullable=True),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("obligation", sa.BigInteger(), nullable=False),
        sa.Column("acceptor_fee", sa.BigInteger(), nullable=False),
        sa.Column("issuer_fee", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("money_corrections_not_negative_check")),
        sa.PrimaryKeyConstraint(
            "transaction_id",
            "leg_number",
            "wallet_id",
            "correction_id",
            name=op.f("money_corrections_pkey"),
        ),
        comment="What was given back of legs in money only, by disputes; reversals give back what is left."
        " counted: false if made by a version whose reversals did not look here",
    )
    op.create_index("money_corrections_period_idx", "money_corrections", ["period"], unique=False)


def note_disputes(connection: sa.Connection) -> None:
    """Note what disputes have corrected in money. Where the line was reversed afterwards, the reversal did not
    count it.
    """
    connection.execute(
        sa.text("""
        INSERT INTO money_corrections
               (transaction_id, leg_number, wallet_id, correction_id, leg_period, of_period, fee_rule_id,
                period, quantity, amount, obligation, acceptor_fee, issuer_fee, counted)
        SELECT d.transaction_id, d.leg_number, d.wallet_id, d.id, d.period,
               coalesce(t.original_period, t.period), l.fee_rule_id,
               (SELECT min(c.period) FROM dispute_corrections c WHERE c.dispute_id = d.id),
               d.corrected_quantity,
               sign(l.amount) * CASE WHEN l.kind <> 2 THEN d.corrected_quantity
                                     WHEN d.corrected_quantity >= abs(l.points) THEN abs(l.amount)
                                     ELSE least(round(d.corrected_quantity * r.point_value), abs(l.amount))
                                END,
               d.corrected_obligation, d.corrected_acceptor_fee, d.corrected_issuer_fee,
               NOT EXISTS (SELECT FROM transactions x
                            WHERE x.original_id = d.transaction_id
                              AND coalesce(x.original_wallet_id, x.wallet_id) = d.wallet_id
                              AND x.booked_at > d.ended_at)
          FROM disputes d
          JOIN legs l ON l.period = d.period AND l.wallet_id = d.wallet_id
                     AND l.transaction_id = d.transaction_id AND l.number = d.leg_number
          JOIN transactions t ON t.period = l.period AND t.wallet_id = l.wallet_id AND t.id = l.transaction_id
          JOIN rulebooks r ON r.version = t.rule_version
         WHERE d.correction = 'money'""")
    )


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


def _add_months_of_rebates() -> None:
    """Existing settlements keep the rebates that they were closed with, each of its own month."""
    for table, columns in (
        ("fee_volumes", ["period", "rule_id", "issuer_id", "acceptor_id", "of_period", "stripe"]),
        ("settlement_rebates", ["period", "rule_id", "payer_id", "as_acceptor", "of_period"]),
    ):
        op.add_column(table, sa.Column("of_period", sa.Integer(), nullable=True))
        op.execute(f"UPDATE {table} SET of_period = period")  # noqa: S608  two names of tables
        op.alter_column(table, "of_period", nullable=False)
        op.drop_constraint(op.f(f"{table}_pkey"), table, type_="primary")
        op.create_primary_key(op.f(f"{table}_pkey"), table, columns)
    op.create_index("fee_volumes_of_period_idx", "fee_volumes", ["of_period"], unique=False)
    op.drop_constraint(op.f("settlement_rebates_not_negative_check"), "settlement_rebates", type_="check")
    op.create_check_constraint(
        op.f("settlement_rebates_not_negative_check"),
        "settlement_rebates",
        "rebate >= 0 OR of_period < period",
    )
    op.create_table_comment(
        "settlement_rebates",
        "What the tiers of a fee rule gave back on a payer's volume of the period; or, of an earlier month, by how"
        " much that changed because some of it was given back in this one",
        existing_comment="What the tiers of a fee rule gave back on a payer's volume of the period",
    )
    op.add_column(
        "settlements", sa.Column("reclaims", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    op.execute("UPDATE settlements SET reclaims = false")
    op.create_table_comment("settlements", SETTLEMENTS_COMMENT)


SETTLEMENTS_COMMENT = (
    "One row for each closed period; zero_sum is NULL until the nets have been written, recomputed"
    " until the journal has been added up again. The last payment and carry-forward are those that this or an"
    " earlier settlement has stated. reclaims: false if closed by a version that took what was reversed off"
    " the volume of the month in which it was reversed"
)


def split_volumes(connection: sa.Connection) -> None:
    """What was reversed in a later month counts to the month of what was reversed, in all volumes."""
    later = """
        SELECT l.period, l.fee_rule_id AS rule_id, l.issuer_id, l.acceptor_id, t.original_period AS of_period,
               sum(l.amount) AS amount, sum(l.acceptor_fee) AS acceptor_fee, sum(l.issuer_fee) AS issuer_fee
          FROM transactions t
          JOIN legs l ON l.period = t.period AND l.wallet_id = t.wallet_id AND l.transaction_id = t.id
          JOIN fee_rules f ON f.id = l.fee_rule_id AND f.tiers <> '[]'
         WHERE t.original_period < t.period AND l.issuer_id <> l.acceptor_id
         GROUP BY l.period, l.fee_rule_id, l.issuer_id, l.acceptor_id, t.original_period"""
    columns = "period, rule_id, issuer_id, acceptor_id, stripe, amount, acceptor_fee, issuer_fee, of_period"
    connection.execute(
        sa.text(f"""
        INSERT INTO fee_volumes AS v ({columns})
        SELECT period, rule_id, issuer_id, acceptor_id, 0, sign * amount, sign * acceptor_fee,
               sign * issuer_fee, CASE sign WHEN 1 THEN of_period ELSE period END
          FROM (SELECT period, rule_id, issuer_id, acceptor_id, sign, sum(amount) AS amount,
                       sum(acceptor_fee) AS acceptor_fee, sum(issuer_fee) AS issuer_fee,
                       CASE sign WHEN 1 THEN of_period END AS of_period
                  FROM ({later}) AS later CROSS JOIN (VALUES (1), (-1)) AS signs (sign)
                 GROUP BY period, rule_id, issuer_id, acceptor_id, sign,
                          CASE sign WHEN 1 THEN of_period END) AS moved
            ON CONFLICT (period, rule_id, issuer_id, acceptor_id, of_period, stripe)
            DO UPDATE SET amount = v.amount + excluded.amount,
                          acceptor_fee = v.acceptor_fee + excluded.acceptor_fee,
                          issuer_fee = v.issuer_fee + excluded.issuer_fee""")  # noqa: S608
    )
