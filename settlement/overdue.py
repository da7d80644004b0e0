"""The rule for debtors: who has not paid so many days after a net was due is suspended, if that is wanted.

What counts is what is owed on balance: nobody is suspended for less than the hub owes him for other months.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Connection, Engine

from clearing.alliance import change_participant
from clearing.core.calendar import PeriodState, period_name
from clearing.core.directory import Status
from clearing.core.events import EventType
from clearing.directory import read_directory, read_rulebook
from clearing.events import Told, tell
from clearing.one_by_one import Failures
from settlement.ageing import Open, read_open_nets
from settlement.query import read_participant_codes

log = structlog.get_logger(__name__)


def suspend_overdue(engine: Engine, at: datetime) -> int:
    """Suspend the participants with an overdue net of an approved period; how many there were.

    Once for each net: a participant that the operator lets in again stays until its next net is overdue.
    Each in a transaction of its own; those that fail are raised at the end as NotAllDone.
    """
    with engine.connect() as connection:
        settings = read_rulebook(connection).settings
        if settings.suspend_overdue_days is None:
            return 0
        today = at.astimezone(settings.time_zone).date()
        last_day = today - timedelta(days=settings.suspend_overdue_days)
        overdue = _owed_on_balance(read_open_nets(connection), last_day)
        codes = read_participant_codes(connection)
    suspended, failures = 0, Failures()
    for one in overdue:
        code = codes[one.participant_id]
        with failures.of(f"{code}, {period_name(one.period)}"), engine.begin() as connection:
            suspended += _suspend(connection, one)
    failures.tell({"suspended": suspended})
    return suspended


def _suspend(connection: Connection, one: Open) -> bool:
    """Tell of the overdue net, once, and suspend the debtor; False if there was nothing to do."""
    # Read anew: another of its nets may have suspended it a moment ago.
    participant = read_directory(connection).participants[one.participant_id]
    data = {
        "period": period_name(one.period),
        "due_on": one.due_on.isoformat(),
        "outstanding": one.outstanding,
    }
    once = f"{EventType.PARTICIPANT_SUSPENDED} {one.participant_id} {one.period}"
    told = tell(connection, [Told(EventType.PARTICIPANT_SUSPENDED, one.participant_id, data, once)])
    if not told or participant.status is Status.SUSPENDED:
        return False
    change_participant(connection, participant.code, {"status": Status.SUSPENDED.value})
    log.warning("participant_suspended", participant=participant.code, period=period_name(one.period))
    return True


def _owed_on_balance(nets: Sequence[Open], last_day: date) -> list[Open]:
    """The debts of approved periods that were due before that day, of those who owe more by them than the hub
    owes them on all their nets.
    """
    overdue = [
        one
        for one in nets
        if one.outstanding < 0 and one.state is PeriodState.APPROVED and one.due_on < last_day
    ]
    balances: dict[int, int] = {}
    for one in (*overdue, *(net for net in nets if net.outstanding > 0)):
        balances[one.participant_id] = balances.get(one.participant_id, 0) + one.outstanding
    return [one for one in overdue if balances[one.participant_id] < 0]
