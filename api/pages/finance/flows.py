"""Who owes whom in a month: a matrix, the flows as a picture, and the rows behind them."""

from typing import Any

from flask import render_template, request

from api.auth import FINANCE
from api.pages.finance.room import blueprint, books
from api.pages.guard import page
from api.problems import FieldError, Problem
from api.v1.periods import all_periods
from api.v1.settlements import own_settlement, whole_settlement
from clearing.core.outcomes import Code
from settlement.core.netting import PRINCIPAL

KINDS = [kind.label for kind in sorted(PRINCIPAL)]
Rows = list[dict[str, Any]]


@blueprint.get("/flows")
@page(*FINANCE)
def flows() -> str:
    """`period`: the newest unless told; `kind` and, for who sees all, `participant` narrow it."""
    whose, kind = books(), request.args.get("kind") or None
    names = [one["period"] for one in all_periods()[::-1]]
    period = request.args.get("period") or (names[0] if names else None)
    if kind is not None and kind not in KINDS:
        detail = "There is no such kind."
        raise Problem(Code.MALFORMED, detail, [FieldError("?kind", detail)])
    if period is None:
        settlement: dict[str, Any] = {"matrix": [], "state": "open"}
    elif whose.code is None:
        settlement = whole_settlement(period)
    else:
        settlement = own_settlement(period, whose.code)
    rows = [row for row in settlement["matrix"] if kind in (None, row["kind"]) and row["amount"]]
    return render_template(
        "finance/flows.html",
        books=whose,
        periods=names,
        period=period,
        settlement=settlement,
        kinds=KINDS,
        rows=rows,
        **_pivoted(rows),
    )


def _pivoted(rows: Rows) -> dict[str, Any]:
    """The rows as a table: debtors down, creditors across, with what each owes and is owed."""
    cells: dict[tuple[str, str], int] = {}
    for row in rows:
        key = row["debtor"], row["creditor"]
        cells[key] = cells.get(key, 0) + row["amount"]
    codes = sorted({code for key in cells for code in key})
    return {
        "codes": codes,
        "cells": cells,
        "owes": {code: sum(fen for (debtor, _), fen in cells.items() if debtor == code) for code in codes},
        "is_owed": {code: sum(fen for (_, to), fen in cells.items() if to == code) for code in codes},
    }
