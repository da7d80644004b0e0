"""The way in: where each role begins, and the reader's choice of language and theme."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from api.auth import EVERYONE
from api.pages.frame import THEME_COOKIE, THEMES
from api.pages.guard import current_visit, open_page, own_path, page
from api.pages.language import COOKIE, LANGUAGES, cookie_options
from clearing.core.commands import Scope

blueprint = Blueprint("home", __name__, template_folder="templates")

#: Where a person of each scope begins.
HOMES = {
    Scope.MERCHANT: "desk.card",
    Scope.FINANCE: "finance.statements",
    Scope.PARTICIPANT: "finance.statements",
    Scope.OPERATOR: "hub.overview",
    Scope.AUDITOR: "hub.overview",
}


@blueprint.get("/")
@page(*EVERYONE)
def begin() -> Response:
    return redirect(url_for(HOMES[current_visit().user.scope]), 303)


@blueprint.post("/preferences")
@open_page
def prefer() -> Response:
    """Keep the reader's language or theme in this browser, and go back to the page."""
    response = redirect(own_path(request.form.get("next")) or url_for("home.begin"), 303)
    if (language := request.form.get("language")) in LANGUAGES:
        response.set_cookie(COOKIE, language, **cookie_options())  # type: ignore[arg-type]
    if (theme := request.form.get("theme")) in THEMES:
        response.set_cookie(THEME_COOKIE, theme, **cookie_options())  # type: ignore[arg-type]
    return response
