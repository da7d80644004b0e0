"""The Flask application: what every request meets before and after its route."""

import json
import logging
import re
import secrets
from collections.abc import Callable
from typing import Any

import structlog
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask, Response, abort, g, render_template, request
from flask_smorest import Api as SmorestApi
from psycopg2 import errors as pg_errors
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from api import bodies, health, pages, problems, v1
from api.auth import public
from api.fields import Whole
from api.pages import errors as page_errors
from api.problems import HttpCode
from api.schemas.common import ProblemSchema
from api.services import Services

log = structlog.get_logger(__name__)

VERSION = "1"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

DESCRIPTION = """\
Tongdui (通兑) is the clearing house of an alliance: cards, points and stored value of any participant are
honoured by all, and each participant has one net payment a month.

Money is integer fen, points are integers, rates are decimal strings, times carry their offset. Send your key
as `Authorization: Bearer tdk_live_…`. Every POST that moves value needs an `Idempotency-Key`, and every other
that makes something honours one: repeated with the same body it gives the first answer again, without the
secrets that are shown once. Errors are problem details with a `code`: see /docs/errors.
"""

#: The documentation pages bring inline styles; everything else is JSON and needs nothing.
DOCS_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
)
#: Headers of an answer that has none of its own; pages have.
UNLESS_GIVEN = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class Application(Flask):
    """Flask, without asking of each function whether it is a coroutine: none is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


class Api(SmorestApi):
    """flask-smorest's, with problem details for errors."""

    ERROR_SCHEMA = ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> Response:
        return page_errors.http_error(error) if page_errors.wants_page() else problems.http_problem(error)


def create_app(services: Services) -> Flask:
    """The application on these services; plain WSGI, for any server."""
    app = Application(__name__)
    app.config.update(
        API_TITLE="Tongdui",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=None,
        API_SPEC_OPTIONS={
            "info": {"description": DESCRIPTION},
            "security": [{"key": []}],
        },
    )
    app.extensions["tongdui"] = services
    # A doubled slash is a mistake in a path, not another way to write it.
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    api = Api(app, spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=_schema_name)})
    api.register_field(Whole, "integer", "int64")
    api.spec.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    v1.register(api)
    app.register_blueprint(health.blueprint)
    pages.register(app, services)
    problems.register(app)
    _register_faults(app)
    _register_requests(app)
    _register_docs(app, api.spec)
    return app


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Errors are problem details; flask-smorest documents them as plain JSON."""
    for response in document["components"].get("responses", {}).values():
        content = response.get("content", {})
        if "application/json" in content:
            content[problems.CONTENT_TYPE] = content.pop("application/json")
    return document


def _schema_name(schema: Any) -> str:
    name = schema if isinstance(schema, str) else getattr(schema, "__name__", type(schema).__name__)
    return name.removesuffix("Schema")


def _register_requests(app: Flask) -> None:
    log_requests = logging.getLogger().isEnabledFor(logging.DEBUG)

    @app.before_request
    def _identify() -> None:
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
        if "\0" in request.path:
            abort(404)  # no id holds one, and the database takes none
        bodies.prepare()

    @app.after_request
    def _finish(response: Response) -> Response:
        headers = response.headers
        headers.add("X-Request-ID", g.get("request_id", ""))
        headers.add("X-Content-Type-Options", "nosniff")
        # Not `setdefault`, which raises and catches an exception for each that is not there.
        given = {name.lower() for name, _ in headers}
        for name, value in UNLESS_GIVEN.items():
            if name.lower() not in given:
                headers.add(name, value)
        if log_requests:
            log.debug("request", method=request.method, path=request.path, status=response.status_code)
        return response


def _register_faults(app: Flask) -> None:
    @app.errorhandler(PoolTimeoutError)
    @app.errorhandler(OperationalError)
    @app.errorhandler(DBAPIError)
    def _database(error: Exception) -> Response:
        cause = getattr(error, "orig", None)
        if isinstance(cause, pg_errors.LockNotAvailable):
            return problems.problem_response(
                HttpCode.IN_FLIGHT, "Another request holds what this one needs. Send it again with its key."
            )
        if isinstance(error, OperationalError | PoolTimeoutError):
            log.error("database_unavailable", request_id=g.get("request_id"), error=str(error))
            return problems.problem_response(
                HttpCode.UNAVAILABLE, "The database cannot be reached now. Send it again with the same key."
            )
        return _internal(error)

    @app.errorhandler(Exception)
    def _internal(error: Exception) -> Response:
        log.error("request_failed", request_id=g.get("request_id"), path=request.path, exc_info=error)
        return problems.problem_response(
            HttpCode.INTERNAL, "The request was not carried out, or its outcome is not known."
        )


def _register_docs(app: Flask, spec: APISpec) -> None:
    text = json.dumps(_with_problems(spec.to_dict()), ensure_ascii=False)

    @app.get("/openapi.json")
    @public
    def openapi() -> Response:
        return Response(text, content_type="application/json")

    @app.get("/docs")
    @public
    def docs() -> Response:
        page = Response(render_template("docs.html"), content_type="text/html; charset=utf-8")
        page.headers["Content-Security-Policy"] = DOCS_POLICY
        return page

    @app.get("/docs/errors")
    @public
    def errors() -> Response:
        page = Response(
            render_template("errors.html", meanings=problems.MEANINGS),
            content_type="text/html; charset=utf-8",
        )
        page.headers["Content-Security-Policy"] = DOCS_POLICY
        return page

    app.view_functions["static"] = public(app.view_functions["static"])
