"""Users are looked after on pages and by calls alike: by the operator, and by participants their own."""

import re

import pytest

from support.alliance import Alliance
from support.api import code, good, refused
from support.people import PASSWORD, Reader, ensure_people, reader
from users.accounts import RESERVED, read_password_hash, read_user

NEW = {"name": "li.na", "full_name": "Li Na", "scope": "merchant", "merchant": "JADE-1"}


def password_in(text: str) -> str:
    found = re.search(r"\b([2-9a-hj-z]{4}-){3}[2-9a-hj-z]{4}\b", text)
    assert found is not None, text
    return found[0]


def test_a_new_user_gets_a_temporary_password_that_must_be_changed(alliance: Alliance) -> None:
    made = reader(alliance, "admin").post("/users/new", NEW)
    assert made.status_code == 200
    password = password_in(made.text)
    browser = reader(alliance)
    assert browser.log_in("li.na", password).status_code == 303
    for path in ("/", "/desk/", "/account/"):
        assert browser.get(path).location.startswith("/account/password"), path
    form = {"old": password, "new": "quiet otters at dawn", "again": "quiet otters at dawn"}
    assert browser.post("/account/password", form).status_code == 303
    assert browser.get("/desk/").status_code == 200


def test_what_is_wrong_with_a_form_is_told_at_its_field(shared: Alliance) -> None:
    browser = reader(shared, "admin")
    empty = browser.post("/users/new", {})
    assert empty.status_code == 422
    assert empty.text.count('aria-invalid="true"') == 3
    bad = browser.post("/users/new", NEW | {"name": "Li Na!"})
    assert "Use 3 to 64 small letters" in bad.text and 'value="Li Na!"' in bad.text
    elsewhere = browser.post("/users/new", NEW | {"merchant": "LOTUS-1"})
    assert elsewhere.status_code == 422 and "You may not do that" in elsewhere.text
    taken = browser.post("/users/new", NEW | {"name": "desk"})
    assert taken.status_code == 422 and "is taken, or was; choose another." in taken.text


@pytest.mark.parametrize("scope", ["operator", "auditor"])
def test_a_participant_makes_nobody_of_the_hub(shared: Alliance, scope: str) -> None:
    body = {"name": "sneaky", "full_name": "S", "scope": scope}
    assert code(shared.participant("JADE").post("/v1/users", body)) == "forbidden"
    body = NEW | {"merchant": "LOTUS-1"}
    assert code(shared.participant("JADE").post("/v1/users", body)) == "forbidden"


def test_a_participant_sees_and_changes_its_own_only(shared: Alliance) -> None:
    ensure_people(shared)
    jade, lotus = shared.participant("JADE"), shared.participant("LOTUS")
    names = {user["name"] for user in good(jade.get("/v1/users?limit=200"))["data"]}
    assert {"desk", "finance", "admin"} <= names and "operator" not in names
    assert good(lotus.get("/v1/users"))["data"] == []
    for method, path in (("get", ""), ("post", "/password"), ("delete", "/sessions")):
        refused(getattr(lotus, method)(f"/v1/users/desk{path}"), "not_found")
    refused(jade.patch("/v1/users/operator", {"disabled": True}), "not_found")
    assert reader(shared, "admin").get("/users/operator").status_code == 404


def test_calls_make_change_and_disable_a_user(alliance: Alliance) -> None:
    operator = alliance.operator
    made = good(operator.post("/v1/users", NEW))
    assert (made["participant"], made["merchant"], made["temporary_password"]) == ("JADE", "JADE-1", True)
    assert "password" not in good(operator.get("/v1/users/li.na"))
    assert good(operator.patch("/v1/users/li.na", {"full_name": "Li Na Na"}))["full_name"] == "Li Na Na"
    assert reader(alliance).log_in("li.na", made["password"]).status_code == 303
    assert good(operator.delete("/v1/users/li.na/sessions")) == {"ended": 1}
    assert good(operator.patch("/v1/users/li.na", {"disabled": True}))["disabled"] is True
    assert reader(alliance).log_in("li.na", made["password"]).status_code == 401
    good(operator.patch("/v1/users/li.na", {"disabled": False}))
    again = good(operator.post("/v1/users/li.na/password"))["password"]
    assert reader(alliance).log_in("li.na", made["password"]).status_code == 401
    assert reader(alliance).log_in("li.na", again).status_code == 303


