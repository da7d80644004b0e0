"""The alliance's settings, with what changed from version to version of the rulebook."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from api.pages.formats import percent, points
from api.pages.hub.inputs import (
    Input,
    filled,
    problem_errors,
    show_percentage,
    show_truth,
    shown,
    truth,
)
from api.pages.hub.participants import YES_NO
from api.pages.hub.room import blueprint, changes, operators, readers
from api.pages.numbers import decimal, percentage, whole
from api.pages.recording import done_before, record
from api.pages.sentences import told
from api.pages.words import word
from api.problems import Problem
from api.schemas.alliance import AllianceSchema
from api.services import services
from api.v1.alliance import changed_settings, check_settings, settings_history, settings_in_force
from api.web import cursor_text
from clearing.core.rulebook import DrawOrder

SHOWN = 20


def _draw_orders() -> list[tuple[str, Any]]:
    return [(order.value, word(order.value, "draw_order")) for order in DrawOrder]


_WHOLE = {"inputmode": "numeric"}
_DECIMAL = {"inputmode": "decimal"}
NO_LIMIT = lazy_gettext("Empty: no limit.")

PRICES = (
    Input(
        "point_value",
        lazy_gettext("Value of a point in fen"),
        read=decimal,
        required=True,
        hint=lazy_gettext("100 fen are one yuan."),
        attributes=_DECIMAL,
    ),
    Input(
        "reimbursement_rate",
        lazy_gettext("Part of it that the issuer owes, in per cent"),
        read=percentage,
        show=show_percentage,
        required=True,
        attributes=_DECIMAL,
    ),
    Input(
        "vat_rate",
        lazy_gettext("VAT in the fees, in per cent"),
        read=percentage,
        show=show_percentage,
        required=True,
        attributes=_DECIMAL,
    ),
    Input("draw_order", lazy_gettext("Which points are used first"), kind="select", options=_draw_orders),
)
POINTS = (
    Input(
        "grace_days",
        lazy_gettext("Days of grace for points given back"),
        read=whole,
        required=True,
        hint=lazy_gettext("When a reversal gives back points whose date has passed."),
        attributes=_WHOLE,
    ),
    Input(
        "hold_minutes_default",
        lazy_gettext("A hold lasts, in minutes"),
        read=whole,
        required=True,
        hint=lazy_gettext("Unless the merchant says how long; 10080 is a week."),
        attributes=_WHOLE,
    ),
    Input(
        "hold_minutes_max",
        lazy_gettext("A hold lasts at most, in minutes"),
        read=whole,
        required=True,
        attributes=_WHOLE,
    ),
    Input(
        "card_points_per_day",
        lazy_gettext("Points of one card in a day"),
        read=whole,
        blank=None,
        hint=NO_LIMIT,
        attributes=_WHOLE,
    ),
    Input(
        "card_redemptions_per_hour",
        lazy_gettext("Redemptions of one card in an hour"),
        read=whole,
        blank=None,
        hint=NO_LIMIT,
        attributes=_WHOLE,
    ),
    Input(
        "merchant_points_per_day",
        lazy_gettext("Points at one merchant in a day"),
        read=whole,
        blank=None,
        hint=NO_LIMIT,
        attributes=_WHOLE,
    ),
    Input(
        "merchant_redemptions_per_hour",
        lazy_gettext("Redemptions at one merchant in an hour"),
        read=whole,
        blank=None,
        hint=NO_LIMIT,
        attributes=_WHOLE,
    ),
)
CLOSING = (
    Input(
        "dual_control",
        lazy_gettext("Another operator approves a month than who closed it"),
        kind="select",
        read=truth,
        show=show_truth,
        options=YES_NO,
    ),
    Input(
        "close_quiet_minutes",
        lazy_gettext("A month is closed so many minutes after its end"),
        read=whole,
        blank=None,
        hint=lazy_gettext("Empty: only by hand."),
        attributes=_WHOLE,
    ),
    Input(
        "due_days",
        lazy_gettext("Nets are due so many days after closing"),
        read=whole,
        required=True,
        attributes=_WHOLE,
    ),
    Input(
        "suspend_overdue_days",
        lazy_gettext("Who has not paid is suspended after so many days"),
        read=whole,
        blank=None,
        hint=lazy_gettext("Empty: never."),
        attributes=_WHOLE,
    ),
    Input(
        "dispute_window_days",
        lazy_gettext("Days in which a line can be disputed in time"),
        read=whole,
        required=True,
        attributes=_WHOLE,
    ),
    Input(
        "dispute_response_days",
        lazy_gettext("Days that a counterparty has to answer"),
        read=whole,
        required=True,
        attributes=_WHOLE,
    ),
)
HUB = (
    Input("hub_name", lazy_gettext("Registered name of the hub"), blank=None, attributes={"maxlength": 200}),
    Input("hub_tax_number", lazy_gettext("Tax number of the hub"), blank=None, attributes={"maxlength": 40}),
    Input(
        "hub_address", lazy_gettext("Postal address of the hub"), blank=None, attributes={"maxlength": 400}
    ),
    Input("time_zone", lazy_gettext("Time zone"), required=True, attributes={"maxlength": 64}),
)
GROUPS = (
    (lazy_gettext("Prices"), PRICES),
    (lazy_gettext("Points, holds and limits"), POINTS),
    (lazy_gettext("Closing and disputes"), CLOSING),
    (lazy_gettext("The hub on documents"), HUB),
)
INPUTS = (*PRICES, *POINTS, *CLOSING, *HUB)
LABELS = {one.name: one.label for one in INPUTS}
RATES = frozenset({"reimbursement_rate", "vat_rate"})


@blueprint.get("/settings")
@readers
def settings() -> str:
    """What holds now, and every version with what it changed."""
    # One more than are shown, as each is told from the one before it.
    rows = settings_history(SHOWN + 1, request.args.get("cursor"))["data"]
    versions = [
        {"version": one["version"], "made_at": one["made_at"], "changes": _changed(older, one)}
        for one, older in zip(rows, [*rows[1:], {}], strict=True)
    ]
    more = len(rows) > SHOWN
    with services().engine.connect() as connection:
        now = settings_in_force(connection)
    return render_template(
        "hub/settings.html",
        now=now,
        groups=[
            (title, [(one.label, value_text(one.name, now[one.name])) for one in group])
            for title, group in GROUPS
        ],
        versions=versions[:SHOWN],
        next_cursor=cursor_text(versions[SHOWN - 1]["version"]) if more else None,
    )


@blueprint.get("/settings/edit")
@operators
def edit_settings() -> str:
    with services().engine.connect() as connection:
        return _form(shown(INPUTS, settings_in_force(connection)), {})


@blueprint.post("/settings/edit")
@operators
def change_alliance() -> Response | str | tuple[str, int]:
    """First what would change, and once that is confirmed the new version."""
    form = filled(INPUTS, AllianceSchema())
    if form.errors or request.form.get("back"):
        return _form(form.values, form.errors), 422 if form.errors else 200
    try:
        with services().engine.begin() as connection:
            before = settings_in_force(connection)
            wanted = _plain(form.body)
            changed = {name: pair for name, pair in changes(before, wanted).items() if name in LABELS}
            if not changed:
                flash(gettext("Nothing was changed."), "info")
                return redirect(url_for("hub.settings"), 303)
            if request.form.get("confirmed") != "yes":
                check_settings(connection, form.body)
                rows = [
                    (LABELS[name], *(value_text(name, value) for value in pair))
                    for name, pair in changed.items()
                ]
                return render_template("hub/settings_confirm.html", rows=rows, fields=form.values)
            if not done_before(connection):
                after = changed_settings(connection, {name: form.body[name] for name in changed})
                record(connection, "alliance.changed", f"rulebook:{after['version']}", changed)
    except Problem as problem:
        return _form(form.values, problem_errors(problem, INPUTS), told(problem)), 422
    flash(gettext("Saved as a new version. What is booked already stays as it is."), "success")
    return redirect(url_for("hub.settings"), 303)


def value_text(name: str, value: Any) -> Any:
    """A setting for a reader."""
    if value is None or value == "":
        return "–"
    if name in RATES:
        return percent(value)
    if name == "draw_order":
        return word(value, "draw_order")
    if isinstance(value, bool):
        return dict(YES_NO)["yes" if value else "no"]
    return points(value) if isinstance(value, int) else value


def _changed(older: dict[str, Any], newer: dict[str, Any]) -> list[tuple[Any, Any, Any]]:
    """(label, before, after) of each setting that differs; empty where only a fee rule was added."""
    if not older:
        return []
    return [
        (LABELS[name], value_text(name, older[name]), value_text(name, newer[name]))
        for name in LABELS
        if older[name] != newer[name]
    ]


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """What the schema made, as JSON shows it."""
    dumped: dict[str, Any] = AllianceSchema().dump(body)
    return dumped


def _form(values: dict[str, str], errors: dict[str, Any], problem: str | None = None) -> str:
    return render_template(
        "hub/settings_form.html", groups=GROUPS, values=values, errors=errors, problem=problem
    )
