"""The lines of a statement that make up one of its figures. What they are chosen by stands in the address."""

from typing import Any, NamedTuple

from flask import g, render_template, request
from werkzeug.datastructures import MultiDict

from api.auth import FINANCE
from api.pages.finance.room import ROWS, blueprint
from api.pages.guard import current_visit, page
from api.pages.typed import wanted
from api.pages.zones import show_in_zone_of
from api.problems import FieldError, Problem
from api.v1.disputes import DISPUTERS
from api.v1.statements import statement_lines
from clearing.core.accounts import HUB, HUB_CODE, Asset
from clearing.core.journal import LegKind
from clearing.core.outcomes import Code
from settlement.chosen_lines import Chosen
from settlement.core.statement import Direction, Moved

KINDS = {kind.label: kind for kind in LegKind}


class Filter(NamedTuple):
    """What the reader has chosen lines by, in his words, and for the database."""

    given: dict[str, str]
    chosen: Chosen


@blueprint.get("/statements/<statement_id>/lines")
@page(*FINANCE)
def lines(statement_id: str) -> str:
    """Page by page; what all of them come to stands at the foot, and is the figure that led here."""
    found = _filter(request.args)
    shown = statement_lines(statement_id, found.chosen, request.args.get("cursor"), ROWS)
    codes = sorted(one.code for one in g.directory.participants.values())
    own = g.directory.participant(shown["statement"]["participant"]).id
    merchants = sorted(one.code for one in g.directory.merchants.values() if one.participant_id == own)
    show_in_zone_of(shown["statement"]["period"])
    return render_template(
        "finance/lines.html",
        shown=shown,
        given=found.given,
        counterparties=[*codes, HUB_CODE],
        kinds=list(KINDS),
        directions=[str(one) for one in Direction],
        merchants=merchants,
        may_dispute=current_visit().user.scope in DISPUTERS,
        within="finance.statements",
    )


def _filter(args: MultiDict[str, str]) -> Filter:
    """Raises Problem for what cannot be chosen by."""
    given = {name: text for name, text in args.items() if text and name != "cursor"}
    values: dict[str, Any] = {}
    for name, text in given.items():
        try:
            values |= _READERS[name](text)
        except (KeyError, ValueError) as error:
            detail = "Lines cannot be chosen by this."
            raise Problem(Code.MALFORMED, detail, [FieldError(f"?{name}", detail)]) from error
    return Filter(given, Chosen(**values))


def _counterparty(code: str) -> dict[str, Any]:
    if code == HUB_CODE:
        return {"counterparty_id": HUB}
    named = g.directory.participant(code)
    if named is None:
        raise KeyError(code)
    return {"counterparty_id": named.id}


def _one_of(name: str, **texts: Any) -> Any:
    return lambda text: {name: texts[text]}


def _part(text: str) -> dict[str, Any]:
    if text not in Moved._fields:
        raise KeyError(text)
    return {"part": text}


def _rule(text: str) -> dict[str, Any]:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else 0
    if not 0 < number < 2**31:
        raise ValueError(text)
    return {"rule_id": number}


#: By the name in the address.
_READERS: dict[str, Any] = {
    "counterparty": _counterparty,
    "kind": lambda text: {"kind": KINDS[text]},
    "direction": lambda text: {"direction": Direction(text)},
    "only": _one_of("exchanged", exchanges=True, adjustments=False),
    "fee": _one_of("charged", charged=True),
    "crossed": _one_of("crossed", yes=True),
    "merchant": lambda text: {"merchant_id": g.directory.merchants[text].id},
    "rule": _rule,
    "role": _one_of("as_acceptor", acceptor=True, issuer=False),
    "part": _part,
    "asset": _one_of("in_points", **{Asset.POINTS.label: True, Asset.STORED_VALUE.label: False}),
    "reference": lambda text: {"reference": wanted(text)},
}
