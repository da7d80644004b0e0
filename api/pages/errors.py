"""Faults as pages, in words: what happened, and what to do."""

import structlog
from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext
from psycopg2 import errors as pg_errors
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.wrappers import Response as BaseResponse

from api import problems
from api.pages.frame import POLICY
from api.pages.guard import FormExpired, form_cut
from api.pages.recording import DoneBefore
from api.pages.sentences import explained
from api.pages.words import title_of
from api.problems import MEANINGS, HttpCode, Problem

log = structlog.get_logger(__name__)


def register(blueprint: Blueprint) -> None:
    """Let the faults of a room's views be told as pages."""
    blueprint.register_error_handler(Problem, lambda error: error_page(error.code, error.detail))
    blueprint.register_error_handler(HTTPException, http_error)
    blueprint.register_error_handler(FormExpired, _form_expired)
    blueprint.register_error_handler(DoneBefore, _done_before)
    blueprint.register_error_handler(PoolTimeoutError, _database)
    blueprint.register_error_handler(DBAPIError, _database)
    blueprint.register_error_handler(Exception, _internal)
    blueprint.after_request(_finish)


def wants_page() -> bool:
    """Whether a fault outside of all views is one of a reader: an address that is none, in a browser."""
    if request.path.startswith("/v1/"):
        return False
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def http_error(error: HTTPException) -> Response:
    detail = form_cut().detail if isinstance(error, ClientDisconnected) else ""
    return error_page(problems.code_of_status(error.code or 500), detail)


def error_page(code: str, detail: str) -> Response:
    status = MEANINGS[code].status
    text = render_template(
        "pages/error.html",
        status=status,
        title=title_of(code),
        why=explained(code, detail),
        request_id=g.get("request_id", ""),
    )
    return _finish(Response(text, status, content_type="text/html; charset=utf-8"))


def _form_expired(error: FormExpired) -> Response:
    text = render_template(
        "pages/error.html",
        status=400,
        title=gettext("This form has expired"),
        why=gettext("Nothing was done. Go back, reload the page and send it again, or log in again."),
        request_id=g.get("request_id", ""),
    )
    return _finish(Response(text, 400, content_type="text/html; charset=utf-8"))


def _done_before(error: DoneBefore) -> BaseResponse:
    flash(gettext("This form was carried out before. Nothing was done twice."), "info")
    return redirect(url_for("home.begin"), 303)


def _database(error: Exception) -> Response:
    if isinstance(getattr(error, "orig", None), pg_errors.LockNotAvailable):
        return error_page(HttpCode.IN_FLIGHT, "")
    if isinstance(error, OperationalError | PoolTimeoutError):
        log.error("database_unavailable", request_id=g.get("request_id"), error=str(error))
        return error_page(HttpCode.UNAVAILABLE, "")
    return _internal(error)


def _internal(error: Exception) -> Response:
    log.error("page_failed", request_id=g.get("request_id"), path=request.path, exc_info=error)
    return error_page(HttpCode.INTERNAL, "")


def _finish(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    return response
