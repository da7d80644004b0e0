"""One's own account: password, second factor, and where one is logged in."""

import segno
from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response

from api.auth import EVERYONE
from api.pages.forms import said_in_form
from api.pages.guard import TOKEN, current_visit, page
from api.pages.typed import latin
from api.problems import HttpCode, Problem
from api.services import services
from clearing.ids import decode
from users import totp
from users.changes import (
    NotChanged,
    Visitor,
    change_own_password,
    end_own_session,
    give_code,
    remove_own_second_factor,
)
from users.sessions import list_sessions

#: In place of the id of a session: all but this one.
OTHERS = "others"

blueprint = Blueprint("account", __name__, url_prefix="/account", template_folder="templates")

PASSWORD, SECOND_FACTOR = "account.new_password", "account.second_factor"


@blueprint.get("/")
@page(*EVERYONE)
def show() -> str:
    visit = current_visit()
    with services().engine.connect() as connection:
        sessions = list_sessions(connection, visit.user.id)
    return render_template("pages/account.html", sessions=sessions, errors={})


@blueprint.get("/password")
@page(*EVERYONE, step=PASSWORD)
def new_password() -> str:
    return render_template("pages/password.html", errors={})


@blueprint.post("/password")
@page(*EVERYONE, step=PASSWORD)
def change_password() -> Response | tuple[str, int]:
    """All other sessions end, and this one goes on under a new token."""
    new = request.form.get("new", "")
    if new != request.form.get("again", ""):
        return _password_again(NotChanged("again", gettext("The two are not the same.")))
    outcome = change_own_password(services().engine, visitor(), request.form.get("old", ""), new)
    if isinstance(outcome, NotChanged):
        return _password_again(outcome)
    go_on(outcome)
    flash(gettext("Your password was changed. All your other sessions have ended."), "success")
    return redirect(url_for("home.begin"), 303)


@blueprint.get("/second-factor")
@page(*EVERYONE, step=SECOND_FACTOR)
def second_factor() -> str | Response:
    """A QR code for an authenticator app, and a field for its first code."""
    if current_visit().user.has_totp:
        return redirect(url_for("account.show"), 303)
    return _enrolment({})


@blueprint.post("/second-factor")
@page(*EVERYONE, step=SECOND_FACTOR)
def enrol() -> Response | tuple[str, int]:
    if current_visit().user.has_totp:
        return redirect(url_for("account.show"), 303)
    code = latin(request.form.get("code"))
    outcome = give_code(services().engine, services().personal_data, visitor(), code)
    if isinstance(outcome, NotChanged):
        return _enrolment({outcome.field: gettext(outcome.detail)}), 422
    go_on(outcome)
    flash(gettext("From now on you log in with your password and a code."), "success")
    return redirect(url_for("home.begin"), 303)


@blueprint.post("/second-factor/removal")
@page(*EVERYONE)
def remove() -> Response | tuple[str, int]:
    """With the password once more. Who needs a second factor has to enrol another one at once."""
    outcome = remove_own_second_factor(services().engine, visitor(), request.form.get("old", ""))
    if outcome is not None:
        with services().engine.connect() as connection:
            sessions = list_sessions(connection, current_visit().user.id)
        errors = {"old": gettext(outcome.detail)}
        return render_template("pages/account.html", sessions=sessions, errors=errors), 422
    flash(gettext("No code is asked for any more."), "success")
    return redirect(url_for("account.show"), 303)


@blueprint.post("/sessions")
@page(*EVERYONE)
def end() -> Response:
    """End one of the own sessions by its id, or all others, if the form says so. Raises Problem."""
    named = said_in_form("session")
    (session_id,) = decode("ses", named) or (None,)
    if session_id is None and named != OTHERS:
        raise Problem(HttpCode.NOT_FOUND, "There is no such session.")
    end_own_session(services().engine, visitor(), session_id)
    flash(gettext("Done. Whoever was logged in there is not any more."), "success")
    return redirect(url_for("account.show"), 303)


def visitor() -> Visitor:
    return Visitor(current_visit(), request.remote_addr, request.user_agent.string)


def go_on(token: str) -> None:
    """The session goes on under a new token, and its forms with it."""
    session.clear()
    session[TOKEN] = token


def qr_code(text: str) -> Markup:
    """A QR code as SVG within the page; dark on light in both themes, or cameras would not read it."""
    drawn = segno.make_qr(text, error="m").svg_inline(
        scale=5, border=4, dark="#000", light="#fff", title=gettext("QR code for an authenticator app")
    )
    return Markup(drawn)  # noqa: S704  made by segno of digits and letters


def _password_again(outcome: NotChanged) -> tuple[str, int]:
    return render_template("pages/password.html", errors={outcome.field: gettext(outcome.detail)}), 422


def _enrolment(errors: dict[str, str]) -> str:
    user = current_visit().user
    with services().engine.begin() as connection:
        secret = totp.begin_enrolment(connection, services().personal_data, user.id)
    return render_template(
        "pages/second_factor.html",
        errors=errors,
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        qr=qr_code(totp.uri(secret, user.name)),
    )
