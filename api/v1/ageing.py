"""Ageing: what is still to be paid, and for how long."""

from datetime import date
from typing import Any

from flask import Response

from api import present
from api.auth import FINANCE, current_caller, guard, own_participant
from api.schemas.payments import AgeingQuery, AgeingReportSchema
from api.services import services
from api.web import Blueprint, answer
from clearing.core.calendar import period_name
from clearing.query import database_time
from settlement.ageing import age, read_open_nets
from settlement.core.balance import Ageing, PaymentDirection

blueprint = Blueprint("ageing", __name__, description="What is overdue")


@blueprint.route("/ageing")
@guard(*FINANCE)
@blueprint.arguments(AgeingQuery, location="query")
@blueprint.response(200, AgeingReportSchema)
def read_ageing(query: dict[str, Any]) -> Response:
    """What is left of the nets of closed periods, by days since they were due; a participant sees its own

    `current` is not due yet, or due today. With `on` the ages are those of that day; what is left is what is
    left now.
    """
    return answer(ageing_report(query["on"]))


def ageing_report(on: date | None, participant_id: int | None = None) -> dict[str, Any]:
    """The ageing as JSON, as of that day or today; of one participant's nets only, if one is given."""
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        own = own_participant(current_caller())
        nets = read_open_nets(connection, participant_id if own is None else own)
        zone = directory.rulebook.settings.time_zone
        on = on or database_time(connection).astimezone(zone).date()
    debts = age(nets, on)
    totals = {direction: Ageing() for direction in PaymentDirection}
    for debt in debts:
        totals[debt.direction] = totals[debt.direction].plus(debt.ageing)
    return {
        "on": on.isoformat(),
        "participants": [
            {
                "participant": present.participant_code(directory, debt.participant_id),
                "direction": debt.direction.value,
                **_ageing(debt.ageing),
            }
            for debt in debts
        ],
        "totals": {direction.value: _ageing(total) for direction, total in totals.items()},
        "nets": [
            {
                "period": period_name(one.period),
                "participant": present.participant_code(directory, one.participant_id),
                "due_on": one.due_on.isoformat(),
                "days_overdue": max((on - one.due_on).days, 0),
                "outstanding": one.outstanding,
            }
            for one in nets
        ],
    }


def _ageing(ageing: Ageing) -> dict[str, int]:
    return {**ageing._asdict(), "total": ageing.total}
