"""The room itself: its blueprint, and the merchant at which the visitor works."""

from datetime import datetime
from typing import Any

from flask import Blueprint, g, request, session

from api.auth import current_caller, merchant_of_caller
from api.problems import Problem
from clearing.core.directory import Merchant
from clearing.core.outcomes import Code
from clearing.privacy import masked_number

blueprint = Blueprint("desk", __name__, url_prefix="/desk", template_folder="templates")

#: Where the cookie keeps the merchant that somebody with several of them has chosen.
CHOSEN = "desk-merchant"


def own_merchants() -> list[Merchant]:
    """The merchants at which the visitor may act, by code."""
    caller = current_caller()
    merchants = sorted(g.directory.merchants.values(), key=lambda one: one.code)
    return [one for one in merchants if caller.may_post_at(one)]


def merchant_here() -> Merchant:
    """`?merchant=`, else the one chosen before, else the first. Raises Problem if it is not the visitor's."""
    if named := request.values.get("merchant"):
        merchant = merchant_of_caller(g.directory, current_caller(), named)
        if current_caller().merchant_id is None and session.get(CHOSEN) != merchant.code:
            session[CHOSEN] = merchant.code
        return merchant
    own = own_merchants()
    if not own:
        raise Problem(Code.MERCHANT_UNKNOWN, "")
    return next((one for one in own if one.code == session.get(CHOSEN)), own[0])


@blueprint.context_processor
def surroundings() -> dict[str, Any]:
    """What the templates of this room may ask."""
    return {"own_merchants": own_merchants, "name_of": name_of, "masked": masked_number, "clock": clock}


def clock(instant: str) -> str:
    """The time of day in the alliance's zone, of what is known to be of one day."""
    zone = g.directory.rulebook.settings.time_zone
    return datetime.fromisoformat(instant).astimezone(zone).strftime("%H:%M")


def name_of(code: str) -> str:
    """The name of the participant with this code; the code of who is none, as the hub."""
    participant = g.directory.participant(code)
    return code if participant is None else str(participant.name)
