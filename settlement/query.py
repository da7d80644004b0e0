"""Reading settlements and statements: of a closed period what was written at closing, of an open one
what its running positions come to now.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, func, select

from clearing.core.calendar import Period, PeriodState, period_name
from clearing.core.journal import LegKind, PositionChange, PositionKey
from clearing.core.rulebook import Rulebook
from clearing.directory import read_rulebook
from clearing.periods import read_periods
from clearing.tables import participants, periods, positions, rulebooks
from settlement.accounts import Stated, read_balances, read_carried, read_stated
from settlement.core.balance import Balance
from settlement.core.disputes import last_day
from settlement.core.netting import Netting, ParticipantLine, Positions, net, with_lines
from settlement.core.rebates import RebateKey, RebateRow, rebates
from settlement.core.without import Business, Without, without
from settlement.disputes.sums import Disputed, read_disputed
from settlement.references import reference_of
from settlement.tables import (
    settlement_nets,
    settlement_positions,
    settlement_rebates,
    settlements,
    statements,
)
from settlement.volumes import read_given, read_volumes

_MEASURES = PositionChange._fields


class Settlement(NamedTuple):
    """One period netted. `codes`: of every participant that has a line or a position, by id.

    What only closing gives (`closed_at`, `closed_by`, `due_on`) is None while the period is open, and so are
    `approved_at`, `approved_by` and `settled_at` until then; `recomputed` is None until the journal has been
    added up again. `balances`: what became of the nets since, by participant, of a closed period. `disputed`:
    pending disputes of lines of the period, by participant; they change nothing here. `zone` is the
    alliance's, for showing times.
    """

    period: Period
    zone: ZoneInfo
    codes: Mapping[int, str]
    netting: Netting
    rule_version: int
    zero_sum: bool
    closed_at: datetime | None = None
    closed_by: str | None = None
    early: bool = False
    recomputed: bool | None = None
    due_on: date | None = None
    approved_at: datetime | None = None
    approved_by: str | None = None
    settled_at: datetime | None = None
    balances: Mapping[int, Balance] = MappingProxyType({})
    disputed: Mapping[int, Disputed] = MappingProxyType({})


class StatementHeader(NamedTuple):
    """What a statement says before its lines: whose, for when, by which rules, and the amounts in fen.

    `net` is to be paid by `due_on`; it includes what was `carried_forward` from earlier nets. The account:
    the `opening_balance` is what was open after the statement before, `payments` are those since then (above
    zero where the participant paid more than it got), and `closing_balance` is what is open now, this net
    included.
    """

    id: str
    number: str
    period: int
    participant_id: int
    participant_code: str
    participant_name: str
    registered_name: str | None
    address: str | None
    tax_number: str | None
    issued_at: datetime
    starts_at: datetime
    ends_at: datetime
    early: bool
    rule_version: int
    zone: ZoneInfo
    currency: str
    vat_rate: Decimal
    point_value: Decimal
    hub_name: str | None
    hub_address: str | None
    hub_tax_number: str | None
    receivable: int
    payable: int
    fees: int
    adjustments: int
    rebates: int
    carried_forward: int
    net: int
    opening_balance: int
    payments: int
    due_on: date
    dispute_window_days: int

    @property
    def period_name(self) -> str:
        return period_name(self.period)

    @property
    def fees_less_rebates(self) -> int:
        """What the hub charges in the end; the tax is in it."""
        return self.fees - self.rebates

    @property
    def closing_balance(self) -> int:
        # What was carried forward is in the opening balance already.
        return self.opening_balance + self.payments + self.net - self.carried_forward

    @property
    def payment_reference(self) -> str:
        return reference_of(self.period, self.participant_id)

    @property
    def dispute_until(self) -> date:
        """The last day on which a dispute of a line is not late."""
        return last_day(self.issued_at.astimezone(self.zone).date(), self.dispute_window_days)


def list_periods(connection: Connection) -> list[Period]:
    """All periods that have been opened, the earliest first."""
    return read_periods(connection)


def read_zones(connection: Connection) -> dict[int, ZoneInfo]:
    """The time zone in which each closed period was settled, and so stands on its statements, by number."""
    query = select(settlements.c.period, rulebooks.c.time_zone).join(rulebooks)
    return {row.period: ZoneInfo(row.time_zone) for row in connection.execute(query)}


def read_settlement(connection: Connection, number: int) -> Settlement | None:
    """The settlement of a period, closed or open; None for a period that has not been opened."""
    period = _read_period(connection, number)
    if period is None:
        return None
    codes = read_participant_codes(connection)
    rulebook = read_rulebook(connection)
    closing = connection.execute(
        select(settlements, rulebooks.c.time_zone).join(rulebooks).where(settlements.c.period == number)
    ).one_or_none()
    if closing is not None and closing.zero_sum is None:
        # Cut off, and not settled yet; nothing it will be settled on changes any more.
        netting = net_now(connection, number, codes, rulebook, read_stated_by(connection, number))
    elif closing is not None:
        netting = with_lines(
            _read_lines(connection, number),
            read_settled(connection, number),
            read_rebates(connection, number),
            sum(read_carried(connection, read_stated_by(connection, number)).values()),
        )
    else:
        netting = net_now(connection, number, codes, rulebook, read_stated(connection))
        return Settlement(
            period, rulebook.settings.time_zone, codes, netting, rulebook.version, netting.zero_sum
        )
    return Settlement(
        period,
        ZoneInfo(closing.time_zone),
        codes,
        netting,
        closing.rule_version,
        netting.zero_sum if closing.zero_sum is None else closing.zero_sum,
        closing.closed_at,
        closing.closed_by,
        closing.early,
        closing.recomputed,
        closing.due_on,
        closing.approved_at,
        closing.approved_by,
        closing.settled_at,
        read_balances(connection, number),
        read_disputed(connection, number),
    )


def net_now(
    connection: Connection, number: int, codes: Mapping[int, str], rulebook: Rulebook, stated: Stated
) -> Netting:
    """The period netted from its running totals. What waits to be carried forward enters the earliest open
    one, from what lies after `stated`.
    """
    is_next = _is_next(connection, number)
    return net(
        codes,
        read_running(connection, number),
        rebates(
            read_volumes(connection, number),
            {rule.id: rule for rule in rulebook.rules},
            number,
            read_given(connection, number) if is_next else {},
        ),
        read_carried(connection, stated) if is_next else {},
    )


def _is_next(connection: Connection, number: int) -> bool:
    """Whether no earlier period is open."""
    earlier = select(periods.c.number).where(
        periods.c.number < number, periods.c.state == PeriodState.OPEN.value
    )
    return connection.execute(earlier.limit(1)).first() is None


def read_stated_by(connection: Connection, number: int) -> Stated:
    """What this closed period's statements tell of: after those before it, up to its own last."""
    own = connection.execute(select(settlements).where(settlements.c.period == number)).one()
    return read_stated(connection, before=number)._replace(
        until_payment=own.last_payment, until_carry_forward=own.last_carry_forward
    )


