"""The tables of webhooks: who is called, what is to be delivered, and how each attempt went."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)

from clearing.tables import instant, metadata

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("participant_id", Integer, nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("event_types", ARRAY(Text)),
    Column("description", Text),
    Column("enabled", Boolean, nullable=False, server_default="true"),
    Column("disabled_reason", Text),
    Column("disabled_at", instant()),
    Column("failing_since", instant()),
    Column("secret_cipher", LargeBinary, nullable=False),
    Column("old_secret_cipher", LargeBinary),
    Column("old_secret_until", instant()),
    Column("made_at", instant(), nullable=False),
    Column("made_by", Text, nullable=False),
    CheckConstraint("disabled_reason IN ('owner', 'gone', 'failing')", name="reason"),
    CheckConstraint(
        "enabled = (disabled_reason IS NULL) AND enabled = (disabled_at IS NULL)", name="disabled"
    ),
    CheckConstraint("(old_secret_cipher IS NULL) = (old_secret_until IS NULL)", name="old_secret"),
    comment="Whom to call; participant 0 is the hub. event_types NULL: all. Secrets are encrypted",
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column(
        "endpoint_id", BigInteger, ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("event_id", BigInteger, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("due_at", instant(), nullable=False),
    Column("give_up_at", instant(), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Of an earlier round: a replay begins to wait from the shortest time again.
    Column("attempts_before", Integer, nullable=False, server_default="0"),
    Column("first_tried_at", instant()),
    Column("delivered_at", instant()),
    CheckConstraint("status IN ('pending', 'delivered', 'failed', 'dropped')", name="status"),
    CheckConstraint("(status = 'delivered') <= (delivered_at IS NOT NULL)", name="delivered"),
    Index(
        "webhook_deliveries_due_idx",
        "endpoint_id",
        "due_at",
        "event_id",
        postgresql_where=text("status = 'pending'"),
    ),
    comment="An event on its way to an endpoint. Whoever claims it sets due_at ahead, so a crash repeats it",
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("endpoint_id", BigInteger, primary_key=True),
    Column("event_id", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", instant(), nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("status_code", SmallInteger),
    Column("error", Text),
    ForeignKeyConstraint(
        ["endpoint_id", "event_id"],
        ["webhook_deliveries.endpoint_id", "webhook_deliveries.event_id"],
        ondelete="CASCADE",
    ),
    CheckConstraint("status_code IS NOT NULL OR error IS NOT NULL", name="outcome"),
    comment="How each attempt went: the status that was answered, or why there was no answer",
)
