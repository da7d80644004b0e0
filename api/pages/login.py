"""Logging in and out."""

from math import ceil

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from api.auth import EVERYONE
from api.pages.account import go_on, visitor
from api.pages.guard import ANY_STEP, current_visit, open_page, own_path, page
from api.pages.typed import latin
from api.services import services
from users.audit import audit
from users.changes import NotChanged, give_code
from users.login import LoggedIn, Wait, log_in
from users.sessions import end_session

blueprint = Blueprint("login", __name__, template_folder="templates")

NAME_CHARACTERS_MAX = 64
CODE = "login.code"


@blueprint.get("/login")
@open_page
def show() -> Response | str:
    if g.visit is not None:
        return redirect(url_for("home.begin"), 303)
    return render_template("pages/login.html", name="", wrong=None)


@blueprint.post("/login")
@open_page
def enter() -> Response | tuple[str, int]:
    """A new session under a new token: whatever the browser held before is gone."""
    name = latin(request.form.get("name"))[:NAME_CHARACTERS_MAX]
    outcome = log_in(
        services().engine,
        name,
        request.form.get("password", ""),
        request.remote_addr,
        request.user_agent.string,
    )
    if isinstance(outcome, LoggedIn):
        go_on(outcome.token)
        return redirect(own_path(request.args.get("next")) or url_for("home.begin"), 303)
    if isinstance(outcome, Wait):
        minutes = max(1, ceil(outcome.time.total_seconds() / 60))
        wrong = ngettext(
            "Too many attempts. Try again in a minute.",
            "Too many attempts. Try again in %(num)d minutes.",
            minutes,
        )
        return render_template("pages/login.html", name=name, wrong=wrong), 429
    wrong = gettext("The name or the password is not right.")
    return render_template("pages/login.html", name=name, wrong=wrong), 401


@blueprint.get("/login/code")
@page(*EVERYONE, step=CODE)
def code() -> Response | str:
    if current_visit().second_factor or not current_visit().user.has_totp:
        return redirect(url_for("home.begin"), 303)
    return render_template("pages/code.html", errors={})


@blueprint.post("/login/code")
@page(*EVERYONE, step=CODE)
def give() -> Response | tuple[str, int]:
    """The second factor; the session goes on under a new token."""
    given = latin(request.form.get("code"))
    outcome = give_code(services().engine, services().personal_data, visitor(), given)
    if isinstance(outcome, NotChanged):
        return render_template("pages/code.html", errors={outcome.field: gettext(outcome.detail)}), 422
    go_on(outcome)
    return redirect(own_path(request.args.get("next")) or url_for("home.begin"), 303)


@blueprint.post("/logout")
@page(*EVERYONE, step=ANY_STEP)
def leave() -> Response:
    visit = current_visit()
    with services().engine.begin() as connection:
        end_session(connection, visit.user.id, visit.id)
        audit(
            connection,
            visit.user.key,
            "logout",
            visit.user.key,
            participant_id=visit.user.participant_id,
            address=request.remote_addr,
        )
    session.clear()
    flash(gettext("You are logged out."), "success")
    return redirect(url_for("login.show"), 303)
