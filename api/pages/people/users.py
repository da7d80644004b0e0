"""Users: the list, one of them, a new one. What can be done is what the API does."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from api.auth import current_caller
from api.pages.forms import field_errors, read_form
from api.pages.guard import page
from api.pages.recording import DoneBefore, by_form, unless_done
from api.pages.sentences import told
from api.pages.typed import wanted
from api.pages.words import word
from api.places import HUB_SCOPES
from api.problems import HttpCode, Problem
from api.schemas.users import UserInput
from api.v1 import users as api
from clearing.core.commands import Scope

blueprint = Blueprint("people", __name__, url_prefix="/users", template_folder="templates")

SHOWN = 50


@blueprint.get("/")
@page(*api.READERS)
def users() -> str:
    """By name; `?q=` looks for a part of either name."""
    found = api.users_page(
        cursor=request.args.get("cursor"), limit=SHOWN, containing=wanted(request.args.get("q")) or None
    )
    return render_template("people/users.html", found=found, may_change=_may_change())


@blueprint.get("/new")
@page(*api.MANAGERS)
def new() -> str:
    return _form({}, {})


@blueprint.post("/new")
@page(*api.MANAGERS)
def make() -> str | Response | tuple[str, int]:
    """Shows the temporary password, once."""
    form = read_form(UserInput)
    if form.errors:
        return _form(form.typed, form.errors), 422
    try:
        made = api.make_user(form.body, unless_done, by_form())
    except DoneBefore:
        return _made_before(form.body["name"])
    except Problem as problem:
        errors = field_errors(problem)
        return _form(form.typed, errors, None if errors else told(problem)), 422
    return _password(made)


@blueprint.get("/<name>")
@page(*api.READERS)
def user(name: str) -> str:
    return _shown(api.user_json(name))


@blueprint.post("/<name>/<act>")
@page(*api.MANAGERS)
def do(name: str, act: str) -> str | Response | tuple[str, int]:
    """One of the acts that the page offers."""
    try:
        match act:
            case "password":
                return _password(api.reset_password(name, unless_done, by_form()))
            case "second-factor":
                api.remove_second_factor(name)
                done = gettext("The second factor was taken away; all sessions have ended.")
            case "sessions":
                ended = api.end_sessions(name)["ended"]
                done = ngettext("One session has ended.", "%(num)d sessions have ended.", ended)
            case "disable":
                api.change_user(name, {"disabled": True})
                done = gettext("Disabled: this name opens nothing any more.")
            case "enable":
                api.change_user(name, {"disabled": False})
                done = gettext("Enabled: this person may log in again.")
            case _:
                raise Problem(HttpCode.NOT_FOUND, "A user has no such act.")
    except DoneBefore:
        return _made_before(name)
    except Problem as problem:
        if problem.code == HttpCode.NOT_FOUND:
            raise
        return _shown(api.user_json(name), told(problem)), 422
    flash(done, "success")
    return redirect(url_for("people.user", name=name), 303)


def _form(typed: dict[str, str], errors: dict[str, str], wrong: str | None = None) -> str:
    """With the roles and places that the visitor may give."""
    own = current_caller().participant_id
    scopes = [scope for scope in Scope if own is None or scope not in HUB_SCOPES]
    participants = sorted(g.directory.participants.values(), key=lambda one: one.code)
    merchants = sorted(g.directory.merchants.values(), key=lambda one: one.code)
    blank = [("", "–")]
    return render_template(
        "people/new.html",
        values=typed,
        errors=errors,
        wrong=wrong,
        scopes=blank + [(scope.value, word(scope, "scope")) for scope in scopes],
        participants=blank + [(one.code, one.name) for one in participants if own in (None, one.id)],
        merchants=blank + [(one.code, one.name) for one in merchants if own in (None, one.participant_id)],
        within="people.users",
    )


def _shown(shown: dict[str, Any], wrong: str | None = None) -> str:
    return render_template(
        "people/user.html", user=shown, wrong=wrong, may_change=_may_change(), within="people.users"
    )


def _password(made: dict[str, Any]) -> str:
    return render_template("people/password.html", user=made, within="people.users")


def _made_before(name: str) -> Response:
    flash(
        gettext(
            "This was done already, and the password is never shown again. If it is lost, make a new one."
        ),
        "warning",
    )
    return redirect(url_for("people.user", name=name), 303)


def _may_change() -> bool:
    return current_caller().scope in api.MANAGERS
