"""Fee rules: what there is, and a new one, tried on a past month before it is made."""

from datetime import date
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from api.pages.hub.inputs import Filled, Input, filled, problem_errors, tiers
from api.pages.hub.room import blueprint, operators, readers
from api.pages.numbers import fen, percentage
from api.pages.recording import done_before, record
from api.pages.sentences import told
from api.pages.words import word
from api.problems import Problem
from api.schemas.alliance import FeeRuleInput
from api.services import services
from api.v1.fee_rules import added_rule, rules_page
from api.v1.fee_simulations import simulated
from api.v1.periods import all_periods
from clearing.core.rulebook import ExchangeKind
from clearing.query import local_date

#: A rulebook has tens of rules; all are shown, as what is in force depends on all.
PORTION = 200


def _kinds() -> list[tuple[str, Any]]:
    return [(kind.label, word(kind.label, "exchange_kind")) for kind in ExchangeKind]


def _everybody() -> list[tuple[str, Any]]:
    found = sorted(g.directory.participants.values(), key=lambda one: one.code)
    return [("", gettext("everybody")), *((one.code, f"{one.code} {one.name}") for one in found)]


PAYERS = (
    ("", lazy_gettext("as usual: the acceptor, of a load the issuer")),
    ("acceptor", lazy_gettext("the acceptor")),
    ("issuer", lazy_gettext("the issuer")),
    ("half", lazy_gettext("half and half")),
)


def _payer(text: str) -> Any:
    return {"acceptor": "0.5", "issuer": "0.5"} if text == "half" else text


_DECIMAL = {"inputmode": "decimal"}

INPUTS = (
    Input("kind", lazy_gettext("Exchange"), kind="select", options=_kinds),
    Input("issuer", lazy_gettext("Issuer"), kind="select", options=_everybody, blank=None),
    Input("acceptor", lazy_gettext("Acceptor"), kind="select", options=_everybody, blank=None),
    Input("payer", lazy_gettext("Who pays"), kind="select", options=PAYERS, read=_payer, blank=None),
    Input(
        "rate",
        lazy_gettext("Rate in per cent"),
        read=percentage,
        hint=lazy_gettext("Of the amount; 2 means 2 %."),
        attributes=_DECIMAL,
    ),
    Input("flat", lazy_gettext("Flat part in yuan"), read=fen, attributes=_DECIMAL),
    Input("min", lazy_gettext("At least, in yuan"), read=fen, blank=None, attributes=_DECIMAL),
    Input("max", lazy_gettext("At most, in yuan"), read=fen, blank=None, attributes=_DECIMAL),
    Input(
        "valid_from",
        lazy_gettext("Holds from"),
        kind="date",
        blank=None,
        hint=lazy_gettext("Empty: from the beginning."),
    ),
    Input(
        "tiers",
        lazy_gettext("Lower rates for volume"),
        kind="textarea",
        read=tiers,
        blank=[],
        hint=lazy_gettext(
            "On each line a month's volume in yuan and the rate beyond it, such as: 100000 0.5. "
            "What it saves is given back at closing."
        ),
    ),
)


@blueprint.get("/fees")
@readers
def fee_rules() -> str:
    """`?kind=` narrows."""
    kind = request.args.get("kind", "")
    rules = _all_rules()
    return render_template(
        "hub/fee_rules.html",
        rules=[one for one in reversed(rules) if kind in ("", one["kind"])],
        kinds=[("", gettext("all")), *_kinds()],
        kind=kind,
    )


@blueprint.get("/fees/new")
@operators
def new_fee_rule() -> str:
    return _form({"kind": "redemption", "period": _months()[0] if _months() else ""}, {})


@blueprint.post("/fees/new")
@operators
def preview_fee_rule() -> str | tuple[str, int]:
    """What the rule would have charged in a past month; nothing is made yet."""
    form = filled(INPUTS, FeeRuleInput())
    values = {**form.values, "period": request.form.get("period", "")}
    if form.errors:
        return _form(values, form.errors), 422
    try:
        simulation = (
            simulated({"period": values["period"], "rules": [form.body]}) if values["period"] else None
        )
    except Problem as problem:
        errors = problem_errors(_of_first_rule(problem), INPUTS)
        return _form(values, errors, told(problem)), 422
    return render_template(
        "hub/fee_preview.html",
        rule=_in_words(form),
        period=values["period"],
        simulation=simulation,
        fields={**form.values, "period": values["period"]},
        months=_months(),
    )


@blueprint.post("/fees")
@operators
def make_fee_rule() -> Response | tuple[str, int]:
    form = filled(INPUTS, FeeRuleInput(), complete=True)
    errors, problem = form.errors, None
    if request.form.get("change"):
        return _form({**form.values, "period": request.form.get("period", "")}, {}), 200
    if not errors:
        try:
            with services().engine.begin() as connection:
                if not done_before(connection):
                    made = added_rule(connection, form.body)
                    record(connection, "fee_rule.made", f"fee_rule:{made['id']}", made)
            flash(gettext("The rule is made. What is booked already stays as it was charged."), "success")
            return redirect(url_for("hub.fee_rules"), 303)
        except Problem as error:
            errors, problem = problem_errors(error, INPUTS), told(error)
    return _form(form.values, errors, problem), 422


def _form(values: dict[str, str], errors: dict[str, Any], problem: str | None = None) -> str:
    return render_template(
        "hub/fee_form.html", inputs_=INPUTS, values=values, errors=errors, problem=problem, months=_months()
    )


def _months() -> list[str]:
    """The months on which a rule can be tried, the newest that is complete first."""
    found = all_periods()[::-1]
    return [one["period"] for one in sorted(found, key=lambda one: one["state"] == "open")]


def _all_rules() -> list[dict[str, Any]]:
    """All rules in the order in which they were made, each with what it is today: `now` is in_force, later
    or past.
    """
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        portion = rules_page(PORTION, cursor)
        found += portion["data"]
        cursor = portion["next_cursor"]
        if cursor is None:
            break
    with services().engine.connect() as connection:
        today = local_date(connection, g.directory.rulebook.settings.time_zone).isoformat()
    in_force: dict[tuple[Any, ...], dict[str, Any]] = {}
    for rule in found:
        rule["now"] = "past"
        if (rule["valid_from"] or "") > today:
            rule["now"] = "later"
            continue
        scope = rule["kind"], rule["issuer"], rule["acceptor"]
        before = in_force.get(scope)
        if before is None or (rule["valid_from"] or "") >= (before["valid_from"] or ""):
            in_force[scope] = rule
    for rule in in_force.values():
        rule["now"] = "in_force"
    return found


def _in_words(form: Filled) -> dict[str, Any]:
    """The rule as the table shows it."""
    body = form.body
    valid_from: date | None = body["valid_from"]
    share = body["payer"]
    payer: Any = None
    if share is not None:
        payer = {0: "issuer", 1: "acceptor"}.get(share, {"acceptor": str(share), "issuer": str(1 - share)})
    return {
        **body,
        "rate": str(body["rate"]),
        "payer": payer,
        "tiers": [{"above": tier["above"], "rate": str(tier["rate"])} for tier in body["tiers"]],
        "valid_from": valid_from.isoformat() if valid_from else None,
    }


def _of_first_rule(problem: Problem) -> Problem:
    """The simulation's pointers begin with the rule's place."""
    errors = [one._replace(pointer=one.pointer.removeprefix("/rules/0")) for one in problem.errors]
    return Problem(problem.code, problem.detail, errors)
