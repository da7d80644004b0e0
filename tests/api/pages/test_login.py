"""Logging in and out, as a browser meets it."""

from collections.abc import Iterator

import pytest

from support.alliance import Alliance
from support.people import PASSWORD, PEOPLE, ensure_people, reader
from users.audit import ActFilter, list_acts


@pytest.fixture(autouse=True)
def people(shared: Alliance) -> Iterator[None]:
    ensure_people(shared)
    yield


@pytest.mark.parametrize("name", [name for name, _, _ in PEOPLE])
def test_everybody_begins_on_a_page_of_their_own_role(shared: Alliance, name: str) -> None:
    browser = reader(shared, name)
    first = browser.get("/")
    assert first.status_code == 303
    shown = browser.get(first.location)
    assert shown.status_code == 200
    assert "Some Body" in shown.text


def test_a_stranger_is_asked_to_log_in_and_brought_back_to_the_page(shared: Alliance) -> None:
    browser = reader(shared)
    asked = browser.get("/finance/?period=2026-11")
    assert (asked.status_code, asked.location) == (303, "/login?next=/finance/?period%3D2026-11")
    back = browser.post(asked.location, {"name": "finance", "password": PASSWORD})
    assert (back.status_code, back.location) == (303, "/finance/?period=2026-11")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/\t/x"]
)
def test_nobody_is_brought_to_another_host(shared: Alliance, target: str) -> None:
    browser = reader(shared)
    sent = browser.client.post(
        "/login",
        query_string={"next": target},
        data={"csrf_token": browser.token("/login"), "name": "desk", "password": PASSWORD},
    )
    assert (sent.status_code, sent.location) == (303, "/")


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(shared: Alliance) -> None:
    browser = reader(shared)
    answers = [browser.log_in("auditor", "not the password"), browser.log_in("nobody", "not the password")]
    assert [one.status_code for one in answers] == [401, 401]
    texts = [
        one.text.partition('<div class="alert alert-danger"')[2].partition("</div>")[0] for one in answers
    ]
    assert texts[0] == texts[1] != ""


def test_whoever_logs_in_gets_a_new_cookie_and_loses_it_by_logging_out(shared: Alliance) -> None:
    browser = reader(shared)
    browser.get("/login")
    before = browser.client.get_cookie("tongdui")
    browser.log_in("finance")
    after = browser.client.get_cookie("tongdui")
    assert before is not None and after is not None and before.value != after.value
    assert (after.http_only, after.same_site, after.path) == (True, "Lax", "/")
    assert browser.post("/logout", page="/finance/").location == "/login"
    # The old cookie opens nothing any more, even if somebody kept it.
    browser.client.set_cookie("tongdui", after.value)
    assert browser.get("/finance/").status_code == 303


def test_elsewhere_than_on_this_machine_the_cookie_needs_tls(shared: Alliance) -> None:
    response = shared.app.test_client().get("/login", base_url="http://clearing.example")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-tongdui=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


def test_a_form_without_its_token_changes_nothing(shared: Alliance) -> None:
    browser = reader(shared)
    sent = browser.client.post("/login", data={"name": "desk", "password": PASSWORD})
    assert sent.status_code == 400
    assert "表单已过期" in sent.text
    other = reader(shared)
    stolen = other.token("/login")
    sent = browser.client.post("/login", data={"name": "desk", "password": PASSWORD, "csrf_token": stolen})
    assert sent.status_code == 400


def test_the_password_is_changed_and_other_sessions_end(alliance: Alliance) -> None:
    first, second = reader(alliance, "desk"), reader(alliance, "desk")
    form = {"old": PASSWORD, "new": "sober gulls over Ningbo", "again": "sober gulls over Ningbo"}
    assert first.post("/account/password", form | {"old": "wrong"}).status_code == 422
    assert first.post("/account/password", form | {"again": "else"}).status_code == 422
    assert first.post("/account/password", form | {"new": "short", "again": "short"}).status_code == 422
    assert first.post("/account/password", form).status_code == 303
    assert first.get("/desk/").status_code == 200
    assert second.get("/desk/").status_code == 303
    assert reader(alliance).log_in("desk").status_code == 401
    assert reader(alliance).log_in("desk", form["new"]).status_code == 303


def test_log_ins_are_audited_and_what_was_typed_as_a_name_is_not(alliance: Alliance) -> None:
    browser = reader(alliance, "desk")
    browser.post("/logout", page="/desk/")
    browser.log_in("desk", "wrong")
    browser.log_in("my-password-in-the-wrong-field", "x")
    with alliance.services.engine.connect() as connection:
        acts = list_acts(connection, ActFilter(), None, 10)
    assert [(act.who, act.what, act.about) for act in acts] == [
        (None, "login.failed", None),
        (None, "login.failed", "user:desk"),
        ("user:desk", "logout", "user:desk"),
        ("user:desk", "login.succeeded", "user:desk"),
    ]
    assert all(act.address == "127.0.0.1" for act in acts)
