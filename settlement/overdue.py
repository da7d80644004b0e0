"""The rule for debtors: who has not paid so many days after a net was due is suspended, if that is wanted."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from clearing.alliance import change_participant
from clearing.core.calendar import PeriodState, period_name
from clearing.core.directory import Status
from clearing.core.events import EventType
from clearing.directory import read_directory
from clearing.events import Told, tell
from settlement.ageing import read_open_nets

log = structlog.get_logger(__name__)


def suspend_overdue(engine: Engine, at: datetime) -> int:
    """Suspend the participants with an overdue net of an approved period; how many there were.

    Once for each net: a participant that the operator lets in again stays until its next net is overdue.
    """
    suspended = 0
    with engine.begin() as connection:
        directory = read_directory(connection)
        settings = directory.rulebook.settings
        if settings.suspend_overdue_days is None:
            return 0
        today = at.astimezone(settings.time_zone).date()
        last_day = today - timedelta(days=settings.suspend_overdue_days)
        for one in read_open_nets(connection):
            participant = directory.participants[one.participant_id]
            if one.outstanding >= 0 or one.state is not PeriodState.APPROVED or one.due_on >= last_day:
                continue
            data = {
                "period": period_name(one.period),
                "due_on": one.due_on.isoformat(),
                "outstanding": one.outstanding,
            }
            once = f"{EventType.PARTICIPANT_SUSPENDED} {one.participant_id} {one.period}"
            told = tell(connection, [Told(EventType.PARTICIPANT_SUSPENDED, one.participant_id, data, once)])
            if told and participant.status is not Status.SUSPENDED:
                change_participant(connection, participant.code, {"status": Status.SUSPENDED.value})
                suspended += 1
                log.warning(
                    "participant_suspended", participant=participant.code, period=period_name(one.period)
                )
    return suspended