def test_to_disable_or_reset_somebody_ends_all_sessions_at_once(alliance: Alliance) -> None:
    desk, admin = reader(alliance, "desk"), reader(alliance, "admin")
    shown = admin.post("/users/desk/password", page="/users/desk")
    assert desk.get("/desk/").status_code == 303
    assert reader(alliance).log_in("desk", PASSWORD).status_code == 401
    finance = reader(alliance, "finance")
    assert admin.post("/users/finance/disable", page="/users/finance").status_code == 303
    assert finance.get("/finance/").status_code == 303
    assert reader(alliance).log_in("desk", password_in(shown.text)).status_code == 303


def test_nobody_locks_themselves_out(shared: Alliance) -> None:
    admin = reader(shared, "admin")
    for act in ("disable", "password", "second-factor"):
        response = admin.post(f"/users/admin/{act}", page="/users/admin")
        assert response.status_code == 422, act
    assert admin.get("/users/admin").status_code == 200


def test_the_auditor_looks_and_changes_nothing(shared: Alliance) -> None:
    auditor = reader(shared, "auditor")
    assert 'action="/users/desk/disable"' not in auditor.get("/users/desk").text
    assert auditor.post("/users/desk/disable", page="/account/").status_code == 403
    assert auditor.get("/users/new").status_code == 403


def test_the_audit_log_tells_who_did_what_to_whom(alliance: Alliance) -> None:
    admin = reader(alliance, "admin")
    admin.post("/users/new", NEW)
    good(alliance.operator.patch("/v1/users/li.na", {"disabled": True}))
    acts = good(alliance.operator.get("/v1/audit-log?about=user:li.na"))["data"]
    assert [(act["who"], act["what"]) for act in acts] == [
        ("key:operator", "user.changed"),
        ("user:admin", "user.made"),
    ]
    assert acts[0]["data"] == {"disabled": True}
    own = good(alliance.participant("JADE").get("/v1/audit-log?what=login."))["data"]
    assert [act["what"] for act in own] == ["login.succeeded"]
    assert good(alliance.participant("LOTUS").get("/v1/audit-log"))["data"] == []
    first = good(alliance.operator.get("/v1/audit-log?limit=1"))
    second = good(alliance.operator.get(f"/v1/audit-log?limit=1&cursor={first['next_cursor']}"))
    assert first["data"][0]["id"] > second["data"][0]["id"]
    shown = admin.get("/users/audit-log?about=user:li.na").text
    assert "user made" in shown and "user changed" in shown
    assert "Nothing of this kind happened." in admin.get("/users/audit-log?since=2999-01-01").text
    for bound in ("since=0001-01-01", "until=9999-12-31"):
        assert "user made" in admin.get(f"/users/audit-log?about=user:li.na&{bound}").text


def test_a_name_that_would_hide_a_page_is_refused(alliance: Alliance) -> None:
    """Also those of pages that are added later: whatever stands beside `/users/<name>`."""
    rules = map(str, alliance.app.url_map.iter_rules())
    assert {rule.split("/")[2] for rule in rules if re.match("/users/[^<]", rule)} == RESERVED
    hub = reader(alliance, "operator")
    form = {"full_name": "Somebody", "scope": "auditor"}
    for number, name in enumerate(sorted(RESERVED)):
        body = {"name": name, **form}
        refused = alliance.operator.post("/v1/users", body)
        assert code(refused) == "malformed" and "choose another" in refused.get_data(as_text=True)
        sent = hub.post("/users/new", {**body, "idempotency_key": f"k{number}"}, page="/users/new")
        assert sent.status_code == 422 and f"The name {name} is reserved; choose another." in sent.text
    assert good(alliance.operator.post("/v1/users", {"name": "new.clerk", **form}))["name"] == "new.clerk"


def test_an_act_that_there_is_none_does_nothing(alliance: Alliance) -> None:
    """It let in whoever was disabled."""
    hub = reader(alliance, "operator")
    good(alliance.operator.patch("/v1/users/desk", {"disabled": True}))
    assert hub.post("/users/desk/forget", {}, page="/users/desk").status_code == 404
    assert good(alliance.operator.get("/v1/users/desk"))["disabled"] is True


