"""The tables of the ledger and of its reference data, as SQLAlchemy Core objects.

Hot tables begin their keys with `wallet_id`, so that they can be spread over machines by wallet; the
journal (transactions, legs, entries) is partitioned by period. Nothing in the journal is ever updated
or deleted. Quantities are whole points or whole fen, rates exact decimals.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


def instant() -> TIMESTAMP:
    """A point in time, stored in UTC."""
    return TIMESTAMP(timezone=True)


RATE = Numeric(20, 10)

# ---- who takes part, and by which rules ---------------------------------------------------------

rulebooks = Table(
    "rulebooks",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("made_at", instant(), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("point_value", RATE, nullable=False),
    Column("reimbursement_rate", RATE, nullable=False),
    Column("draw_order", Text, nullable=False),
    Column("grace_days", Integer, nullable=False),
    Column("vat_rate", RATE, nullable=False),
    Column("hold_minutes_default", Integer, nullable=False),
    Column("hold_minutes_max", Integer, nullable=False),
    Column("card_points_per_day", BigInteger),
    Column("card_redemptions_per_hour", BigInteger),
    Column("merchant_points_per_day", BigInteger),
    Column("merchant_redemptions_per_hour", BigInteger),
    Column("hub_name", Text),
    Column("hub_address", Text),
    Column("hub_tax_number", Text),
    Column("dual_control", Boolean, nullable=False, server_default="false"),
    Column("close_quiet_minutes", Integer, server_default="10"),
    Column("due_days", Integer, nullable=False, server_default="10"),
    Column("suspend_overdue_days", Integer),
    Column("dispute_window_days", Integer, nullable=False, server_default="10"),
    Column("dispute_response_days", Integer, nullable=False, server_default="7"),
    comment="Alliance settings; each change, also of a fee rule, makes the next version",
)

directory_versions = Table(
    "directory_versions",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="single_row"),
    comment="One row that grows with any change of participants, merchants or rules; caches compare it",
)

participants = Table(
    "participants",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("earn_rate", RATE, nullable=False),
    Column("expiry_kind", Text, nullable=False),
    Column("expiry_months", Integer, nullable=False),
    Column("expiry_month", SmallInteger, nullable=False),
    Column("expiry_day", SmallInteger, nullable=False),
    Column("stored_value_enabled", Boolean, nullable=False, server_default="false"),
    Column("stored_value_permit", Text),
    Column("tiers", JSONB, nullable=False, server_default="[]"),
    Column("net_debit_cap", BigInteger),
    Column("conversion_ratio", RATE, nullable=False, server_default="1"),
    Column("told_of_postings", Boolean, nullable=False, server_default="false"),
    Column("registered_name", Text),
    Column("address", Text),
    Column("tax_number", Text),
    Column("admitted_at", instant(), nullable=False),
    CheckConstraint("status IN ('active', 'suspended')", name="status"),
    CheckConstraint("net_debit_cap >= 0", name="cap"),
    CheckConstraint("NOT stored_value_enabled OR stored_value_permit IS NOT NULL", name="permit"),
)

merchants = Table(
    "merchants",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("participant_id", Integer, ForeignKey("participants.id"), nullable=False, index=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("category", Text),
    Column("benefits", JSONB, nullable=False, server_default="{}"),
    Column("status", Text, nullable=False, server_default="active"),
    Column("admitted_at", instant(), nullable=False),
    CheckConstraint("status IN ('active', 'suspended')", name="status"),
)

fee_rules = Table(
    "fee_rules",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("since_version", Integer, ForeignKey("rulebooks.version"), nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("issuer_id", Integer, ForeignKey("participants.id")),
    Column("acceptor_id", Integer, ForeignKey("participants.id")),
    Column("acceptor_share", RATE, nullable=False),
    Column("rate", RATE, nullable=False),
    Column("flat", BigInteger, nullable=False),
    Column("minimum", BigInteger),
    Column("maximum", BigInteger),
    Column("valid_from", Date),
    Column("tiers", JSONB, nullable=False, server_default="[]"),
    CheckConstraint("acceptor_share BETWEEN 0 AND 1", name="acceptor_share"),
    CheckConstraint("rate >= 0 AND flat >= 0 AND minimum >= 0 AND maximum >= minimum", name="not_negative"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("scope", Text, nullable=False),
    Column("participant_id", Integer, ForeignKey("participants.id")),
    Column("merchant_id", Integer, ForeignKey("merchants.id")),
    Column("name", Text, nullable=False),
    Column("made_at", instant(), nullable=False),
    Column("made_by", Text),
    Column("revoked_at", instant()),
    comment="The secret itself is shown once and never stored",
)

# ---- members and what they hold -----------------------------------------------------------------

wallets = Table(
    "wallets",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("opened_at", instant(), nullable=False),
    Column("merged_into", BigInteger, ForeignKey("wallets.id")),
    Index("wallets_merged_into_idx", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    comment="merged_into: the wallet that took in what this one had, and whatever that was merged into",
    postgresql_with={"fillfactor": 80},
)

members = Table(
    "members",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("wallet_id", BigInteger, ForeignKey("wallets.id"), nullable=False, index=True),
    Column("participant_id", Integer, ForeignKey("participants.id"), nullable=False),
    Column("name_cipher", LargeBinary),
    Column("phone_cipher", LargeBinary),
    Column("phone_index", LargeBinary),
    Column("phone_form", SmallInteger),
    Column("tier", Text),
    Column("enrolled_at", instant(), nullable=False),
    Column("erased_at", instant()),
    UniqueConstraint("phone_index"),
    Index(None, "participant_id", "id"),
    comment="Name and phone are encrypted; phone_index is a keyed hash that finds an enrolled person",
)

phone_collisions = Table(
    "phone_collisions",
    metadata,
    Column("member_id", BigInteger, ForeignKey("members.id"), primary_key=True, autoincrement=False),
    Column("phone_index", LargeBinary, nullable=False, index=True),
    Column("found_at", instant(), nullable=False),
    comment="Members whose phone, in its one form, is that of another who was enrolled before",
)

cards = Table(
    "cards",
    metadata,
    Column("number", Text, primary_key=True),
    Column("wallet_id", BigInteger, ForeignKey("wallets.id"), nullable=False, index=True),
    Column("member_id", BigInteger, ForeignKey("members.id"), nullable=False),
    Column("issuer_id", Integer, ForeignKey("participants.id"), nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("expires_on", Date),
    Column("issued_at", instant(), nullable=False),
    Column("replaced_by", Text),
    CheckConstraint("status IN ('active', 'blocked', 'expired')", name="status"),
    CheckConstraint("replaced_by IS NULL OR status = 'blocked'", name="replaced"),
)

lots = Table(
    "lots",
    metadata,
    Column("wallet_id", BigInteger, ForeignKey("wallets.id"), primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("issuer_id", Integer, nullable=False),
    Column("asset", SmallInteger, nullable=False),
    Column("expires_on", Date),
    Column("available", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("available >= 0 AND held >= 0", name="not_negative"),
    # Points earned that end on the same day join one lot; NULL (never) counts as one day too.
    Index(
        "lots_wallet_id_issuer_id_asset_expires_on_key",
        "wallet_id",
        "issuer_id",
        "asset",
        "expires_on",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    # Complete, not only of lots with something in them: a condition on a balance would end HOT updates.
    Index("lots_expires_on_idx", "expires_on"),
    # Room on the page for the next version of a row: balances change without touching an index.
    postgresql_with={"fillfactor": 60},
)

holds = Table(
    "holds",
    metadata,
    Column("wallet_id", BigInteger, ForeignKey("wallets.id"), primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("card_number", Text, nullable=False),
    Column("merchant_id", Integer, nullable=False),
    Column("acceptor_id", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("placed_at", instant(), nullable=False),
    Column("expires_at", instant(), nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("posted_by", Text, nullable=False),
    Column("reference", Text),
    Column("purpose", Text),
    Column("metadata", JSONB),
    CheckConstraint("status IN ('held', 'captured', 'voided', 'expired')", name="status"),
    CheckConstraint("captured >= 0 AND (status = 'captured') = (captured > 0)", name="captured"),
    Index("holds_expires_at_idx", "expires_at", postgresql_where=text("status = 'held'")),
    Index("holds_acceptor_id_merchant_id_id_idx", "acceptor_id", "merchant_id", "id"),
    comment="The transaction that captures a hold has its id; status, captured, wallet_id alone ever change",
)

hold_draws = Table(
    "hold_draws",
    metadata,
    Column("wallet_id", BigInteger, primary_key=True),
    Column("hold_id", BigInteger, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("lot_id", BigInteger, nullable=False),
    Column("issuer_id", Integer, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="positive"),
    comment="What a hold set aside when it was placed, in the order of the draw",
)

arrears = Table(
    "arrears",
    metadata,
    Column("wallet_id", BigInteger, ForeignKey("wallets.id"), primary_key=True),
    Column("issuer_id", Integer, primary_key=True),
    Column("points", BigInteger, nullable=False),
    CheckConstraint("points >= 0", name="not_negative"),
    comment="Points that were given, spent, and taken back; later accruals of the issuer pay them first",
)

# ---- the journal --------------------------------------------------------------------------------

periods = Table(
    "periods",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("starts_at", instant(), nullable=False),
    Column("ends_at", instant(), nullable=False),
    Column("state", Text, nullable=False),
    Column("opened_at", instant(), nullable=False, server_default=text("clock_timestamp()")),
    CheckConstraint("state IN ('open', 'closed', 'approved', 'settled')", name="state"),
    CheckConstraint("starts_at <= ends_at", name="order"),
    comment="A calendar month, 202611 for November 2026; half open",
)

transactions = Table(
    "transactions",
    metadata,
    Column("period", Integer, nullable=False),
    Column("wallet_id", BigInteger, nullable=False),
    Column("id", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("card_number", Text),
    Column("merchant_id", Integer),
    Column("acceptor_id", Integer, nullable=False),
    Column("occurred_at", instant(), nullable=False),
    Column("booked_at", instant(), nullable=False),
    Column("late", Boolean, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("posted_by", Text),
    Column("reference", Text),
    Column("purpose", Text),
    Column("metadata", JSONB),
    Column("original_id", BigInteger),
    Column("original_period", Integer),
    Column("original_wallet_id", BigInteger),
    PrimaryKeyConstraint("wallet_id", "id", "period"),
    Index("transactions_acceptor_id_merchant_id_id_idx", "acceptor_id", "merchant_id", "id"),
    Index(
        "transactions_original_id_idx",
        "original_id",
        postgresql_where=text("original_id IS NOT NULL"),
    ),
    postgresql_partition_by="LIST (period)",
)

legs = Table(
    "legs",
    metadata,
    Column("period", Integer, nullable=False),
    Column("wallet_id", BigInteger, nullable=False),
    Column("transaction_id", BigInteger, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("reason", SmallInteger, nullable=False),
    Column("issuer_id", Integer, nullable=False),
    Column("acceptor_id", Integer, nullable=False),
    Column("fee_rule_id", Integer),
    Column("points", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("obligation", BigInteger, nullable=False),
    Column("acceptor_fee", BigInteger, nullable=False),
    Column("issuer_fee", BigInteger, nullable=False),
    PrimaryKeyConstraint("transaction_id", "number", "wallet_id", "period"),
    CheckConstraint(
        "issuer_id <> acceptor_id OR (obligation = 0 AND acceptor_fee = 0 AND issuer_fee = 0)",
        name="own_system_is_free",
    ),
    postgresql_partition_by="LIST (period)",
)

money_corrections = Table(
    "money_corrections",
    metadata,
    Column("transaction_id", BigInteger, nullable=False),
    Column("leg_number", SmallInteger, nullable=False),
    Column("wallet_id", BigInteger, nullable=False),
    Column("correction_id", BigInteger, nullable=False),
    Column("leg_period", Integer, nullable=False),
    Column(
        "of_period", Integer, nullable=False
    ),  # the month of the exchange, also if the leg is a reversal's
    Column("fee_rule_id", Integer),
    Column("period", Integer, nullable=False, index=True),
    Column("quantity", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("obligation", BigInteger, nullable=False),
    Column("acceptor_fee", BigInteger, nullable=False),
    Column("issuer_fee", BigInteger, nullable=False),
    # Before there was this table, a reversal gave back what had been corrected before it once more.
    Column("counted", Boolean, nullable=False, server_default=text("true")),
    PrimaryKeyConstraint("transaction_id", "leg_number", "wallet_id", "correction_id"),
    CheckConstraint("quantity >= 0", name="not_negative"),
    comment="What was given back of legs in money only, by disputes; reversals give back what is left."
    " counted: false if made by a version whose reversals did not look here",
)

entries = Table(
    "entries",
    metadata,
    Column("period", Integer, nullable=False),
    Column("wallet_id", BigInteger, nullable=False),
    Column("transaction_id", BigInteger, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("debit", BigInteger, nullable=False),
    Column("credit", BigInteger, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    PrimaryKeyConstraint("transaction_id", "number", "wallet_id", "period"),
    CheckConstraint("quantity > 0", name="positive"),
    postgresql_partition_by="LIST (period)",
)

positions = Table(
    "positions",
    metadata,
    Column("period", Integer, primary_key=True),
    Column("issuer_id", Integer, primary_key=True),
    Column("acceptor_id", Integer, primary_key=True),
    Column("kind", SmallInteger, primary_key=True),
    Column("stripe", SmallInteger, primary_key=True),
    Column("exchanges", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("obligation", BigInteger, nullable=False),
    Column("acceptor_fee", BigInteger, nullable=False),
    Column("issuer_fee", BigInteger, nullable=False),
    # Each writer has its own stripe, so that no posting waits for another's running total.
    postgresql_with={"fillfactor": 30},
)

fee_volumes = Table(
    "fee_volumes",
    metadata,
    Column("period", Integer, nullable=False),
    Column("rule_id", Integer, nullable=False),
    Column("issuer_id", Integer, nullable=False),
    Column("acceptor_id", Integer, nullable=False),
    Column("stripe", SmallInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("acceptor_fee", BigInteger, nullable=False),
    Column("issuer_fee", BigInteger, nullable=False),
    Column("of_period", Integer, nullable=False),  # the month of what was priced, also of a later reversal
    PrimaryKeyConstraint("period", "rule_id", "issuer_id", "acceptor_id", "of_period", "stripe"),
    Index("fee_volumes_of_period_idx", "of_period"),
    comment="What fee rules with tiers have priced, by writer as in positions; rebates are computed from it",
    postgresql_with={"fillfactor": 30},
)

exposures = Table(
    "exposures",
    metadata,
    Column("participant_id", Integer, primary_key=True),
    Column("period", Integer, primary_key=True),
    Column("stripe", SmallInteger, primary_key=True),
    Column("debit", BigInteger, nullable=False),
    comment="What a participant owes on balance, fees included, by writer as in positions",
    postgresql_with={"fillfactor": 30},
)

cap_lines = Table(
    "cap_lines",
    metadata,
    Column("participant_id", Integer, ForeignKey("participants.id"), primary_key=True),
    Column("line", SmallInteger, nullable=False),
    comment="Per cent of its net debit cap at which a participant was last warned",
)

links = Table(
    "links",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("card_number", Text, ForeignKey("cards.number"), nullable=False),
    Column("other_card", Text, ForeignKey("cards.number"), nullable=False),
    Column("status", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", instant(), nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("changed_at", instant(), nullable=False),
    CheckConstraint("status IN ('proposed', 'linked', 'rejected', 'unlinked')", name="status"),
    CheckConstraint("card_number < other_card", name="order"),
    Index(
        "links_card_number_other_card_key",
        "card_number",
        "other_card",
        unique=True,
        postgresql_where=text("status IN ('proposed', 'linked')"),
    ),
    Index("links_card_number_idx", "card_number"),
    Index("links_other_card_idx", "other_card"),
    comment="Cards of which participants say that one person holds them",
)

link_parties = Table(
    "link_parties",
    metadata,
    Column("link_id", BigInteger, ForeignKey("links.id"), primary_key=True),
    Column("participant_id", Integer, ForeignKey("participants.id"), primary_key=True),
    Column("agreed_by", Text),
    Column("agreed_at", instant()),
    CheckConstraint("(agreed_by IS NULL) = (agreed_at IS NULL)", name="agreed"),
    Index("link_parties_participant_id_idx", "participant_id", "link_id"),
    comment="Whose consent a link needs, and who has given it",
)

adjustments = Table(
    "adjustments",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("wallet_id", BigInteger, nullable=False),
    Column("card_number", Text),
    Column("issuer_id", Integer),
    Column("points", BigInteger),
    Column("expires_on", Date),
    Column("debtor_id", Integer),
    Column("creditor_id", Integer),
    Column("amount", BigInteger),
    Column("reason", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", instant(), nullable=False),
    Column("decided_by", Text),
    Column("decided_at", instant()),
    CheckConstraint("kind IN ('points', 'money')", name="kind"),
    CheckConstraint("status IN ('proposed', 'approved', 'rejected')", name="status"),
    CheckConstraint("(kind = 'points') = (points IS NOT NULL AND issuer_id IS NOT NULL)", name="points"),
    CheckConstraint(
        "(kind = 'money') = (amount IS NOT NULL AND debtor_id IS NOT NULL AND creditor_id IS NOT NULL)",
        name="money",
    ),
    CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="decided"),
    CheckConstraint("decided_by <> proposed_by OR status = 'rejected'", name="two_people"),
    comment="What one operator proposes and another approves; the outcome stands under the key of its id",
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("type", Text, nullable=False),
    Column("participant_id", Integer, nullable=False),
    Column("made_at", instant(), nullable=False),
    Column("data", JSONB, nullable=False),
    Column("once", Text, unique=True),
    # An id is made before the commit, so a greater one may be seen earlier; a number is given after it.
    Column("number", BigInteger),
    Index("events_participant_id_id_idx", "participant_id", "id"),
    # In parts, so that a posting which tells of itself writes to one of the three.
    Index("events_unnumbered_idx", "id", postgresql_where=text("number IS NULL")),
    Index("events_number_key", "number", unique=True, postgresql_where=text("number IS NOT NULL")),
    Index(
        "events_participant_id_number_idx",
        "participant_id",
        "number",
        postgresql_where=text("number IS NOT NULL"),
    ),
    comment="What participants are told, written with what caused it; `once` keeps one from being repeated",
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("key", Uuid(as_uuid=False), primary_key=True),
    Column("request_hash", Uuid(as_uuid=False), nullable=False),
    Column("recorded_at", instant(), nullable=False),
    Column("wallet_id", BigInteger),
    Column("transaction_id", BigInteger),
    Column("member_id", BigInteger),
    Column("hold_id", BigInteger),
    Column("refusal_code", Text),
    Column("refusal_detail", Text),
    Column("refusal_field", Text),
    comment="What became of each idempotency key, for ever",
)

keyed_answers = Table(
    "keyed_answers",
    metadata,
    Column("key", Uuid(as_uuid=False), primary_key=True),
    Column("request_hash", Uuid(as_uuid=False), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("location", Text),
    Column("made_at", instant(), nullable=False),
    Index("keyed_answers_made_at_idx", "made_at"),
    comment="First answers under the keys of calls that book nothing, without secrets; not kept for ever",
)

references = Table(
    "merchant_references",
    metadata,
    Column("merchant_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("reference", Text, primary_key=True),
    Column("wallet_id", BigInteger, nullable=False),
    Column("transaction_id", BigInteger, nullable=False),
    Column("written", Text),
    Index(None, "merchant_id", "kind", "written", postgresql_where=text("written IS NOT NULL")),
    comment="Merchants' own numbers, unique per merchant and kind; of opening balances the issuers'."
    " written: as the journal has it, where a version kept blanks around a number, or letters in two forms",
)

reference_collisions = Table(
    "reference_collisions",
    metadata,
    Column("merchant_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("reference", Text, primary_key=True),
    Column("transaction_id", BigInteger, primary_key=True, autoincrement=False),
    Column("wallet_id", BigInteger, nullable=False),
    Column("written", Text, nullable=False),
    comment="What earlier versions booked under a number that another transaction has, as numbers are"
    " compared now; written: as the journal has them",
)

JOURNAL = (transactions, legs, entries)

# ---- the seal of the journal ---------------------------------------------------------------------

unsealed = Table(
    "unsealed",
    metadata,
    Column("periods", ARRAY(Integer), nullable=False),
    Column("wallet_ids", ARRAY(BigInteger), nullable=False),
    Column("transaction_ids", ARRAY(BigInteger), nullable=False),
    # One row for each batch, side by side; written with it, and gone once its transactions are sealed. To cut
    # the emptied end off the file would lock out the postings.
    postgresql_with={"vacuum_truncate": False, "autovacuum_vacuum_scale_factor": 0},
    comment="Transactions that are not in the tree yet, in the order in which they were committed",
)

tree_leaves = Table(
    "tree_leaves",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("period", Integer, nullable=False),
    Column("wallet_id", BigInteger, nullable=False),
    Column("transaction_id", BigInteger, nullable=False),
    Column("legs", SmallInteger, nullable=False),
    Column("marks", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("transaction_id", "wallet_id"),
    comment="The tree over the journal, one leaf for each transaction, from 0 without a gap; never changed."
    " marks: the first 4 bytes of each part's commitment, to name the row that was tampered with",
)

tree_nodes = Table(
    "tree_nodes",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    comment="Roots of complete subtrees of 256, 65,536, … leaves (levels 8, 16, …): proofs read few rows",
)

tree_heads = Table(
    "tree_heads",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("made_at", instant(), nullable=False),
    Column("key_id", SmallInteger, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    comment="The root over the first `size` leaves, signed; made_at is whole milliseconds",
)

sealed_periods = Table(
    "sealed_periods",
    metadata,
    Column("period", Integer, ForeignKey("periods.number"), primary_key=True, autoincrement=False),
    Column("size", BigInteger, ForeignKey("tree_heads.size"), nullable=False),
    comment="The first head over all transactions of a closed period; its statements carry it",
)

leaf_secrets = Table(
    "leaf_secrets",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
    CheckConstraint("id = 1 AND octet_length(secret) = 32", name="single_row"),
    comment="Secret; the salts of all leaves are made of it, so that no reader can guess the rows of others",
)

# ---- imports ------------------------------------------------------------------------------------

imports = Table(
    "imports",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("historical", Boolean, nullable=False),
    Column("owner", Text, nullable=False),
    Column("caller", JSONB, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("file_hash", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("read_bytes", BigInteger, nullable=False, server_default="0"),
    Column("status", Text, nullable=False),
    Column("rows", BigInteger, nullable=False, server_default="0"),
    Column("accepted", BigInteger, nullable=False, server_default="0"),
    Column("replayed", BigInteger, nullable=False, server_default="0"),
    Column("refused", BigInteger, nullable=False, server_default="0"),
    Column("residue", Numeric(30, 10), nullable=False, server_default="0"),
    Column("encoding", Text),
    Column("last_line", BigInteger),
    Column("error", Text),
    Column("started_at", instant(), nullable=False),
    Column("ended_at", instant()),
    CheckConstraint("status IN ('running', 'done', 'failed')", name="status"),
    comment="One row for each file; its counts move in the transactions that post its rows. last_line: where"
    " the last row that is done begins in the file; NULL: none is, or an earlier version counted them",
)

import_refusals = Table(
    "import_refusals",
    metadata,
    Column("import_id", BigInteger, ForeignKey("imports.id"), primary_key=True),
    Column("row", BigInteger, primary_key=True),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("field", Text),
    Column("content", JSONB, nullable=False),
    comment="The rows that were refused, as they were sent, with the reason",
)

import_members = Table(
    "import_members",
    metadata,
    Column("import_id", BigInteger, ForeignKey("imports.id"), primary_key=True),
    Column("row", BigInteger, primary_key=True),
    Column("member_id", BigInteger, ForeignKey("members.id"), nullable=False),
    comment="Whose row it was: the members that an import enrolled, or found enrolled by the same row",
)
