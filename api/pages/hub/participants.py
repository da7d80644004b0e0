"""Participants and their merchants: admit, edit, suspend, and let in again."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from api.pages.forms import said_in_form
from api.pages.hub.inputs import (
    Input,
    benefits,
    filled,
    lines,
    problem_errors,
    show_benefits,
    show_lines,
    show_truth,
    show_yuan,
    shown,
    truth,
)
from api.pages.hub.overview import net_row
from api.pages.hub.room import blueprint, changes, operators, readers
from api.pages.numbers import decimal, fen, whole
from api.pages.recording import done_before, record
from api.pages.sentences import told
from api.pages.words import word
from api.problems import Problem
from api.schemas.alliance import MerchantChange, MerchantInput, ParticipantChange, ParticipantInput
from api.services import services
from api.v1 import merchants, participants
from clearing.core.calendar import ExpiryKind
from clearing.core.directory import Status
from clearing.core.outcomes import Code

SHOWN = 50

YES_NO = (("no", lazy_gettext("no")), ("yes", lazy_gettext("yes")))


def _expiry_kinds() -> list[tuple[str, Any]]:
    return [(kind.value, word(kind.value, "expiry")) for kind in ExpiryKind]


CODE = Input(
    "code",
    lazy_gettext("Code"),
    required=True,
    hint=lazy_gettext("Capitals and digits, such as LOTUS; it stands on every document and never changes."),
    attributes={"maxlength": 32, "autocapitalize": "characters", "spellcheck": "false"},
)
NAME = Input("name", lazy_gettext("Name"), required=True, blank=None, attributes={"maxlength": 200})

SETTINGS = (
    Input(
        "earn_rate",
        lazy_gettext("Points per yuan"),
        read=decimal,
        hint=lazy_gettext("Usual: 1"),
        attributes={"inputmode": "decimal"},
    ),
    Input(
        "conversion_ratio",
        lazy_gettext("Points for one of its older programme"),
        read=decimal,
        hint=lazy_gettext("Used when balances are imported; 1 if it has none."),
        attributes={"inputmode": "decimal"},
    ),
    Input("expiry_kind", lazy_gettext("Points expire"), kind="select", options=_expiry_kinds),
    Input(
        "expiry_months",
        lazy_gettext("Months until expiry"),
        read=whole,
        hint=lazy_gettext("Rounded up to the end of the month."),
        attributes={"inputmode": "numeric"},
    ),
    Input(
        "expiry_month",
        lazy_gettext("Month of the yearly expiry"),
        read=whole,
        attributes={"inputmode": "numeric"},
    ),
    Input(
        "expiry_day",
        lazy_gettext("Day of the yearly expiry"),
        read=whole,
        attributes={"inputmode": "numeric"},
    ),
    Input(
        "tiers",
        lazy_gettext("Tiers"),
        kind="textarea",
        read=lines,
        show=show_lines,
        blank=[],
        hint=lazy_gettext("One on each line, the lowest first; equal places count as equal elsewhere."),
    ),
    Input(
        "net_debit_cap",
        lazy_gettext("Debit cap in yuan"),
        read=fen,
        show=show_yuan,
        blank=None,
        hint=lazy_gettext("What it may owe on balance before others refuse its points; empty: no limit."),
        attributes={"inputmode": "decimal"},
    ),
    Input(
        "stored_value_enabled",
        lazy_gettext("Its stored value is used at other participants"),
        kind="select",
        read=truth,
        show=show_truth,
        options=YES_NO,
    ),
    Input(
        "stored_value_permit",
        lazy_gettext("Licence or custodian that permits this"),
        attributes={"maxlength": 200},
    ),
)
DOCUMENTS = (
    Input("registered_name", lazy_gettext("Registered name"), blank=None, attributes={"maxlength": 200}),
    Input("tax_number", lazy_gettext("Tax number"), blank=None, attributes={"maxlength": 40}),
    Input("address", lazy_gettext("Postal address"), blank=None, attributes={"maxlength": 400}),
)
EDITED = (NAME, *DOCUMENTS, *SETTINGS)
ADMITTED = (CODE, NAME, *DOCUMENTS, *SETTINGS)

MERCHANT = (
    Input("name", lazy_gettext("Name"), required=True, blank=None, attributes={"maxlength": 200}),
    Input(
        "category",
        lazy_gettext("Category"),
        blank=None,
        hint=lazy_gettext("Such as hotel or shop."),
        attributes={"maxlength": 200},
    ),
    Input(
        "benefits",
        lazy_gettext("Benefits by tier"),
        kind="textarea",
        read=benefits,
        show=show_benefits,
        blank={},
        hint=lazy_gettext("One tier on each line, such as: Gold: late check-out, welcome drink"),
    ),
)
MERCHANT_ADMITTED = (
    CODE._replace(hint=lazy_gettext("Unique in the alliance, such as LOTUS-HZ; it never changes.")),
    *MERCHANT,
)


@blueprint.get("/participants")
@readers
def participants_list() -> str:
    """`?status=` narrows."""
    status = request.args.get("status", "")
    status = status if status in list(Status) else ""
    found = participants.participants_page(SHOWN, request.args.get("cursor"), status or None)
    statuses = [("", gettext("all")), *((one.value, word(one.value, "place_status")) for one in Status)]
    counts: dict[int, int] = {}
    for merchant in g.directory.merchants.values():
        counts[merchant.participant_id] = counts.get(merchant.participant_id, 0) + 1
    of_code = {one.code: counts.get(one.id, 0) for one in g.directory.participants.values()}
    return render_template(
        "hub/participants.html",
        rows=[net_row(one, 0) for one in found["data"]],
        next_cursor=found["next_cursor"],
        statuses=statuses,
        status=status,
        merchants=of_code,
    )


@blueprint.get("/participants/new")
@operators
def new_participant() -> str:
    values = {"earn_rate": "1", "conversion_ratio": "1", "expiry_kind": "rolling", "expiry_months": "24"}
    return _participant_form(ADMITTED, values, {}, None)


@blueprint.post("/participants/new")
@operators
def admit_participant() -> Response | tuple[str, int]:
    form = filled(ADMITTED, ParticipantInput(), _with_expiry)
    errors = form.errors
    if not errors:
        try:
            with services().engine.begin() as connection:
                code = form.body["code"]
                if not done_before(connection):
                    admitted = participants.admitted(connection, form.body)
                    record(connection, "participant.admitted", f"participant:{code}", _plain(admitted))
            flash(gettext("%(code)s is admitted. Admit its merchants now.", code=code), "success")
            return redirect(url_for("hub.participant", code=code), 303)
        except Problem as problem:
            errors = problem_errors(problem, ADMITTED)
            return _participant_form(ADMITTED, form.values, errors, None, told(problem)), 422
    return _participant_form(ADMITTED, form.values, errors, None), 422


@blueprint.get("/participants/<code>")
@readers
def participant(code: str) -> str:
    with services().engine.connect() as connection:
        found = participants.shown_participant(connection, code)
    return render_template(
        "hub/participant.html",
        one=net_row(found, 0),
        merchants=merchants.merchants_page(code, SHOWN, request.args.get("cursor")),
    )


@blueprint.get("/participants/<code>/edit")
@operators
def edit_participant(code: str) -> str:
    with services().engine.connect() as connection:
        found = participants.shown_participant(connection, code)
    return _participant_form(EDITED, shown(EDITED, _flat(found)), {}, code)


@blueprint.post("/participants/<code>/edit")
@operators
def change_participant(code: str) -> Response | tuple[str, int]:
    form = filled(EDITED, ParticipantChange(), _with_expiry)
    errors = form.errors
    if not errors:
        try:
            _change(code, form.body)
            flash(gettext("Saved. It holds from the next posting on."), "success")
            return redirect(url_for("hub.participant", code=code), 303)
        except Problem as problem:
            errors = problem_errors(problem, EDITED)
            return _participant_form(EDITED, form.values, errors, code, told(problem)), 422
    return _participant_form(EDITED, form.values, errors, code), 422


@blueprint.post("/participants/<code>/status")
@operators
def set_participant_status(code: str) -> Response:
    status = _status()
    _change(code, {"status": status})
    flash(
        gettext("%(code)s is suspended: it takes part in no exchange.", code=code)
        if status == Status.SUSPENDED
        else gettext("%(code)s takes part again.", code=code),
        "success",
    )
    return redirect(url_for("hub.participant", code=code), 303)


@blueprint.get("/participants/<code>/merchants/new")
@operators
def new_merchant(code: str) -> str:
    return _merchant_form(code, None, MERCHANT_ADMITTED, {}, {})


@blueprint.post("/participants/<code>/merchants/new")
@operators
def admit_merchant(code: str) -> Response | tuple[str, int]:
    form = filled(MERCHANT_ADMITTED, MerchantInput())
    errors = form.errors
    if not errors:
        try:
            with services().engine.begin() as connection:
                if not done_before(connection):
                    admitted = merchants.admitted(connection, code, form.body)
                    about, owner = f"merchant:{admitted['code']}", participants.participant_id(code)
                    record(connection, "merchant.admitted", about, _plain(admitted), owner)
            flash(gettext("%(code)s is admitted.", code=form.body["code"]), "success")
            return redirect(url_for("hub.participant", code=code), 303)
        except Problem as problem:
            errors = problem_errors(problem, MERCHANT_ADMITTED)
            return _merchant_form(code, None, MERCHANT_ADMITTED, form.values, errors, told(problem)), 422
    return _merchant_form(code, None, MERCHANT_ADMITTED, form.values, errors), 422


@blueprint.get("/participants/<code>/merchants/<merchant>")
@operators
def edit_merchant(code: str, merchant: str) -> str:
    with services().engine.connect() as connection:
        found = merchants.shown_merchant(connection, code, merchant)
    return _merchant_form(code, merchant, MERCHANT, shown(MERCHANT, found), {}, status=found["status"])


@blueprint.post("/participants/<code>/merchants/<merchant>")
@operators
def change_merchant(code: str, merchant: str) -> Response | tuple[str, int]:
    form = filled(MERCHANT, MerchantChange())
    if form.errors:
        return _merchant_form(code, merchant, MERCHANT, form.values, form.errors), 422
    _change_merchant(code, merchant, form.body)
    flash(gettext("Saved. It holds from the next posting on."), "success")
    return redirect(url_for("hub.participant", code=code), 303)


@blueprint.post("/participants/<code>/merchants/<merchant>/status")
@operators
def set_merchant_status(code: str, merchant: str) -> Response:
    status = _status()
    _change_merchant(code, merchant, {"status": status})
    flash(
        gettext("%(code)s is suspended: nothing is posted there.", code=merchant)
        if status == Status.SUSPENDED
        else gettext("%(code)s takes part again.", code=merchant),
        "success",
    )
    return redirect(url_for("hub.participant", code=code), 303)


def _status() -> str:
    """As the form says it. Raises Problem for one that says nothing: it lets nobody in."""
    status = said_in_form("status")
    if status not in (Status.ACTIVE, Status.SUSPENDED):
        raise Problem(Code.MALFORMED, "")
    return status


def _change(code: str, body: dict[str, Any]) -> None:
    with services().engine.begin() as connection:
        if done_before(connection):
            return
        before = participants.shown_participant(connection, code)
        after = participants.changed(connection, code, body)
        data = changes(_plain(before), _plain(after))
        if data:
            owner = participants.participant_id(code)
            record(connection, "participant.changed", f"participant:{code}", data, owner)


def _change_merchant(code: str, merchant: str, body: dict[str, Any]) -> None:
    with services().engine.begin() as connection:
        if done_before(connection):
            return
        before = merchants.shown_merchant(connection, code, merchant)
        after = merchants.changed(connection, code, merchant, body)
        if data := changes(before, after):
            owner = participants.participant_id(code)
            record(connection, "merchant.changed", f"merchant:{merchant}", data, owner)


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """Without what changes by itself."""
    return {name: value for name, value in found.items() if name not in ("net_debit", "admitted_at")}


def _with_expiry(raw: dict[str, Any]) -> dict[str, Any]:
    """The fields of the expiry as the API takes them: together, and only those of the kind chosen."""
    used = {"rolling": ("months",), "fixed": ("month", "day"), "never": ()}
    parts = {name: raw.pop(f"expiry_{name}", None) for name in ("months", "month", "day")}
    kind = raw.pop("expiry_kind", None)
    if kind is not None:
        given = {name: parts[name] for name in used.get(kind, ()) if parts[name] is not None}
        raw["expiry"] = {"kind": kind, **given}
    return raw


def _flat(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, **{f"expiry_{name}": value for name, value in found["expiry"].items()}}


def _participant_form(
    inputs: tuple[Input, ...],
    values: dict[str, str],
    errors: dict[str, Any],
    code: str | None,
    problem: str | None = None,
) -> str:
    return render_template(
        "hub/participant_form.html",
        names=[one for one in inputs if one in (CODE, NAME)],
        documents=DOCUMENTS,
        settings=SETTINGS,
        values=values,
        errors=errors,
        code=code,
        problem=problem,
    )


def _merchant_form(
    code: str,
    merchant: str | None,
    inputs: tuple[Input, ...],
    values: dict[str, str],
    errors: dict[str, Any],
    problem: str | None = None,
    status: str | None = None,
) -> str:
    return render_template(
        "hub/merchant_form.html",
        code=code,
        merchant=merchant,
        inputs_=inputs,
        values=values,
        errors=errors,
        problem=problem,
        status=status,
    )
