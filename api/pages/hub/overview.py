"""The overview: what happened today, what is open, who is near a cap, and whether the machinery runs."""

from typing import Any

from flask import g, render_template
from flask_babel import gettext, ngettext

from api.pages.charts import spark
from api.pages.formats import percent, points, yuan
from api.pages.hub.caps import level_of
from api.pages.hub.room import blueprint, readers
from api.services import services
from api.v1.adjustments import adjustments_page
from api.v1.disputes import disputes_page
from api.v1.jobs import all_jobs
from api.v1.links import links_page
from api.v1.participants import participants_page
from api.v1.periods import all_periods
from api.v1.settlements import whole_settlement
from clearing.core.rulebook import ExchangeKind
from clearing.query import database_time
from clearing.today import read_exchanges_of_day, read_open_holds

#: As many as a list of the API takes.
MOST = 200
HOURS = [f"{hour}:00" for hour in range(24)]


@blueprint.get("/")
@readers
def overview() -> str:
    zone = g.directory.rulebook.settings.time_zone
    with services().engine.connect() as connection:
        now = database_time(connection).astimezone(zone)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        exchanges = read_exchanges_of_day(connection, midnight, zone)
        holds = read_open_holds(connection)
        jobs = all_jobs(connection)
    by_hour = [sum(one.exchanges for one in exchanges if one.hour == hour) for hour in range(24)]
    kinds = [
        {
            "kind": kind.label,
            "count": sum(one.exchanges for one in exchanges if one.kind == kind),
            "amount": sum(one.amount for one in exchanges if one.kind == kind),
            "fees": sum(one.fees for one in exchanges if one.kind == kind),
        }
        for kind in ExchangeKind
    ]
    periods = all_periods()
    open_period = next((one["period"] for one in periods if one["state"] == "open"), None)
    return render_template(
        "hub/overview.html",
        kinds=kinds,
        count=sum(by_hour),
        fees=sum(one["fees"] for one in kinds),
        spark=spark(_spark_text(by_hour, now.hour), HOURS, by_hour, points),
        holds=holds,
        nets=_nets(open_period),
        open_period=open_period,
        jobs=jobs,
        verify=next(job for job in jobs["data"] if job["name"] == "verify"),
        waiting=_waiting(periods),
    )


def _spark_text(by_hour: list[int], hour: int) -> str:
    most = max(by_hour)
    if not most:
        return str(gettext("No exchanges yet today."))
    text = gettext(
        "Exchanges by hour from 0 to %(hour)s o'clock; the most, %(most)s, from %(at)s o'clock.",
        hour=hour,
        most=most,
        at=by_hour.index(most),
    )
    return str(text)


def _nets(period: str | None) -> list[dict[str, Any]]:
    """Every participant: its net in the open period, what it owes on balance in all that is not closed,
    and how near that is to its cap.
    """
    settlement = whole_settlement(period) if period else {"participants": []}
    nets = {one["code"]: one["net"] for one in settlement["participants"]}
    return [net_row(one, nets.get(one["code"], 0)) for one in participants_page(MOST, None)["data"]]


def net_row(one: dict[str, Any], net: int) -> dict[str, Any]:
    """`used`: how much of the cap, for the macro of that name; None where there is no cap."""
    cap, debit = one["net_debit_cap"], max(one["net_debit"], 0)
    if cap is None:
        return {**one, "net": net, "used": None}
    part = percent(str(round(debit / cap, 3))) if cap else percent("1" if debit else "0")
    used = {
        "level": level_of(debit, cap),
        "part": part,
        # Without a cap's room there is nothing to measure by: all of it is used, or nothing.
        "most": cap or 1,
        "value": min(debit, cap or 1),
        "text": gettext("%(debit)s of %(cap)s owed, %(part)s", debit=yuan(debit), cap=yuan(cap), part=part),
    }
    return {**one, "net": net, "used": used}


def _waiting(periods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What waits for an operator, with how much and where: nothing is left out but what is not there."""
    proposed = len(adjustments_page("proposed", MOST, None)["data"])
    links = len(links_page("proposed", MOST, None)["data"])
    query = dict.fromkeys(("status", "period", "participant", "cursor")) | {"waits_for": "HUB", "limit": MOST}
    disputes = len(disputes_page(query)["data"])
    closed = sum(one["state"] == "closed" for one in periods)
    found = [
        (closed, "hub.periods", ngettext("%(num)s month to approve", "%(num)s months to approve", closed)),
        (
            proposed,
            "hub.adjustments",
            ngettext("%(num)s adjustment to decide", "%(num)s adjustments to decide", proposed),
        ),
        (
            disputes,
            "hub.disputes",
            ngettext("%(num)s dispute for the hub", "%(num)s disputes for the hub", disputes),
        ),
        (links, "hub.links", ngettext("%(num)s link proposed", "%(num)s links proposed", links)),
    ]
    return [{"endpoint": endpoint, "text": text} for count, endpoint, text in found if count]
