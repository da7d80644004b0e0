"""The tables of settlement. A closed period's rows never change, except for `settlements.recomputed`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
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
    Column("registered_name", Text),
    Column("address", Text),
    Column("tax_number", Text),
    UniqueConstraint("period", "participant_id"),
)

statement_keys = Table(
    "statement_keys",
    metadata,
    Column("participant_id", Integer, ForeignKey("participants.id"), primary_key=True, autoincrement=False),
    Column("member_key", Uuid(as_uuid=False), nullable=False, server_default=text("gen_random_uuid()")),
    comment="Secret; keys the member tokens on one participant's statements, so that no two can be joined",
)

liabilities = Table(
    "liabilities",
    metadata,
    Column("period", Integer, ForeignKey("settlements.period"), primary_key=True),
    Column("issuer_id", Integer, ForeignKey("participants.id"), primary_key=True),
    Column("asset", SmallInteger, primary_key=True),
    Column("opening", BigInteger, nullable=False),
    Column("issued", BigInteger, nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("used_own", BigInteger, nullable=False),
    Column("used_elsewhere", BigInteger, nullable=False),
    Column("expired", BigInteger, nullable=False),
    Column("adjusted", BigInteger, nullable=False),
    Column("arrears", BigInteger, nullable=False),
    Column("closing", BigInteger, nullable=False),
    CheckConstraint(
        "closing = opening + issued + opened - used_own - used_elsewhere - expired + adjusted + arrears",
        name="closing",
    ),
    comment="What each issuer owed members before and after a closed period, and what changed it",
)

liability_months = Table(
    "liability_months",
    metadata,
    Column("period", Integer, ForeignKey("settlements.period"), primary_key=True),
    Column("issuer_id", Integer, ForeignKey("participants.id"), primary_key=True),
    Column("asset", SmallInteger, primary_key=True),
    Column("month", Integer, primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    comment="The closing liability by the month in which it ends: 202712, or 0 for what never ends",
)

statement_sizes = Table(
    "statement_sizes",
    metadata,
    Column("period", Integer, ForeignKey("settlements.period"), primary_key=True),
    Column("participant_id", Integer, ForeignKey("participants.id"), primary_key=True),
    Column("lines", BigInteger, nullable=False),
    comment="How many lines a statement has, known before it is made",
)