def test_sessions_are_listed_and_ended(alliance: Alliance) -> None:
    here, there = reader(alliance, "finance"), reader(alliance, "finance")
    page = here.get("/account/").text
    [session] = re.findall(r'name="session" value="(ses_\w+)"', page)
    stranger = reader(alliance, "desk")
    stranger.post("/account/sessions", {"session": session}, page="/account/")
    assert there.get("/finance/").status_code == 200, "nobody ends the sessions of others"
    assert here.post("/account/sessions", {"session": session}, page="/account/").status_code == 303
    assert there.get("/finance/").status_code == 303
    third: Reader = reader(alliance, "finance")
    lost = here.post("/account/sessions", {}, page="/account/")
    assert lost.status_code == 400, "a form that lost its field ends nothing"
    assert third.get("/finance/").status_code == 200
    here.post("/account/sessions", {"session": "others"}, page="/account/")
    assert third.get("/finance/").status_code == 303 and here.get("/finance/").status_code == 200


def test_a_form_sent_again_makes_no_second_user_and_no_second_password(alliance: Alliance) -> None:
    def password_hash() -> str:
        with alliance.services.engine.connect() as connection:
            user = read_user(connection, NEW["name"])
            assert user is not None
            return read_password_hash(connection, user.id)

    browser, page = reader(alliance, "admin"), f"/users/{NEW['name']}"
    assert browser.post("/users/new", NEW | {"idempotency_key": "one"}).status_code == 200
    again = browser.post("/users/new", NEW | {"idempotency_key": "one"})
    assert (again.status_code, again.location) == (303, page)
    assert "never shown again" in browser.get(page).text
    assert browser.post(f"{page}/password", {"idempotency_key": "two"}, page=page).status_code == 200
    before = password_hash()
    assert browser.post(f"{page}/password", {"idempotency_key": "two"}, page=page).status_code == 303
    assert password_hash() == before
    assert browser.post(f"{page}/password", {"idempotency_key": "three"}, page=page).status_code == 200
    assert password_hash() != before


def member_id(response_text: str) -> str:
    found = re.search(r"/users/members/(mem_[0-9a-z]+)", response_text)
    assert found is not None, response_text
    return found[1]


def test_an_admin_finds_an_own_member_by_the_phone_and_corrects_it(alliance: Alliance) -> None:
    jade = alliance.participant("JADE")
    made = good(jade.post("/v1/members", {"participant": "JADE", "name": "Zhao", "phone": "15400200002"}))
    good(alliance.participant("PINE").post("/v1/members", {"participant": "PINE", "phone": "15400200003"}))
    browser = reader(alliance, "admin")
    found = browser.get("/users/members?phone=%2B86+(0)154-0020-0002").text
    assert member_id(found) == made["id"]
    assert "Zhao" in found and "15400200002" in found
    path = f"/users/members/{made['id']}"
    assert "/users/members/mem_" not in browser.get("/users/members?phone=15400200003").text
    saved = browser.post(path, {"name": "赵磊", "phone": "15400200004", "tier": ""})
    assert saved.status_code == 303
    assert good(jade.get(f"/v1/members/{made['id']}"))["name"] == "赵磊"
    assert "member changed" in browser.get("/users/audit-log").text


def test_what_is_wrong_with_a_members_form_is_told_at_its_field(alliance: Alliance) -> None:
    jade = alliance.participant("JADE")
    made = good(jade.post("/v1/members", {"participant": "JADE", "name": "Zhao", "phone": "15400200002"}))
    good(alliance.participant("PINE").post("/v1/members", {"participant": "PINE", "phone": "15400200003"}))
    browser = reader(alliance, "admin")
    path = f"/users/members/{made['id']}"
    for phone, why in (
        ("15400200003", "Another participant has enrolled the person with this phone"),
        ("1.54E+10", "Format the column as text"),
    ):
        wrong = browser.post(path, {"name": "Qian", "phone": phone, "tier": ""})
        assert wrong.status_code == 422
        assert why in wrong.text and 'aria-invalid="true"' in wrong.text
    assert good(jade.get(f"/v1/members/{made['id']}")) == made
    typed = browser.get("/users/members?phone=1540020000")
    assert typed.status_code == 422
    assert "eleven digits" in typed.text
    elsewhere = good(alliance.participant("PINE").get("/v1/members"))["data"][0]["id"]
    assert browser.get(f"/users/members/{elsewhere}").status_code == 404
