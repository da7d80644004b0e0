"""API keys: made and shown once, rotated, revoked."""

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response

from api.pages.hub.inputs import Input, filled, problem_errors
from api.pages.hub.room import blueprint, operators, readers
from api.pages.recording import done_before, record
from api.pages.sentences import told
from api.pages.words import word
from api.problems import Problem
from api.schemas.alliance import ApiKeyInput
from api.services import services
from api.v1.api_keys import keys_page, made_key, revoked_key, rotated_key, shown_key
from clearing.core.commands import Scope

SHOWN = 50


def _scopes() -> list[tuple[str, Any]]:
    return [(scope.value, word(scope.value, "key_scope")) for scope in Scope]


def _participants() -> list[tuple[str, str]]:
    found = sorted(g.directory.participants.values(), key=lambda one: one.code)
    return [("", "–"), *((one.code, f"{one.code} {one.name}") for one in found)]


def _merchants() -> list[tuple[str, str]]:
    found = sorted(g.directory.merchants.values(), key=lambda one: one.code)
    return [("", "–"), *((one.code, f"{one.code} {one.name}") for one in found)]


INPUTS = (
    Input("scope", lazy_gettext("What it may do"), kind="select", options=_scopes),
    Input(
        "participant",
        lazy_gettext("Participant"),
        kind="select",
        options=_participants,
        hint=lazy_gettext("For keys of a participant and of its finance."),
    ),
    Input(
        "merchant",
        lazy_gettext("Merchant"),
        kind="select",
        options=_merchants,
        hint=lazy_gettext("For keys of a till or a front desk."),
    ),
    Input(
        "name",
        lazy_gettext("What it is for"),
        hint=lazy_gettext("Such as: till 3, or the hotel's own system."),
        attributes={"maxlength": 200},
    ),
)


@blueprint.get("/keys")
@readers
def keys() -> str:
    """`?participant=` narrows; `?revoked=yes` shows those that open nothing any more, too."""
    code = request.args.get("participant", "")
    participant = g.directory.participant(code) if code else None
    revoked = request.args.get("revoked") == "yes"
    found = keys_page(
        participant.id if participant else None,
        SHOWN,
        request.args.get("cursor"),
        revoked=None if revoked else False,
    )
    return render_template(
        "hub/keys.html",
        rows=found["data"],
        next_cursor=found["next_cursor"],
        participants=[("", gettext("all")), *_participants()[1:]],
        participant=code,
        revoked=revoked,
    )


@blueprint.get("/keys/new")
@operators
def new_key() -> str:
    values = {
        "scope": "merchant",
        **{name: request.args.get(name, "") for name in ("participant", "merchant")},
    }
    return render_template("hub/key_form.html", inputs_=INPUTS, values=values, errors={}, problem=None)


@blueprint.post("/keys/new")
@operators
def make_key() -> Response | str | tuple[str, int]:
    form = filled(INPUTS, ApiKeyInput())
    errors, problem = form.errors, None
    if not errors:
        try:
            with services().engine.begin() as connection:
                if done_before(connection):
                    return _shown_before()
                made = made_key(connection, form.body)
                record(connection, "api_key.made", f"key:{made['id']}", _kept(made), _owner(made))
            return render_template("hub/key_made.html", made=made, old=None)
        except Problem as error:
            errors, problem = problem_errors(error, INPUTS), told(error)
    return (
        render_template(
            "hub/key_form.html", inputs_=INPUTS, values=form.values, errors=errors, problem=problem
        ),
        422,
    )


@blueprint.get("/keys/<key_id>/rotate")
@operators
def ask_rotation(key_id: str) -> str:
    with services().engine.connect() as connection:
        return render_template("hub/key_rotate.html", one=shown_key(connection, key_id))


@blueprint.post("/keys/<key_id>/rotate")
@operators
def rotate_key(key_id: str) -> Response | str:
    """Make a new key with the same rights, and revoke the old one at once unless it is to go on for now."""
    at_once = request.form.get("old") != "later"
    with services().engine.begin() as connection:
        if done_before(connection):
            return _shown_before()
        made = rotated_key(connection, key_id)
        record(
            connection,
            "api_key.made",
            f"key:{made['id']}",
            _kept(made) | {"instead_of": key_id},
            _owner(made),
        )
        old = shown_key(connection, key_id)
        if at_once:
            old = revoked_key(connection, key_id)
            record(connection, "api_key.revoked", f"key:{key_id}", _kept(old), _owner(old))
    if at_once:
        services().keyring.forget(key_id)
    return render_template("hub/key_made.html", made=made, old=old)


@blueprint.post("/keys/<key_id>/revoke")
@operators
def revoke_key(key_id: str) -> Response:
    with services().engine.begin() as connection:
        was_open = shown_key(connection, key_id)["revoked_at"] is None
        revoked = revoked_key(connection, key_id)
        if was_open:
            record(connection, "api_key.revoked", f"key:{key_id}", _kept(revoked), _owner(revoked))
    services().keyring.forget(key_id)
    flash(gettext("The key %(id)s is revoked: it opens nothing any more.", id=key_id), "success")
    return redirect(url_for("hub.keys"), 303)


def _shown_before() -> Response:
    flash(
        gettext(
            "This key was made already, and its text is never shown again. If it is lost, make a new one."
        ),
        "warning",
    )
    return redirect(url_for("hub.keys"), 303)


def _kept(key: dict[str, Any]) -> dict[str, Any]:
    """What the audit log keeps of a key: never its text."""
    return {name: key[name] for name in ("scope", "participant", "merchant", "name")}


def _owner(key: dict[str, Any]) -> int | None:
    participant = g.directory.participant(key["participant"]) if key["participant"] else None
    return participant.id if participant else None
