"""The card check: what the front desk sees of a card that is presented."""

from flask import Blueprint, g, render_template, request

from api.auth import DESKS, current_caller
from api.pages.guard import page
from api.problems import Problem
from api.v1.cards import checked_card
from clearing.core.directory import Merchant

blueprint = Blueprint("desk", __name__, url_prefix="/desk", template_folder="templates")


@blueprint.get("/")
@page(*DESKS)
def card() -> str | tuple[str, int]:
    """`?number=` and, for who may act at several, `?merchant=`."""
    number = request.args.get("number", "").replace(" ", "")
    merchants = own_merchants()
    merchant = request.args.get("merchant") or (merchants[0].code if merchants else None)
    shown, problem = None, None
    if number:
        try:
            shown = checked_card(number, merchant)
        except Problem as error:
            problem = error
    text = render_template(
        "desk/card.html",
        number=number,
        merchant=merchant,
        merchants=merchants,
        shown=shown,
        problem=problem,
    )
    return text if problem is None else (text, 422)


def own_merchants() -> list[Merchant]:
    """The merchants at which the visitor may act, by code."""
    caller = current_caller()
    merchants = sorted(g.directory.merchants.values(), key=lambda one: one.code)
    return [one for one in merchants if caller.may_post_at(one)]
