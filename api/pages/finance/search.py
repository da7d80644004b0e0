"""Finding a transaction by its id, the merchant's reference or a card; and the transaction itself."""

from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from api.auth import FINANCE, current_caller, own_participant
from api.pages import typed
from api.pages.finance.room import blueprint, books, closed_periods
from api.pages.guard import current_visit, page
from api.pages.zones import show_in_zone_of, zones
from api.problems import Problem
from api.v1.disputes import DISPUTERS
from api.v1.periods import all_periods, number_of
from api.v1.transactions import transaction_shown, transactions_page
from clearing.core.outcomes import Code
from settlement.close import statement_id

SHOWN = 20
#: Where ids of what is not a transaction lead to.
ELSEWHERE = {"stm_": ("finance.statement", "statement_id"), "dsp_": ("finance.dispute", "dispute_id")}


@blueprint.get("/search")
@page(*FINANCE)
def search() -> Response | str:
    """`q`: an id leads straight to what it is; else it is looked for as a reference and as a card's number.
    `by` goes on in one of the two lists.
    """
    wanted = typed.wanted(request.args.get("q"))
    names = [one["period"] for one in all_periods()[::-1]]
    found: dict[str, Any] = {}
    if wanted.startswith("txn_"):
        try:
            transaction_shown(wanted)
        except Problem as problem:
            if problem.code != Code.TRANSACTION_UNKNOWN:
                raise
        else:
            return redirect(url_for("finance.transaction", transaction_id=wanted), 303)
    elif wanted[:4] in ELSEWHERE:
        endpoint, name = ELSEWHERE[wanted[:4]]
        values: dict[str, Any] = {name: wanted}
        return redirect(url_for(endpoint, **values), 303)
    elif wanted:
        by = request.args.get("by")
        for kind in ("reference", "card") if by not in ("reference", "card") else (by,):
            found[kind] = _found(kind, wanted, request.args.get("cursor") if by == kind else None)
    return render_template(
        "finance/search.html",
        wanted=wanted,
        periods=names,
        found=found,
        nothing=_nothing(found),
        zones=zones(),
    )


@blueprint.get("/transactions/<transaction_id>")
@page(*FINANCE)
def transaction(transaction_id: str) -> str:
    """With its legs, and where each stands on the reader's statement."""
    shown = transaction_shown(transaction_id)
    if shown["period"] is not None:
        show_in_zone_of(shown["period"])
    statement, own = None, own_participant(current_caller())
    if own is not None and shown["period"] is not None and _is_closed(shown["period"]):
        statement = statement_id(number_of(shown["period"]), own)
    return render_template(
        "finance/transaction.html",
        transaction=shown,
        statement=statement,
        own=books().code,
        may_dispute=statement is not None and current_visit().user.scope in DISPUTERS,
        within="finance.search",
    )


def _found(kind: str, wanted: str, cursor: str | None) -> dict[str, Any]:
    query = {"card": None, "reference": None, "merchant": request.args.get("merchant") or None}
    text = typed.card_number(wanted) if kind == "card" else wanted
    period = request.args.get("period") or None
    return transactions_page({**query, "period": period, kind: text, "cursor": cursor, "limit": SHOWN})


def _nothing(found: dict[str, Any]) -> bool:
    return not any(one["data"] for one in found.values())


def _is_closed(period: str) -> bool:
    return period in closed_periods()
