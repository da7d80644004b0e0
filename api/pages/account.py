"""One's own account: the password."""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from api.auth import EVERYONE
from api.pages.guard import TOKEN, current_visit, page
from api.services import services
from users.changes import NotChanged, change_own_password

blueprint = Blueprint("account", __name__, url_prefix="/account", template_folder="templates")


@blueprint.get("/")
@page(*EVERYONE)
def show() -> str:
    return render_template("pages/account.html")


@blueprint.get("/password")
@page(*EVERYONE, unfinished=True)
def new_password() -> str:
    return render_template("pages/password.html", errors={})


@blueprint.post("/password")
@page(*EVERYONE, unfinished=True)
def change_password() -> Response | tuple[str, int]:
    """All other sessions end, and this one goes on under a new token."""
    user = current_visit().user
    new = request.form.get("new", "")
    if new != request.form.get("again", ""):
        errors = {"again": gettext("The two are not the same.")}
        return render_template("pages/password.html", errors=errors), 422
    outcome = change_own_password(
        services().engine,
        user,
        request.form.get("old", ""),
        new,
        current_visit(),
        request.remote_addr,
        request.user_agent.string,
    )
    if isinstance(outcome, NotChanged):
        errors = {outcome.field: gettext(outcome.detail)}
        return render_template("pages/password.html", errors=errors), 422
    session.clear()
    session[TOKEN] = outcome
    flash(gettext("Your password was changed. All your other sessions have ended."), "success")
    return redirect(url_for("home.begin"), 303)
