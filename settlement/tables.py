"""The tables of settlement. A closed period's rows never change, except for `settlements.recomputed`.

A dispute's state moves on; what was said in it, and what it corrected, is only ever added to.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from clearing.tables import instant, metadata

settlements = Table(
    "settlements",
    metadata,
    Column("period", Integer, ForeignKey("periods.number"), primary_key=True, autoincrement=False),
    Column("closed_at", instant(), nullable=False),
    Column("closed_by", Text, nullable=False),
    Column("early", Boolean, nullable=False),
    Column("zero_sum", Boolean, nullable=False),
    Column("recomputed", Boolean),
    Column("rule_version", Integer, ForeignKey("rulebooks.version"), nullable=False),
    comment="One row for each closed period; recomputed is NULL until the journal has been added up again",
)

settlement_nets = Table(
    "settlement_nets",
    metadata,
    Column("period", Integer, ForeignKey("settlements.period"), primary_key=True),
    Column("participant_id", Integer, ForeignKey("participants.id"), primary_key=True),
    Column("receivable", BigInteger, nullable=False),
    Column("payable", BigInteger, nullable=False),
    Column("fees", BigInteger, nullable=False),
    Column("net", BigInteger, nullable=False),
    CheckConstraint("net = receivable - payable - fees", name="net"),
    comment="Fen; net is above zero when the hub pays the participant",
)

settlement_positions = Table(
    "settlement_positions",
    metadata,
    Column("period", Integer, ForeignKey("settlements.period"), primary_key=True),
    Column("issuer_id", Integer, ForeignKey("participants.id"), primary_key=True),
    Column("acceptor_id", Integer, primary_key=True),  # 0 is the hub
    Column("kind", SmallInteger, primary_key=True),
    Column("exchanges", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("obligation", BigInteger, nullable=False),
    Column("acceptor_fee", BigInteger, nullable=False),
    Column("issuer_fee", BigInteger, nullable=False),
    comment="The running positions as they stood at closing, their stripes added up",
)

statements = Table(
    "statements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("period", Integer, ForeignKey("settlements.period"), nullable=False),
    Column("participant_id", Integer, ForeignKey("participants.id"), nullable=False, index=True),
    Column("number", Text, nullable=False, unique=True),
    Column("issued_at", instant(), nullable=False),
    # As they were at closing: a statement made again later must not show a later name.
    Column("participant_code", Text, nullable=False),
    Column("participant_name", Text, nullable=False),
    UniqueConstraint("period", "participant_id"),
)

statement_keys = Table(
    "statement_keys",
    metadata,
    Column("participant_id", Integer, ForeignKey("participants.id"), primary_key=True, autoincrement=False),
    Column("member_key", Uuid(as_uuid=False), nullable=False, server_default=text("gen_random_uuid()")),
    comment="Secret; keys the member tokens on one participant's statements, so that no two can be joined",
)

disputes = Table(
    "disputes",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("statement_id", Text, ForeignKey("statements.id"), nullable=False),
    Column("period", Integer, nullable=False, index=True),
    Column("line", Integer, nullable=False),
    Column("counterparty_line", Integer),  # on the other's statement; none on the hub's side
    # The leg, by its key, and who its parties are.
    Column("wallet_id", BigInteger, nullable=False),
    Column("transaction_id", BigInteger, nullable=False),
    Column("leg_number", SmallInteger, nullable=False),
    Column("issuer_id", Integer, nullable=False),
    Column("acceptor_id", Integer, nullable=False),
    Column("opener_id", Integer, ForeignKey("participants.id"), nullable=False),
    Column("counterparty_id", Integer, nullable=False),  # 0 is the hub
    Column("reason", Text, nullable=False),
    Column("late", Boolean, nullable=False),
    # How much of the line, in its own unit (or fen of the fee), and the money that goes with it.
    Column("quantity", BigInteger, nullable=False),
    Column("obligation", BigInteger, nullable=False),
    Column("acceptor_fee", BigInteger, nullable=False),
    Column("issuer_fee", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("opened_at", instant(), nullable=False),
    Column("ended_at", instant()),
    Column("ended_by", Integer),  # a participant; 0 is the hub
    Column("correction", Text),
    Column("corrected_quantity", BigInteger),
    Column("corrected_obligation", BigInteger),
    Column("corrected_acceptor_fee", BigInteger),
    Column("corrected_issuer_fee", BigInteger),
    CheckConstraint(
        "status IN ('needs_response', 'open', 'accepted', 'rejected', 'withdrawn')", name="status"
    ),
    CheckConstraint(
        "reason IN ('duplicate', 'wrong_amount', 'not_ours', 'wrong_fee', 'other')", name="reason"
    ),
    CheckConstraint("correction IN ('money', 'reversal', 'none')", name="correction"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint(
        "opener_id IN (issuer_id, acceptor_id) AND counterparty_id IN (0, issuer_id, acceptor_id)"
        " AND opener_id <> counterparty_id",
        name="parties",
    ),
    CheckConstraint(
        "(status IN ('needs_response', 'open')) = (ended_at IS NULL)"
        " AND (ended_at IS NULL) = (ended_by IS NULL)",
        name="ended",
    ),
    CheckConstraint(
        "(status = 'accepted') = (correction IS NOT NULL)"
        " AND num_nonnulls(correction, corrected_quantity, corrected_obligation, corrected_acceptor_fee,"
        " corrected_issuer_fee) IN (0, 5)",
        name="corrected",
    ),
    # At most one that is pending for each line and disputer.
    Index(
        "disputes_pending_key",
        "wallet_id",
        "transaction_id",
        "leg_number",
        "opener_id",
        unique=True,
        postgresql_where=text("status IN ('needs_response', 'open')"),
    ),
    Index("disputes_wallet_id_transaction_id_idx", "wallet_id", "transaction_id"),
    Index("disputes_opener_id_id_idx", "opener_id", "id"),
    Index("disputes_counterparty_id_id_idx", "counterparty_id", "id"),
    comment="Money has the signs of the disputed line; a correction takes back what stands in corrected_…",
)

dispute_messages = Table(
    "dispute_messages",
    metadata,
    Column("dispute_id", BigInteger, ForeignKey("disputes.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("written_at", instant(), nullable=False),
    Column("party_id", Integer, nullable=False),  # 0 is the hub
    Column("key_id", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("text", Text),
    Column("proposes", Text),
    CheckConstraint("act IN ('open', 'answer', 'accept', 'reject', 'withdraw')", name="act"),
    CheckConstraint("proposes IN ('accept', 'reject')", name="proposes"),
    comment="Who did and said what in a dispute, in its order",
)

dispute_corrections = Table(
    "dispute_corrections",
    metadata,
    Column("dispute_id", BigInteger, ForeignKey("disputes.id"), primary_key=True),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("period", Integer, nullable=False),
    Column("wallet_id", BigInteger, nullable=False),
    Column("transaction_id", BigInteger, nullable=False),
    Column("participant_id", Integer),  # whom a fee given back concerns; none: both parties
    UniqueConstraint("wallet_id", "transaction_id"),
    comment="The transactions that an accepted dispute has caused, written with them",
)