def read_without_participant(connection: Connection, settlement: Settlement, left_out: int) -> Without | None:
    """What the settlement's nets become without this participant; None if it has no line in it."""
    number = settlement.period.number
    if all(line.participant_id != left_out for line in settlement.netting.lines):
        return None
    rules = {rule.id: rule for rule in read_rulebook(connection).rules}
    # What a closed period was settled on is what its running positions came to.
    crossed = read_running(connection, number)
    given = read_given(connection, number) if _is_next(connection, number) else {}
    volumes = read_volumes(connection, number)
    return without(left_out, settlement.netting, crossed, Business(number, volumes, rules, given))


def read_rebates(connection: Connection, number: int) -> list[RebateRow]:
    """The rebates of a closed period, by rule and payer."""
    columns = [settlement_rebates.c[name] for name in RebateRow._fields]
    query = select(*columns).where(settlement_rebates.c.period == number)
    query = query.order_by(*(settlement_rebates.c[name] for name in RebateKey._fields))
    return [RebateRow(**row._asdict() | {"kind": LegKind(row.kind)}) for row in connection.execute(query)]


def read_running(connection: Connection, number: int) -> Positions:
    """The period's running positions, added up over their stripes."""
    return _positions(connection, number, running(number))


def running(number: int) -> Select:
    """The query for them, with the columns of `settlement_positions`."""
    key = (positions.c.period, positions.c.issuer_id, positions.c.acceptor_id, positions.c.kind)
    sums = [func.sum(positions.c[name]).label(name) for name in _MEASURES]
    return select(*key, *sums).where(positions.c.period == number).group_by(*key)


