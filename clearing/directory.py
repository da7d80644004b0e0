"""Reading the directory (participants, merchants, rulebook), and keeping it until its version changes."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select, update

from clearing import locks
from clearing.core.calendar import ExpiryKind, ExpiryPolicy
from clearing.core.directory import Directory, Merchant, Participant, Status
from clearing.core.rulebook import AllianceSettings, DrawOrder, ExchangeKind, FeeRule, Rulebook, Tier
from clearing.tables import directory_versions, fee_rules, merchants, participants, rulebooks


class DirectoryCache:
    """The last directory read; one whose version is no longer in force is replaced when it is asked for.

    May be shared between threads: at worst two of them read the same directory.
    """

    def __init__(self) -> None:
        self._last: Directory | None = None

    def known(self, connection: Connection) -> Directory:
        """The last one read, which may be out of date; read now if there is none."""
        return self._last or self.current(connection)

    @property
    def last_or_none(self) -> Directory | None:
        """The last one read, if any has been."""
        return self._last

    @property
    def last(self) -> Directory:
        """The last one read; there must be one."""
        assert self._last is not None, "nothing has been read yet"
        return self._last

    def at_version(self, connection: Connection, version: int) -> Directory:
        directory = self._last
        if directory is None or directory.version != version:
            directory = self._last = read_directory(connection)
        return directory

    def current(self, connection: Connection) -> Directory:
        return self.at_version(connection, read_version(connection))


def read_version(connection: Connection) -> int:
    version: int = connection.execute(select(directory_versions.c.version)).scalar_one()
    return version


def read_directory(connection: Connection) -> Directory:
    """The directory as this transaction sees it."""
    version = read_version(connection)
    return Directory(
        version=version,
        participants={row.id: _participant(row) for row in connection.execute(select(participants))},
        merchants={row.code: _merchant(row) for row in connection.execute(select(merchants))},
        rulebook=read_rulebook(connection),
    )


def read_rulebook(connection: Connection) -> Rulebook:
    """The newest rulebook with all fee rules made so far."""
    newest = connection.execute(select(rulebooks).order_by(rulebooks.c.version.desc()).limit(1)).one()
    # A rule that is committed between the two reads belongs to a version that this one is not.
    made = select(fee_rules).where(fee_rules.c.since_version <= newest.version)
    rules = connection.execute(made.order_by(fee_rules.c.id)).all()
    return Rulebook(newest.version, settings_of(newest), [rule_of(row) for row in rules])


def read_time_zone(connection: Connection) -> ZoneInfo:
    """The alliance's, for those who ask for nothing else."""
    newest = select(rulebooks.c.time_zone).order_by(rulebooks.c.version.desc()).limit(1)
    return ZoneInfo(connection.execute(newest).scalar_one())


def hold_for_change(connection: Connection) -> None:
    """Take turns with other changes of the directory and count this one. Call it before the change."""
    locks.hold_exclusively(connection, locks.DIRECTORY)
    connection.execute(update(directory_versions).values(version=directory_versions.c.version + 1))


def settings_of(row: Row) -> AllianceSettings:
    return AllianceSettings(
        time_zone=ZoneInfo(row.time_zone),
        currency=row.currency,
        point_value=row.point_value,
        reimbursement_rate=row.reimbursement_rate,
        draw_order=DrawOrder(row.draw_order),
        grace_days=row.grace_days,
        vat_rate=row.vat_rate,
        hold_minutes_default=row.hold_minutes_default,
        hold_minutes_max=row.hold_minutes_max,
        card_points_per_day=row.card_points_per_day,
        card_redemptions_per_hour=row.card_redemptions_per_hour,
        merchant_points_per_day=row.merchant_points_per_day,
        merchant_redemptions_per_hour=row.merchant_redemptions_per_hour,
        hub_name=row.hub_name,
        hub_address=row.hub_address,
        hub_tax_number=row.hub_tax_number,
        dual_control=row.dual_control,
        close_quiet_minutes=row.close_quiet_minutes,
        due_days=row.due_days,
        suspend_overdue_days=row.suspend_overdue_days,
        dispute_window_days=row.dispute_window_days,
        dispute_response_days=row.dispute_response_days,
    )


def rule_of(row: Row) -> FeeRule:
    return FeeRule(
        row.id,
        ExchangeKind(row.kind),
        row.issuer_id,
        row.acceptor_id,
        row.acceptor_share,
        row.rate,
        row.flat,
        row.minimum,
        row.maximum,
        row.valid_from,
        tuple(Tier(tier["above"], Decimal(tier["rate"])) for tier in row.tiers),
    )


def _participant(row: Row) -> Participant:
    expiry = ExpiryPolicy(ExpiryKind(row.expiry_kind), row.expiry_months, row.expiry_month, row.expiry_day)
    return Participant(
        row.id,
        row.code,
        row.name,
        Status(row.status),
        row.earn_rate,
        expiry,
        row.stored_value_enabled,
        row.net_debit_cap,
        row.conversion_ratio,
        row.told_of_postings,
        row.tiers,
    )


def _merchant(row: Row) -> Merchant:
    return Merchant(row.id, row.code, row.name, row.participant_id, Status(row.status), row.benefits)
