"""Fee simulations: what proposed rules would have charged on a period."""

from typing import Any

from flask import Response

from api.auth import guard
from api.problems import HttpCode, Problem
from api.schemas.fee_simulations import FeeSimulationInput, FeeSimulationSchema
from api.services import services
from api.v1.fee_rules import rule_from
from api.web import Blueprint, answer
from clearing.core.calendar import period_number
from clearing.core.commands import Scope
from clearing.core.directory import Directory
from clearing.core.rulebook import ExchangeKind
from clearing.core.simulation import Compared, Simulation, with_proposed
from clearing.simulation import simulate_period
from clearing.verify import frozen

blueprint = Blueprint("fee simulations", __name__, description="Proposed prices on past exchanges")


@blueprint.route("/fee-simulations", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.arguments(FeeSimulationInput)
@blueprint.response(200, FeeSimulationSchema)
def simulate_fees(body: dict[str, Any]) -> Response:
    """What proposed rules would have charged on a period's exchanges; changes nothing

    Every exchange booked in the period is priced again, by the rules now in force and, as if they had just
    been added, the proposed ones: the most specific rule in force on the day of booking prices it, and of one
    scope the newest `valid_from`. So a proposed rule without that date holds from the beginning, but does
    not stand in for a dated rule of the same scope. A reversal gives back what the rules of its original's
    day would have charged on what it undoes. With no rules at all the rulebook of today is set against
    what was charged.
    """
    return answer(simulated(body))


def simulated(body: dict[str, Any]) -> dict[str, Any]:
    """What a loaded `FeeSimulationInput` asks, as JSON; raises Problem."""
    with frozen(services().engine) as connection:
        directory = services().directory(connection)
        rules = [rule_from(directory, rule, f"/rules/{place}") for place, rule in enumerate(body["rules"])]
        rulebook = with_proposed(directory.rulebook, rules)
        simulation = simulate_period(connection, period_number(body["period"]), rulebook)
    if simulation is None:
        raise Problem(HttpCode.NOT_FOUND, f"No period {body['period']} has been opened.")
    return _simulation_json(body["period"], simulation, directory)


def _simulation_json(period: str, simulation: Simulation, directory: Directory) -> dict[str, Any]:
    codes = {one.id: one.code for one in directory.participants.values()}
    by_code = sorted(codes, key=lambda id_: codes[id_])
    return {
        "period": period,
        "currency": directory.rulebook.settings.currency,
        **_fees(simulation.total),
        "legs": sum(simulation.legs.values()),
        "changed": simulation.changed,
        "participants": [{"code": codes[id_], **_fees(simulation.of_participant(id_))} for id_ in by_code],
        "kinds": [
            {"kind": kind.label, "legs": legs, **_fees(simulation.of_kind(kind))}
            for kind, legs in simulation.legs.items()
        ],
        "lines": [
            {"participant": codes[id_], "kind": kind.label, **_fees(simulation.lines[id_, kind])}
            for id_ in by_code
            for kind in ExchangeKind
            if (id_, kind) in simulation.lines
        ],
    }


def _fees(fees: Compared) -> dict[str, int]:
    return {"charged": fees.charged, "simulated": fees.simulated, "difference": fees.difference}
