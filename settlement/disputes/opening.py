"""Opening a dispute: the line it is about, how much of it, and the money that goes with that."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from clearing.core.accounts import HUB
from clearing.core.events import EventType
from clearing.core.outcomes import Code
from clearing.directory import read_rulebook
from clearing.query import local_date
from settlement.core.corrections import NOTHING, Measure, Prices, disputable, measure, quantity_of, stake_of
from settlement.core.disputes import (
    PENDING,
    DisputeReason,
    DisputeStatus,
    counterparty_of,
    first_status,
    last_day,
)
from settlement.disputes.acts import OPENED, write_message
from settlement.disputes.lines import (
    Line,
    LineKey,
    key_at_line,
    key_by_issuer,
    line_of,
    read_left,
    read_line,
    read_prices,
)
from settlement.disputes.refusals import Actor, DisputeRefusal, DisputeRefused
from settlement.disputes.telling import tell_others
from settlement.query import StatementHeader, read_statement
from settlement.tables import disputes


class Claim(NamedTuple):
    """What is disputed: a line of a statement by its number, or by transaction and issuer; all of it, or so
    many `points` or fen (`amount`), which for `wrong_fee` are fen of the fee.
    """

    statement_id: str
    reason: DisputeReason
    text: str
    line: int | None = None
    transaction: tuple[int, int] | None = None
    issuer_id: int | None = None
    points: int | None = None
    amount: int | None = None


def open_dispute(connection: Connection, id_: int, claim: Claim, actor: Actor) -> Row[Any] | DisputeRefusal:
    """Open a dispute about a line of the actor's own statement."""
    header = read_statement(connection, claim.statement_id)
    if header is None or header.participant_id != actor.party_id:
        return DisputeRefusal(
            DisputeRefused.NOT_FOUND,
            f"You have no statement {claim.statement_id!r}; GET /v1/statements lists yours.",
            "statement",
        )
    key = _find(connection, header, claim)
    if key is None:
        return DisputeRefusal(
            DisputeRefused.NOT_FOUND,
            f"No such line is on {header.number}; take its number from the first column of the detail.",
            "line",
        )
    line = read_line(connection, key)
    stake = _claimed(connection, line, claim, actor.party_id)
    if isinstance(stake, DisputeRefusal):
        return stake
    counterparty_id = counterparty_of(line.leg, claim.reason, actor.party_id)
    settings = read_rulebook(connection).settings
    today = local_date(connection, settings.time_zone)
    other_line = None
    if counterparty_id != HUB:
        other_line = line_of(connection, header.period, counterparty_id, line)
    row = _insert(
        connection,
        {
            "id": id_,
            "statement_id": header.id,
            "period": header.period,
            "line": line_of(connection, header.period, actor.party_id, line),
            "counterparty_line": other_line,
            "wallet_id": key.wallet_id,
            "transaction_id": key.transaction_id,
            "leg_number": key.number,
            "issuer_id": line.leg.issuer_id,
            "acceptor_id": line.leg.acceptor_id,
            "opener_id": actor.party_id,
            "counterparty_id": counterparty_id,
            "reason": claim.reason,
            "late": today > header.dispute_until,
            **stake,
            "status": first_status(_rejected_before(connection, key, actor.party_id, counterparty_id)),
            "due_on": last_day(today, settings.dispute_response_days),
        },
    )
    if row is None:
        return DisputeRefusal(
            Code.ALREADY_EXISTS, "This line is in dispute already; answer there, or withdraw it first."
        )
    write_message(connection, row.id, actor, OPENED, claim.text)
    tell_others(connection, EventType.DISPUTE_OPENED, row, actor.party_id)
    return row


def _find(connection: Connection, header: StatementHeader, claim: Claim) -> LineKey | None:
    if claim.line is not None:
        return key_at_line(connection, header, claim.line)
    assert claim.transaction is not None, "a claim names a line or a transaction"
    assert claim.issuer_id is not None, "a claim by transaction names the issuer"
    return key_by_issuer(connection, header, *claim.transaction, claim.issuer_id)


def _claimed(
    connection: Connection, line: Line, claim: Claim, opener_id: int
) -> dict[str, int] | DisputeRefusal:
    """How much is claimed and the money that goes with it, as columns; or why it cannot be disputed."""
    measured = measure(claim.reason, line.leg)
    if claim.points is not None and measured is not Measure.POINTS:
        return DisputeRefusal(Code.AMOUNT_INVALID, "This is disputed by its amount, in fen.", "points")
    prices, left = read_prices(connection, line), read_left(connection, line)
    most = disputable(line.leg, measured, left, opener_id)
    wanted = _wanted(line, prices, claim, measured, most)
    if most and not 0 < wanted <= most:
        field = "points" if claim.points is not None else "amount"
        unit = "points" if measured is Measure.POINTS else "fen"
        return DisputeRefusal(
            DisputeRefused.EXCEEDS_DISPUTABLE, f"{most} {unit} of it are left to be disputed.", field
        )
    stake = stake_of(line.leg, prices, left, wanted, measured, opener_id) if most else NOTHING
    own_fee = stake.acceptor_fee if line.leg.acceptor_id == opener_id else stake.issuer_fee
    if not (stake.obligation or own_fee):
        return DisputeRefusal(DisputeRefused.NOT_DISPUTABLE, _why_nothing(line, claim.reason, opener_id))
    return {"quantity": wanted, **stake._asdict()}


def _wanted(line: Line, prices: Prices, claim: Claim, measured: Measure, most: int) -> int:
    if claim.points is not None:
        return claim.points
    if claim.amount is None:
        return most
    if measured is not Measure.POINTS:
        return claim.amount
    # Where the worth was rounded up, all of it takes all the points that there are.
    points = quantity_of(line.leg, prices, claim.amount)
    return min(points, most) if claim.amount <= abs(line.leg.amount) else points


def _why_nothing(line: Line, reason: DisputeReason, opener_id: int) -> str:
    leg = line.leg
    own_fee = leg.acceptor_fee if leg.acceptor_id == opener_id else leg.issuer_fee
    if reason is DisputeReason.WRONG_FEE and not own_fee:
        return "You pay no fee on this line."
    if not leg.obligation and not own_fee:
        return "Nothing is owed or charged to you on this line, so there is nothing to be given back."
    return "All of it has been reversed or corrected already, or so small a part changes nothing."


def _rejected_before(connection: Connection, key: LineKey, opener_id: int, counterparty_id: int) -> bool:
    query = select(disputes.c.id).where(
        *(disputes.c[name] == value for name, value in _leg_columns(key).items()),
        disputes.c.opener_id == opener_id,
        disputes.c.counterparty_id == counterparty_id,
        disputes.c.status == DisputeStatus.REJECTED,
    )
    return connection.execute(query.limit(1)).first() is not None


def _leg_columns(key: LineKey) -> dict[str, int]:
    return {"wallet_id": key.wallet_id, "transaction_id": key.transaction_id, "leg_number": key.number}


def _insert(connection: Connection, values: dict[str, Any]) -> Row[Any] | None:
    """None if the disputer has one about this line that is not at its end."""
    row = upsert(disputes).values(opened_at=func.clock_timestamp(), **values)
    row = row.on_conflict_do_nothing(
        index_elements=["wallet_id", "transaction_id", "leg_number", "opener_id"],
        index_where=disputes.c.status.in_(sorted(PENDING)),
    )
    return connection.execute(row.returning(disputes)).one_or_none()
