"""The tables of people who log in. Passwords and sessions are hashes, second factors encrypted."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from clearing.tables import instant, metadata

users = Table(
    "users",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("full_name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("participant_id", Integer, ForeignKey("participants.id")),
    Column("merchant_id", Integer, ForeignKey("merchants.id")),
    Column("password_hash", Text, nullable=False),
    Column("password_changed_at", instant(), nullable=False),
    Column("must_change_password", Boolean, nullable=False),
    Column("password_until", instant()),
    Column("totp_cipher", LargeBinary),
    Column("totp_confirmed_at", instant()),
    Column("totp_step", BigInteger),
    Column("made_at", instant(), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("disabled_at", instant()),
    CheckConstraint("scope IN ('operator', 'participant', 'merchant', 'finance', 'auditor')", name="scope"),
    CheckConstraint("(scope IN ('operator', 'auditor')) = (participant_id IS NULL)", name="participant"),
    CheckConstraint("(scope = 'merchant') = (merchant_id IS NOT NULL)", name="merchant"),
    CheckConstraint("totp_confirmed_at IS NULL OR totp_cipher IS NOT NULL", name="totp"),
    Index("users_participant_id_name_idx", "participant_id", "name"),
    comment="A name is one person's for ever: what they approved stands under it. password_until ends a"
    " temporary password; totp_step is the last step whose code was used",
)

user_sessions = Table(
    "user_sessions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("user_id", BigInteger, ForeignKey("users.id"), nullable=False),
    Column("made_at", instant(), nullable=False),
    Column("seen_at", instant(), nullable=False),
    Column("second_factor_at", instant()),
    Column("ended_at", instant()),
    Column("address", Text),
    Column("agent", Text),
    Index("user_sessions_user_id_id_idx", "user_id", "id"),
    comment="Who is logged in: SHA-256 of what the browser keeps",
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", instant(), nullable=False),
    Index("login_failures_last_at_idx", "last_at"),
    comment="Log-ins that did not succeed lately: by name, by address and by both, each hashed",
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", instant(), nullable=False),
    Column("who", Text),
    Column("what", Text, nullable=False),
    Column("about", Text),
    Column("participant_id", Integer),
    Column("address", Text),
    Column("data", JSONB, nullable=False),
    Index("audit_log_who_id_idx", "who", "id"),
    Index("audit_log_about_id_idx", "about", "id"),
    Index("audit_log_what_id_idx", "what", "id"),
    Index("audit_log_participant_id_id_idx", "participant_id", "id"),
    comment="Who did what about whom or what; nothing in it is ever changed or removed",
)

page_secrets = Table(
    "page_secrets",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
    CheckConstraint("id = 1 AND octet_length(secret) = 32", name="single_row"),
    comment="Secret; signs the cookies and forms of the pages, the same on every server",
)
