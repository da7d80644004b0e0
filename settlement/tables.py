"""The tables of settlement.

A closed period's rows never change, except for the columns of `settlements` that tell what became of it
afterwards. Payments and amounts carried forward are only ever added; their numbers grow, and as they are
written under the lock that closing takes alone, a settlement knows by a number which of them it has stated.

A dispute's state moves on; what was said in it, and what it corrected, is only ever added to.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from clearing.tables import instant, metadata

settlements = Table(
    "settlements",
    metadata,
    Column("period", Integer, ForeignKey("periods.number"), primary_key=True, autoincrement=False),
    Column("closed_at", instant(), nullable=False),
    Column("closed_by", Text, nullable=False),
    Column("early", Boolean, nullable=False),
    Column("zero_sum", Boolean),
    Column("recomputed", Boolean),
    Column("rule_version", Integer, ForeignKey("rulebooks.version"), nullable=False),
    Column("due_on", Date, nullable=False),
    Column("last_payment", BigInteger, nullable=False, server_default="0"),
    Column("last_carry_forward", BigInteger, nullable=False, server_default="0"),
    Column("approved_at", instant()),
    Column("approved_by", Text),
    Column("settled_at", instant()),
    Column("reclaims", Boolean, nullable=False, server_default=text("true")),
    CheckConstraint("(approved_at IS NULL) = (approved_by IS NULL)", name="approved"),
    CheckConstraint("settled_at IS NULL OR approved_at IS NOT NULL", name="settled"),
    comment="One row for each closed period; zero_sum is NULL until the nets have been written, recomputed"
    " until the journal has been added up again. The last payment and carry-forward are those that this or an"
    " earlier settlement has stated. reclaims: false if closed by a version that took what was reversed off"
    " the volume of the month in which it was reversed",
)

settlement_nets = Table(
    "settlement_nets",
    metadata,
    Column("period", Integer, ForeignKey("settlements.period"), primary_key=True),
    Column("participant_id", Integer, ForeignKey("participants.id"), primary_key=True),
    Column("receivable", BigInteger, nullable=False),
    Column("payable", BigInteger, nullable=False),
    Column("fees", BigInteger, nullable=False),
    Column("adjustments", BigInteger, nullable=False),
    Column("rebates", BigInteger, nullable=False),
    Column("carried_forward", BigInteger, nullable=False),
    Column("net", BigInteger, nullable=False),
    Column("opening_balance", BigInteger, nullable=False),
    Column("payments", BigInteger, nullable=False),
    CheckConstraint(
        "net = receivable - payable - fees + adjustments + rebates + carried_forward", name="net"
    ),
    comment="Fen; net is above zero when the hub pays the participant. The balance and the payments since"
    " the statement before are what the statement tells beside the net",
)

settlement_rebates = Table(
    "settlement_rebates",
    metadata,
    Column("period", Integer, ForeignKey("settlements.period"), nullable=False),
    Column("rule_id", Integer, ForeignKey("fee_rules.id"), nullable=False),
    Column("payer_id", Integer, ForeignKey("participants.id"), nullable=False),
    Column("as_acceptor", Boolean, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("volume", BigInteger, nullable=False),
    Column("fees", BigInteger, nullable=False),
    Column("rebate", BigInteger, nullable=False),
    Column("of_period", Integer, nullable=False),
    PrimaryKeyConstraint("period", "rule_id", "payer_id", "as_acceptor", "of_period"),
    CheckConstraint("rebate >= 0 OR of_period < period", name="not_negative"),
    comment="What the tiers of a fee rule gave back on a payer's volume of the period; or, of an earlier"
    " month, by how much that changed because some of it was given back in this one",
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

carry_forwards = Table(
    "carry_forwards",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("period", Integer, nullable=False),
    Column("participant_id", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", instant(), nullable=False),
    Column("made_by", Text, nullable=False),
    ForeignKeyConstraint(
        ["period", "participant_id"],
        ["settlement_nets.period", "settlement_nets.participant_id"],
        name="carry_forwards_net_fkey",
    ),
    Index("carry_forwards_period_participant_id_idx", "period", "participant_id"),
    CheckConstraint("amount <> 0", name="something"),
    comment="What was left of a net and enters the next settlement instead of being paid; signed as nets",
)

payments = Table(
    "payments",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("period", Integer, nullable=False),
    Column("participant_id", Integer, nullable=False),
    Column("direction", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("bank_reference", Text),
    # How often the reference was recorded and taken back before: a wrong record is followed by a right one.
    Column("attempt", SmallInteger, nullable=False, server_default="0"),
    Column("reverses", BigInteger, ForeignKey("payments.id"), unique=True),
    Column("paid_at", instant(), nullable=False),
    Column("note", Text),
    Column("recorded_at", instant(), nullable=False),
    Column("recorded_by", Text, nullable=False),
    ForeignKeyConstraint(
        ["period", "participant_id"],
        ["settlement_nets.period", "settlement_nets.participant_id"],
        name="payments_net_fkey",
    ),
    UniqueConstraint("bank_reference", "attempt"),
    Index("payments_period_participant_id_idx", "period", "participant_id"),
    # Those that may be kept in another form than references are compared in; see `settlement.judging`.
    Index(
        "payments_unusual_reference_idx",
        "id",
        postgresql_where=text(
            "octet_length(bank_reference) <> char_length(bank_reference)"
            " OR bank_reference <> btrim(bank_reference)"
        ),
    ),
    CheckConstraint("direction IN ('in', 'out')", name="direction"),
    CheckConstraint("amount > 0", name="positive"),
    CheckConstraint("(reverses IS NULL) = (bank_reference IS NOT NULL)", name="reference"),
    comment="Money that came in to the hub or went out to a participant; a wrong one is taken back by its"
    " opposite, which names it in `reverses`",
)

bank_accounts = Table(
    "bank_accounts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("participant_id", Integer, nullable=False),  # 0 is the hub
    Column("holder", Text, nullable=False),
    Column("iban", Text),
    Column("account_number", Text),
    Column("bic", Text),
    Column("clearing_code", Text),
    Column("bank_name", Text),
    Column("street", Text),
    Column("postal_code", Text),
    Column("town", Text),
    Column("country", Text, nullable=False),
    Column("made_at", instant(), nullable=False),
    Column("made_by", Text, nullable=False),
    Index("bank_accounts_participant_id_id_idx", "participant_id", "id"),
    CheckConstraint("(iban IS NULL) <> (account_number IS NULL)", name="account"),
    CheckConstraint("bic IS NOT NULL OR clearing_code IS NOT NULL", name="bank"),
    comment="Where money is paid to; the newest row of a participant counts, and none is ever changed",
)

payment_files = Table(
    "payment_files",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("period", Integer, ForeignKey("settlements.period"), nullable=False, index=True),
    Column("account_id", BigInteger, ForeignKey("bank_accounts.id"), nullable=False),
    # The newest change of an account after the approval that whoever exported it has confirmed.
    Column("confirmed_account_id", BigInteger, ForeignKey("bank_accounts.id")),
    Column("made_at", instant(), nullable=False),
    Column("made_by", Text, nullable=False),
    comment="Each file of payouts that was given out, once however often: what a debit of the batch pays",
)

payment_file_transfers = Table(
    "payment_file_transfers",
    metadata,
    Column("message_id", Text, ForeignKey("payment_files.message_id"), primary_key=True),
    Column("participant_id", Integer, ForeignKey("participants.id"), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("account_id", BigInteger, ForeignKey("bank_accounts.id"), nullable=False),
    CheckConstraint("amount > 0", name="positive"),
    comment="The transfers of a file of payouts",
)

job_runs = Table(
    "job_runs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("job", Text, nullable=False),
    Column("at", instant(), nullable=False),
    Column("started_at", instant(), nullable=False),
    Column("ended_at", instant()),
    Column("counts", JSONB),
    Column("error", Text),
    Column("ran_by", Text, nullable=False),
    Index("job_runs_job_id_idx", "job", "id"),
    comment="Runs of scheduled jobs that did something or failed; without an end: running, or cut off",
)

job_states = Table(
    "job_states",
    metadata,
    Column("job", Text, primary_key=True),
    Column("at", instant(), nullable=False),
    Column("started_at", instant(), nullable=False),
    Column("ended_at", instant(), nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("error", Text),
    Column("ran_by", Text, nullable=False),
    comment="The last run of each job, whether there was anything to do or not",
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
