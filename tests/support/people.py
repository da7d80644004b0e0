"""People who use the pages under test: one of each role, and a browser of their own that runs no scripts."""

import re
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Connection, func, update
from werkzeug.test import TestResponse

from clearing.alliance import read_merchant, read_participant
from clearing.core.commands import Scope
from support.alliance import Alliance
from users.accounts import User, add_user, read_user
from users.passwords import hashed
from users.tables import user_sessions, users

PASSWORD = "lantern-orbit-maple-92"
#: Hashing takes its time on purpose; the people of the tests all have one password.
_HASH = hashed(PASSWORD)

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Reader:
    """A browser without scripts."""

    def __init__(self, client: FlaskClient, language: str = "en") -> None:
        self.client = client
        self.language = language

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers=self._headers() | headers)

    def post(self, path: str, form: dict[str, Any] | None = None, *, page: str | None = None) -> TestResponse:
        """Send a form as it stands on `page` (the path itself unless told)."""
        token = self.token(page or path)
        return self.client.post(path, data={"csrf_token": token, **(form or {})}, headers=self._headers())

    def token(self, page: str) -> str:
        found = _TOKEN.search(self.get(page).text)
        assert found is not None, f"no form on {page}"
        return unescape(found[1])

    def log_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/login", {"name": name, "password": password})

    def _headers(self) -> dict[str, str]:
        return {"Accept": "text/html", "Accept-Language": self.language}


def make_user(
    connection: Connection, name: str, scope: Scope, place: str | None = None, full_name: str = "Some Body"
) -> User:
    """A user whose password is `PASSWORD`. `place`: the merchant's or the participant's code."""
    merchant = read_merchant(connection, place) if scope is Scope.MERCHANT and place else None
    participant = read_participant(connection, place) if place and merchant is None else None
    participant_id = merchant.participant_id if merchant else participant.id if participant else None
    made = add_user(
        connection,
        name,
        full_name,
        scope,
        _HASH,
        made_by="tests",
        participant_id=participant_id,
        merchant_id=merchant.id if merchant else None,
        temporary=False,
    )
    assert made is not None, f"{name} is there already"
    return made


#: Name, scope, place.
PEOPLE = (
    ("desk", Scope.MERCHANT, "JADE-1"),
    ("admin", Scope.PARTICIPANT, "JADE"),
    ("finance", Scope.FINANCE, "JADE"),
    ("operator", Scope.OPERATOR, None),
    ("auditor", Scope.AUDITOR, None),
)


def ensure_people(alliance: Alliance) -> None:
    """One user of each role in this alliance."""
    with alliance.services.engine.begin() as connection:
        for name, scope, place in PEOPLE:
            if read_user(connection, name) is None:
                make_user(connection, name, scope, place)


def _give_second_factor(alliance: Alliance, name: str) -> None:
    """As if the user had enrolled long ago and given the code now: a code opens only once in 30 seconds."""
    with alliance.services.engine.begin() as connection:
        user = read_user(connection, name)
        assert user is not None
        now = func.clock_timestamp()
        cipher = func.coalesce(users.c.totp_cipher, b"\0")
        enrolled = {"totp_cipher": cipher, "totp_confirmed_at": now}
        connection.execute(update(users).where(users.c.id == user.id).values(**enrolled))
        mine = user_sessions.c.user_id == user.id
        connection.execute(update(user_sessions).where(mine).values(second_factor_at=now))


def reader(alliance: Alliance, name: str | None = None, language: str = "en") -> Reader:
    """A browser, in which somebody has logged in if a name is given."""
    found = Reader(alliance.app.test_client(), language)
    if name is not None:
        ensure_people(alliance)
        response = found.log_in(name)
        assert response.status_code == 303, response.text
        if name == "operator":
            _give_second_factor(alliance, name)
    return found


def second_reader(alliance: Alliance, name: str) -> Reader:
    """A browser in which an operator who was made by the test has logged in, with both factors."""
    found = Reader(alliance.app.test_client())
    assert found.log_in(name).status_code == 303
    _give_second_factor(alliance, name)
    return found
