"""What is owed to members in points: how a month changed it, when it ends, and how it has grown."""

from typing import Any

from flask import render_template, request
from flask_babel import gettext

from api.auth import FINANCE
from api.pages.charts import bars
from api.pages.finance.room import blueprint, books, closed_periods
from api.pages.formats import month, points
from api.pages.guard import page
from api.v1.settlements import liabilities_of, points_owed
from clearing.core.calendar import period_name, period_number

#: Months in the picture of what was owed, and months of expiry that have a bar of their own.
MONTHS = 24


@blueprint.get("/liability")
@page(*FINANCE)
def liability() -> str:
    """`period`: the newest closed one unless told."""
    whose, names = books(), closed_periods()
    period = request.args.get("period") or (names[0] if names else None)
    if period is None:
        return render_template("finance/liability.html", books=whose, periods=[], period=None)
    issuers = liabilities_of(period, whose.id)["issuers"]
    owed = points_owed(period, whose.id, MONTHS)
    ends = _ends(issuers)
    return render_template(
        "finance/liability.html",
        books=whose,
        periods=names,
        period=period,
        issuers=sorted(issuers, key=lambda one: one["issuer"]),
        sums=_sums(issuers),
        owed=owed,
        ends=ends,
        owed_chart=_owed_chart(owed),
        ends_chart=_ends_chart(ends),
    )


def _sums(issuers: list[dict[str, Any]]) -> dict[str, int]:
    names = [name for name, value in issuers[0]["points"].items() if isinstance(value, int)]
    return {name: sum(one["points"][name] for one in issuers) for name in names}


def _ends(issuers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Points and their value by the month in which they end, those without an end last."""
    found: dict[str | None, dict[str, int]] = {}
    for one in issuers:
        for row in one["points"]["outstanding"]:
            sums = found.setdefault(row["month"], {"points": 0, "value": 0})
            sums["points"] += row["points"]
            sums["value"] += row["value"]
    order = sorted(found, key=lambda name: (name is None, name or ""))
    return [{"month": name, **found[name]} for name in order]


def _owed_chart(owed: list[dict[str, Any]]) -> Any:
    if len(owed) < 2:
        return None  # one bar tells nothing that the figure does not
    title = gettext(
        "Points owed to members: %(first)s at the end of %(since)s, %(last)s at the end of %(until)s.",
        first=points(owed[0]["points"]),
        since=month(owed[0]["period"]),
        last=points(owed[-1]["points"]),
        until=month(owed[-1]["period"]),
    )
    return bars(title, [one["period"] for one in owed], [one["points"] for one in owed], points)


def _ends_chart(ends: list[dict[str, Any]]) -> Any:
    """Every month from the first to the last, also those in which nothing ends."""
    by_month = {one["month"]: one["points"] for one in ends if one["month"] is not None}
    if not by_month:
        return None
    labels = _months(min(by_month), max(by_month))[:MONTHS]
    most = max(by_month, key=lambda name: by_month[name])
    title = gettext(
        "Points by the month in which they end, from %(since)s to %(until)s;"
        " most end in %(most)s: %(points)s.",
        since=month(labels[0]),
        until=month(labels[-1]),
        most=month(most),
        points=points(by_month[most]),
    )
    return bars(title, labels, [by_month.get(name, 0) for name in labels], points)


def _months(first: str, last: str) -> list[str]:
    found = [first]
    while found[-1] < last:
        year, number = divmod(period_number(found[-1]), 100)
        found.append(period_name(year * 100 + number + 1 if number < 12 else (year + 1) * 100 + 1))
    return found
