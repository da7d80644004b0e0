"""Behind a proxy that speaks TLS: whose address counts, and how cookies and redirects travel."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask, request
from werkzeug.test import TestResponse

from api import worker
from support.alliance import PERSONAL_DATA_KEYS, SEALING_KEYS, Alliance
from support.people import PASSWORD, Reader, ensure_people
from users.audit import Act, ActFilter, list_acts

HOST = "clearing.example"
Serve = Callable[[int], Alliance]


@pytest.fixture
def serve(
    alliance: Alliance, alliance_url: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Serve]:
    """What a server's process loads, with so many proxies trusted, on the database of the alliance."""
    made: list[Flask] = []
    for name in ("end_with", "configure_logging", "settle_collector"):
        monkeypatch.setattr(worker, name, _Nothing())
    ensure_people(alliance)

    def start(proxies: int) -> Alliance:
        for name, value in {
            "DATABASE_URL": alliance_url,
            "TONGDUI_DATA": str(tmp_path),
            "TONGDUI_PERSONAL_DATA_KEYS": PERSONAL_DATA_KEYS,
            "TONGDUI_SEALING_KEYS": SEALING_KEYS,
            "TONGDUI_PROXIES": str(proxies),
        }.items():
            monkeypatch.setenv(name, value)
        made.append(worker.make_app())
        return Alliance(made[-1], made[-1].extensions["tongdui"])

    yield start
    for app in made:
        app.extensions["tongdui"].close()


class _Nothing:
    """In the place of what would change the process of the tests."""

    def __call__(self, *_: object) -> None: ...

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class Behind(Reader):
    """A browser behind the proxy, which says of it what proxies say."""

    def __init__(self, alliance: Alliance, address: str, *, host: str = HOST) -> None:
        super().__init__(alliance.app.test_client())
        self.headers = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https", "X-Forwarded-Host": host}

    def _headers(self) -> dict[str, str]:
        return super()._headers() | self.headers

    def log_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        # The test's client keeps cookies by the address that it calls, which is the proxy's own.
        page = self.client.get("/login", headers=self._headers())
        cookies = page.headers.getlist("Set-Cookie")
        return self._send({"name": name, "password": password}, page.text, cookies)

    def _send(self, form: dict[str, str], page: str, cookies: list[str]) -> TestResponse:
        token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
        cookie = "; ".join(one.partition(";")[0] for one in cookies)
        headers = self._headers() | {"Cookie": cookie}
        return self.client.post("/login", data={"csrf_token": token} | form, headers=headers)


def acts(alliance: Alliance, what: str) -> list[Act]:
    with alliance.services.engine.connect() as connection:
        return list_acts(connection, ActFilter(what=what), None, 50)


def test_behind_a_trusted_proxy_the_cookie_is_secure_and_redirects_stay_on_tls(serve: Serve) -> None:
    sent = Behind(serve(1), "203.0.113.7").log_in("finance")
    assert sent.status_code == 303, sent.text
    cookie = sent.headers["Set-Cookie"]
    assert cookie.startswith("__Host-tongdui=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "://" not in sent.location or sent.location.startswith(f"https://{HOST}/")


def test_behind_a_trusted_proxy_a_request_is_one_of_the_clients(serve: Serve) -> None:
    alliance = serve(1)
    seen: list[tuple[str, str | None, str]] = []
    alliance.app.before_request(lambda: seen.append((request.scheme, request.remote_addr, request.host)))
    # What the client itself says of who it is stands further left, and nobody's word is taken for it.
    Behind(alliance, "198.51.100.1, 203.0.113.7").get("/login")
    assert seen == [("https", "203.0.113.7", HOST)]


def test_the_audit_log_and_the_lock_out_see_the_clients_address(serve: Serve) -> None:
    alliance = serve(1)
    guesser, other = Behind(alliance, "203.0.113.7"), Behind(alliance, "203.0.113.8")
    for _ in range(5):
        assert guesser.log_in("desk", "wrong").status_code == 401
    assert guesser.log_in("desk").status_code == 429
    assert other.log_in("desk").status_code == 303, "a colleague is not locked out from elsewhere"
    assert {act.address for act in acts(alliance, "login.failed")} == {"203.0.113.7"}
    assert [act.address for act in acts(alliance, "login.succeeded")] == ["203.0.113.8"]


def test_without_a_trusted_proxy_nobody_is_believed_about_who_asks(serve: Serve) -> None:
    alliance = serve(0)
    seen: list[tuple[str, str | None, str]] = []
    alliance.app.before_request(lambda: seen.append((request.scheme, request.remote_addr, request.host)))
    Behind(alliance, "203.0.113.7").get("/login")
    assert seen == [("http", "127.0.0.1", "localhost")]
    for number in range(5):
        assert Behind(alliance, f"203.0.113.{number}").log_in("desk", "wrong").status_code == 401
    # Another address in the header is no way around the lock-out.
    assert Behind(alliance, "203.0.113.99").log_in("desk").status_code == 429
    assert {act.address for act in acts(alliance, "login.failed")} == {"127.0.0.1"}
