"""Who may see which page. Every view of a page carries `page` or `open_page`; a test fails for one without.

A visitor is known by the cookie only. What he may do is the scope of an API key, and `g.caller` is the
caller that the API's functions take.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Response, g, redirect, request, session, url_for
from flask_wtf.csrf import validate_csrf
from werkzeug.wrappers import Response as BaseResponse
from wtforms import ValidationError

from api.auth import EVERYONE
from api.bodies import is_chunked
from api.problems import HttpCode, Problem
from api.services import services
from clearing.core.commands import Scope
from clearing.core.outcomes import Code
from users import sessions
from users.sessions import Session

View = TypeVar("View", bound=Callable[..., Any])

#: Where the cookie keeps the token of the session.
TOKEN = "token"  # noqa: S105  a name, not a secret
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


ANY_STEP = "any"


class FormExpired(Exception):
    """The form's token is not that of this session."""


def page(*scopes: Scope, step: str | None = None) -> Callable[[View], View]:
    """Let only people of these scopes in, who are logged in all the way; right below the route.

    `step`: the endpoint of the step of a log-in to which the view belongs; it is also for those who still
    have to take this one. `ANY_STEP` is for those who have to take any.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            visit = open_visit()
            if visit is None:
                return to_login()
            missing = next_step(visit)
            if missing is not None and step not in (missing, ANY_STEP):
                return elsewhere(url_for(missing, next=_wanted()))
            if visit.user.scope not in scopes:
                raise Problem(Code.FORBIDDEN, "This page is not for your role.")
            check_form()
            return view(*args, **kwargs)

        return cast(View, mark(guarded, scopes))

    return decorate


def open_page(view: View) -> View:
    """A page that strangers may see: the log-in. Its forms are checked all the same."""

    @wraps(view)
    def opened(*args: Any, **kwargs: Any) -> Any:
        open_visit()
        check_form()
        return view(*args, **kwargs)

    return cast(View, mark(opened, EVERYONE))


def mark(view: Callable[..., Any], scopes: tuple[Scope, ...]) -> Callable[..., Any]:
    view.guarded_for = scopes  # type: ignore[attr-defined]  # read by the tests of all routes
    view.is_page = True  # type: ignore[attr-defined]
    return view


def open_visit() -> Session | None:
    """The session of this request, None for a stranger; with it `g.caller`, `g.visit` and `g.directory`."""
    g.visit = None
    with services().engine.begin() as connection:
        g.directory = services().directory(connection)
        token = session.get(TOKEN)
        if token is None:
            return None
        visit = sessions.read_session(connection, token)
        if visit is not None and visit.stale:
            sessions.touch(connection, visit.id)
    if visit is None:
        session.pop(TOKEN, None)
        return None
    g.visit, g.caller = visit, visit.user.caller
    return visit


def current_visit() -> Session:
    """The session of this request, on a page with a guard."""
    visit: Session = g.visit
    return visit


def next_step(visit: Session) -> str | None:
    """The endpoint of what is still missing of a log-in; None if nothing is."""
    if visit.user.has_totp and not visit.second_factor:
        return "login.code"
    if visit.user.must_change_password:
        return "account.new_password"
    if visit.user.needs_totp and not visit.user.has_totp:
        return "account.second_factor"
    return None


def check_form() -> None:
    """Raises FormExpired if what changes something does not come from a form of this session."""
    if request.method in SAFE:
        return
    # No browser sends a form so. Anybody may send one to the log-in, and could fill the memory with it.
    if "Content-Encoding" in request.headers:
        raise form_cut(HttpCode.UNSUPPORTED_MEDIA_TYPE)
    if is_chunked():
        raise form_cut()
    if request.headers.get("Sec-Fetch-Site", "same-origin") == "cross-site":
        raise FormExpired
    try:
        validate_csrf(request.form.get("csrf_token") or request.headers.get("X-CSRFToken"))
    except ValidationError as error:
        raise FormExpired from error


def form_cut(code: str = Code.MALFORMED) -> Problem:
    """Of a form that did not arrive as a whole, or not as browsers send it."""
    return Problem(
        code, "The form did not arrive as a whole, so nothing was done. Go back and send it again."
    )


def to_login() -> BaseResponse:
    """To the log-in, and afterwards back to the page that was asked for."""
    return elsewhere(url_for("login.show", next=_wanted()))


def _wanted() -> str | None:
    """The page that was asked for; None for the first one, and for what a form asks."""
    wanted = request.full_path.rstrip("?")
    return wanted if request.method == "GET" and wanted != "/" else None


def elsewhere(target: str) -> BaseResponse:
    """Another page instead of this one; also where only a part of a page was asked for."""
    if request.headers.get("HX-Request") == "true":
        return Response(status=200, headers={"HX-Redirect": target})
    return redirect(target, 303)


def own_path(target: str | None) -> str | None:
    """The target if it is a path on this host; None for one that leads away."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    if any(ord(letter) < 32 for letter in target):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target