def read_settled(connection: Connection, number: int) -> Positions:
    """The positions that a closed period was settled on."""
    return _positions(
        connection, number, select(settlement_positions).where(settlement_positions.c.period == number)
    )


def list_statements(
    connection: Connection,
    period: int | None = None,
    participant_id: int | None = None,
    before: str | None = None,
    limit: int | None = None,
) -> list[StatementHeader]:
    """Statements of a period, of a participant or all, the newest period first.

    `before`: the id of the last one already seen.
    """
    query = _headers().order_by(statements.c.id.desc()).limit(limit)
    if period is not None:
        query = query.where(statements.c.period == period)
    if participant_id is not None:
        query = query.where(statements.c.participant_id == participant_id)
    if before is not None:
        query = query.where(statements.c.id < before)
    return [_header(row) for row in connection.execute(query)]


def read_statement(connection: Connection, statement_id: str) -> StatementHeader | None:
    """The header of one statement by its id (`stm_…`); None if there is none."""
    row = connection.execute(_headers().where(statements.c.id == statement_id)).one_or_none()
    return _header(row) if row else None


def _read_period(connection: Connection, number: int) -> Period | None:
    row = connection.execute(select(periods).where(periods.c.number == number)).one_or_none()
    return Period(row.number, row.starts_at, row.ends_at, PeriodState(row.state)) if row else None


def read_participant_codes(connection: Connection) -> dict[int, str]:
    rows = connection.execute(select(participants.c.id, participants.c.code).order_by(participants.c.id))
    return {row.id: row.code for row in rows}


def _read_lines(connection: Connection, number: int) -> list[ParticipantLine]:
    query = select(settlement_nets).where(settlement_nets.c.period == number)
    rows = connection.execute(query.order_by(settlement_nets.c.participant_id))
    fields = ParticipantLine._fields
    return [ParticipantLine(*(row._mapping[name] for name in fields)) for row in rows]


def _positions(connection: Connection, number: int, query: Select) -> Positions:
    return {
        PositionKey(number, row.issuer_id, row.acceptor_id, LegKind(row.kind)): PositionChange(
            *(int(row._mapping[name]) for name in _MEASURES)
        )
        for row in connection.execute(query)
    }


def _headers() -> Select:
    return (
        select(
            statements,
            settlements.c.early,
            settlements.c.rule_version,
            periods.c.starts_at,
            periods.c.ends_at,
            rulebooks.c.time_zone,
            rulebooks.c.currency,
            rulebooks.c.vat_rate,
            rulebooks.c.dispute_window_days,
            rulebooks.c.point_value,
            rulebooks.c.hub_name,
            rulebooks.c.hub_address,
            rulebooks.c.hub_tax_number,
            settlements.c.due_on,
            *(column for column in settlement_nets.c if column.name not in ("period", "participant_id")),
        )
        .join(settlements, settlements.c.period == statements.c.period)
        .join(periods, periods.c.number == statements.c.period)
        .join(rulebooks, rulebooks.c.version == settlements.c.rule_version)
        .join(
            settlement_nets,
            (settlement_nets.c.period == statements.c.period)
            & (settlement_nets.c.participant_id == statements.c.participant_id),
        )
    )


def _header(row: Row) -> StatementHeader:
    values = {name: row._mapping[name] for name in StatementHeader._fields if name != "zone"}
    return StatementHeader(**values, zone=ZoneInfo(row.time_zone))
