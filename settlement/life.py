"""The life of a closed period: approved by an operator, settled when nothing of its nets is left.

Whether it is settled follows from the payments: one that is taken back makes a settled period an approved one
again. Every function works in the caller's transaction.
"""

from sqlalchemy import Connection, Engine, Row, func, select, update

from clearing.beside import Beside, nothing
from clearing.core.calendar import PeriodState, period_name
from clearing.directory import read_rulebook
from clearing.tables import periods, rulebooks
from settlement.accounts import read_balances
from settlement.close import finish
from settlement.query import Settlement, read_settlement
from settlement.refusals import Refusal, Refused
from settlement.tables import settlements


def approve_period(
    connection: Connection, number: int, approved_by: str, beside: Beside = nothing
) -> Settlement | Refusal:
    """Approve a closed period that has been added up again; approving twice is the same as once.

    With dual control, in force now or when it was closed, it takes somebody else than who closed it.
    """
    row = lock_closed(connection, number)
    if isinstance(row, Refusal):
        return row
    if row.approved_at is None:
        refusal = _not_approvable(connection, row, approved_by)
        if refusal is not None:
            return refusal
        connection.execute(
            update(settlements)
            .where(settlements.c.period == number)
            .values(approved_at=func.clock_timestamp(), approved_by=approved_by)
        )
        settle_if_paid(connection, number)
        beside(connection)
    settlement = read_settlement(connection, number)
    assert settlement is not None, "it is closed"
    return settlement


def check_and_approve(
    engine: Engine, number: int, approved_by: str, beside: Beside = nothing
) -> Settlement | Refusal:
    """The same in transactions of its own; finishes the closing first if that was cut off."""
    with engine.connect() as connection:
        before = read_settlement(connection, number)
    if before is not None and before.closed_at is not None and before.recomputed is None:
        finish(engine, number)
    with engine.begin() as connection:
        return approve_period(connection, number, approved_by, beside)


def lock_closed(connection: Connection, number: int) -> Row | Refusal:
    """The row of a closed period, locked so that what becomes of it is decided one by one."""
    row = connection.execute(
        select(settlements).where(settlements.c.period == number).with_for_update()
    ).one_or_none()
    if row is not None:
        return row
    name = period_name(number)
    if connection.execute(select(periods.c.number).where(periods.c.number == number)).first() is None:
        return Refusal(Refused.NOT_FOUND, f"No period {name} has been opened.")
    return Refusal(Refused.PERIOD_NOT_CLOSED, f"{name} is still open. Close it first.")


def not_approved(number: int) -> Refusal:
    return Refusal(
        Refused.PERIOD_NOT_APPROVED,
        f"{period_name(number)} has not been approved. Let an operator approve it.",
    )


def settle_if_paid(connection: Connection, number: int) -> None:
    """Note whether an approved period is settled. The caller holds `lock_closed`."""
    row = connection.execute(select(settlements).where(settlements.c.period == number)).one()
    if row.approved_at is None:
        return
    settled = all(one.outstanding == 0 for one in read_balances(connection, number).values())
    state = PeriodState.SETTLED if settled else PeriodState.APPROVED
    connection.execute(
        update(periods).where(periods.c.number == number, periods.c.state != state).values(state=state)
    )
    if settled != (row.settled_at is not None):
        at = func.clock_timestamp() if settled else None
        connection.execute(update(settlements).where(settlements.c.period == number).values(settled_at=at))


def _not_approvable(connection: Connection, row: Row, approved_by: str) -> Refusal | None:
    at_closing = select(rulebooks.c.dual_control).where(rulebooks.c.version == row.rule_version)
    dual = read_rulebook(connection).settings.dual_control or connection.execute(at_closing).scalar_one()
    if dual and approved_by == row.closed_by:
        return Refusal(
            Refused.FORBIDDEN, "Who closed a period cannot approve it; ask another operator to use their key."
        )
    if not row.recomputed:
        return Refusal(
            Refused.NOT_REPRODUCED,
            f"{period_name(row.period)} does not come out the same from the journal. Run `tongdui verify`.",
        )
    return None
