"""The second factor: whom it is asked of, and that a code opens once."""

from datetime import UTC, datetime, timedelta

import pytest
from pyotp import TOTP
from sqlalchemy import select, update

from clearing.core.commands import Scope
from support.alliance import Alliance
from support.people import PASSWORD, Reader, make_user, reader
from users import totp
from users.accounts import read_user
from users.changes import remove_second_factor
from users.tables import users

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
AT = datetime(2026, 11, 22, 10, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(("aside", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_for_its_half_minute_and_one_on_either_side(aside: int, accepted: bool) -> None:
    code = totp.code_at(SECRET, AT + aside * timedelta(seconds=30))
    step = totp.step_of(SECRET, code, AT)
    assert (step is not None) == accepted
    if accepted:
        assert step == int(AT.timestamp()) // 30 + aside


@pytest.mark.parametrize("code", ["", "000000", "12345", "abcdef", "１２３４５６", "9" * 400])
def test_what_is_no_code_opens_nothing(code: str) -> None:
    assert totp.step_of(SECRET, code, AT) is None


def test_spaces_in_a_code_do_not_matter() -> None:
    code = totp.code_at(SECRET, AT)
    assert totp.step_of(SECRET, f" {code[:3]} {code[3:]} ", AT) is not None


def enrolled(alliance: Alliance, name: str, scope: Scope = Scope.AUDITOR) -> tuple[Reader, str]:
    """A browser in which a new user has enrolled a second factor, and the secret."""
    with alliance.services.engine.begin() as connection:
        user = make_user(connection, name, scope)
        secret = totp.begin_enrolment(connection, alliance.services.personal_data, user.id)
    browser = reader(alliance)
    browser.log_in(name)
    assert browser.post("/account/second-factor", {"code": TOTP(secret).now()}).status_code == 303
    return browser, secret


def forget_codes(alliance: Alliance) -> None:
    """As if half a minute had passed."""
    with alliance.services.engine.begin() as connection:
        connection.execute(update(users).values(totp_step=None))


def test_an_operator_without_one_sees_nothing_else(alliance: Alliance) -> None:
    with alliance.services.engine.begin() as connection:
        make_user(connection, "new", Scope.OPERATOR)
    browser = reader(alliance)
    browser.log_in("new")
    for path in ("/", "/hub/", "/users/", "/account/", "/account/password"):
        assert browser.get(path).location.startswith("/account/second-factor"), path
    assert browser.post("/users/new", page="/account/second-factor").location.startswith("/account/second")
    assert browser.post("/account/second-factor", {"code": "000000"}).status_code == 422
    assert browser.get("/hub/").status_code == 303
    assert browser.post("/logout", page="/account/second-factor").location == "/login"


def test_who_has_one_is_asked_for_a_code_before_anything_else(alliance: Alliance) -> None:
    _, secret = enrolled(alliance, "wu")
    forget_codes(alliance)
    browser = reader(alliance)
    browser.log_in("wu")
    for path in ("/hub/?x=1", "/account/password", "/account/second-factor", "/account/"):
        assert browser.get(path).location.startswith("/login/code"), path
    assert browser.get("/hub/?x=1").location == "/login/code?next=/hub/?x%3D1"
    assert browser.post("/login/code", {"code": "000000"}).status_code == 422
    before = browser.client.get_cookie("tongdui")
    sent = browser.post("/login/code?next=/hub/?x%3D1", {"code": TOTP(secret).now()})
    assert (sent.status_code, sent.location) == (303, "/hub/?x=1")
    assert browser.get("/hub/").status_code == 200
    # What the browser held with the password alone opens nothing any more.
    assert before is not None
    stolen = reader(alliance)
    stolen.client.set_cookie("tongdui", before.value)
    assert stolen.get("/hub/").location.startswith("/login?")


def test_a_code_opens_only_once(alliance: Alliance) -> None:
    _, secret = enrolled(alliance, "wu")
    browser = reader(alliance)
    browser.log_in("wu")
    with alliance.services.engine.connect() as connection:
        step = connection.execute(select(users.c.totp_step).where(users.c.name == "wu")).scalar_one()
    assert browser.post("/login/code", {"code": TOTP(secret).at(step * 30)}).status_code == 422


def test_guessing_codes_is_slowed_down(alliance: Alliance) -> None:
    _, secret = enrolled(alliance, "wu")
    forget_codes(alliance)
    browser = reader(alliance)
    browser.log_in("wu")
    for _ in range(5):
        assert "This code is not right" in browser.post("/login/code", {"code": "000000"}).text
    assert "Too many attempts" in browser.post("/login/code", {"code": TOTP(secret).now()}).text


def test_it_is_taken_away_with_the_password_or_by_who_looks_after_users(alliance: Alliance) -> None:
    browser, _ = enrolled(alliance, "wu")
    wrong = browser.post("/account/second-factor/removal", {"old": "wrong"}, page="/account/")
    assert wrong.status_code == 422 and "This is not your present password." in wrong.text
    right = browser.post("/account/second-factor/removal", {"old": PASSWORD}, page="/account/")
    assert right.status_code == 303
    assert "Log in with a code, too" in browser.get("/account/").text
    other, _ = enrolled(alliance, "zhao")
    with alliance.services.engine.begin() as connection:
        user = read_user(connection, "zhao")
        assert user is not None and user.has_totp
        assert not remove_second_factor(connection, "tests", user).has_totp
    assert other.get("/hub/").status_code == 303


def test_an_operator_whose_second_factor_is_reset_enrols_anew_and_old_codes_stop_working(
    alliance: Alliance,
) -> None:
    browser, old = enrolled(alliance, "wu", Scope.OPERATOR)
    assert browser.get("/hub/").status_code == 200
    other = reader(alliance, "operator")
    sent = other.post("/users/wu/second-factor", page="/users/wu")
    assert sent.status_code == 303
    assert browser.get("/hub/").location.startswith("/login"), "the sessions have ended"
    browser = reader(alliance)
    browser.log_in("wu")
    assert browser.get("/hub/").location.startswith("/account/second-factor"), "nothing else is open"
    with alliance.services.engine.begin() as connection:
        user = read_user(connection, "wu")
        assert user is not None
        new = totp.begin_enrolment(connection, alliance.services.personal_data, user.id)
    assert new != old
    shown = browser.get("/account/second-factor").text
    assert new[:4] in shown and " ".join(old[at : at + 4] for at in range(0, 32, 4)) not in shown
    assert browser.post("/account/second-factor", {"code": TOTP(old).now()}).status_code == 422
    assert browser.post("/account/second-factor", {"code": TOTP(new).now()}).status_code == 303
    assert browser.get("/hub/").status_code == 200
    forget_codes(alliance)
    later = reader(alliance)
    later.log_in("wu")
    assert later.post("/login/code", {"code": TOTP(old).now()}).status_code == 422
    assert later.get("/hub/").location.startswith("/login/code")
    assert later.post("/login/code", {"code": TOTP(new).now()}).status_code == 303
    assert later.get("/hub/").status_code == 200


def test_the_secret_is_encrypted(alliance: Alliance) -> None:
    _, secret = enrolled(alliance, "wu")
    engine, keys = alliance.services.engine, alliance.services.personal_data
    with engine.connect() as connection:
        row = connection.execute(select(users).where(users.c.name == "wu")).one()
        assert totp.count_secrets(connection) == {keys.current: 1}
    assert secret.encode() not in bytes(row.totp_cipher)
    assert keys.decrypt(f"totp {row.id}", bytes(row.totp_cipher)) == secret
