"""Months and their statements: where each stands, the statement itself, and its files."""

from typing import Any

from flask import g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from api.auth import FINANCE
from api.pages.finance.room import Books, blueprint, books
from api.pages.formats import show_in
from api.pages.guard import page
from api.problems import HttpCode, Problem
from api.v1.periods import all_periods, number_of
from api.v1.settlements import own_settlement, whole_settlement
from api.v1.statements import preparing, statement_document, statement_file
from clearing.core.calendar import PeriodState
from settlement.close import statement_id

#: Months on one page.
SHOWN = 12


@blueprint.get("/")
@page(*FINANCE)
def statements() -> str:
    """The newest month first: one participant's, or the hub's view; with `period` everybody's nets of it."""
    whose, period = books(), request.args.get("period")
    if whose.code is None and period:
        return _nets(whose, period)
    periods = all_periods()[::-1]
    skipped = min(max(request.args.get("from", 0, type=int), 0), len(periods))
    shown = periods[skipped : skipped + SHOWN]
    return render_template(
        "finance/months.html",
        books=whose,
        months=[_month(one, whose) for one in shown],
        earlier=skipped + SHOWN if len(periods) > skipped + SHOWN else None,
        later=max(skipped - SHOWN, 0) if skipped else None,
    )


@blueprint.get("/statements/<statement_id>")
@page(*FINANCE)
def statement(statement_id: str) -> str:
    """It reads like the document, and every figure opens its lines."""
    shown = statement_document(statement_id)
    settlement = own_settlement(shown["period"], shown["participant"])
    show_in(settlement["time_zone"])
    return render_template(
        "finance/statement.html",
        statement=shown,
        line=settlement["participant"],
        sums=_sums(shown["matrix"]),
        visitor_chooses=bool(books().choices),
        within="finance.statements",
    )


@blueprint.get("/statements/<statement_id>.<extension>")
@page(*FINANCE)
def download(statement_id: str, extension: str) -> Response:
    """The file; of a large one that is not ready yet, the page that waits for it."""
    response = statement_file(statement_id, extension)
    if response.status_code == 202:
        return redirect(url_for("finance.waiting", statement_id=statement_id, extension=extension), 303)
    return response


@blueprint.get("/statements/<statement_id>/files/<extension>")
@page(*FINANCE)
def waiting(statement_id: str, extension: str) -> str:
    """Whether the file is there yet. Asks again by itself; without scripts the browser loads it anew."""
    wait = preparing(statement_id, extension)
    part = request.headers.get("HX-Request") == "true"
    return render_template(
        "finance/_waiting.html" if part else "finance/waiting.html",
        wait=wait,
        statement_id=statement_id,
        extension=extension,
        within="finance.statements",
    )


def _month(period: dict[str, Any], whose: Books) -> dict[str, Any]:
    """A period with the participant's line and its statement, or with the whole settlement."""
    name = period["period"]
    if whose.code is None:
        found = whole_settlement(name)
        left = [one for one in found["participants"] if one["outstanding"]]
        return {**period, "due_on": found["due_on"], "hub": found["hub"], "nets": found["participants"],
                "left": left}  # fmt: skip
    try:
        found = own_settlement(name, whose.code)
    except Problem as problem:
        if problem.code != HttpCode.NOT_FOUND:
            raise
        return {**period, "due_on": None, "line": None, "statement": None}
    return {
        **period,
        "due_on": found["due_on"],
        "line": found["participant"],
        "statement": _statement_of(period, whose.id),
    }


def _nets(whose: Books, period: str) -> str:
    settlement = whole_settlement(period)
    show_in(settlement["time_zone"])
    return render_template(
        "finance/nets.html",
        books=whose,
        settlement=settlement,
        rows=[
            (one, _statement_of(settlement, g.directory.participant(one["code"]).id))
            for one in settlement["participants"]
        ],
        within="finance.statements",
    )


def _statement_of(period: dict[str, Any], participant_id: int | None) -> str | None:
    """The id of its statement; None while the period is open."""
    if period["state"] == PeriodState.OPEN.value or participant_id is None:
        return None
    return statement_id(number_of(period["period"]), participant_id)


def _sums(matrix: list[dict[str, Any]]) -> dict[str, int]:
    names = ("count", "points", "amount", "receivable", "payable", "fees")
    return {name: sum(row[name] for row in matrix) for name in names}
