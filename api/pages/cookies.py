"""The cookie of the pages: signed, for this host alone, and only sent over TLS where there is any.

It holds the token of the session in the database, the secret of forms, and messages for the next page.
"""

from flask import Flask, Request, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from sqlalchemy.exc import DBAPIError, OperationalError

from api.services import Services
from users.sessions import read_page_secret

#: No page lies under these; a request there need not open a cookie.
NOT_PAGES = ("/v1/", "/static/", "/livez", "/readyz", "/openapi.json", "/docs")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


class PageCookies(SecureCookieSessionInterface):
    """Flask's signed cookies, with the secret that all servers of a database share."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(NOT_PAGES):
            return None
        if app.secret_key is None:
            try:
                with self._services.engine.connect() as connection:
                    app.secret_key = read_page_secret(connection)
            except (OperationalError, DBAPIError):
                return None  # the view will find the database away, too, and say so
        return super().open_session(app, request)

    def get_cookie_name(self, app: Flask) -> str:
        # Browsers take the prefix as a promise: this host only, no other path, TLS.
        return "__Host-tongdui" if is_secure() else "tongdui"

    def get_cookie_path(self, app: Flask) -> str:
        return "/"

    def get_cookie_secure(self, app: Flask) -> bool:
        return is_secure()

    def get_cookie_httponly(self, app: Flask) -> bool:
        return True

    def get_cookie_samesite(self, app: Flask) -> str:
        return "Lax"


def is_secure() -> bool:
    """Whether cookies must not travel without TLS: everywhere but on this very machine.

    A proxy that says it speaks TLS is believed, as that only makes it stricter.
    """
    name = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    return (
        request.is_secure
        or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
        or name not in LOOPBACK
    )
