"""Every page says who may see it, lets them in, and nobody else."""

from collections.abc import Iterator

from werkzeug.routing import Rule

from api.auth import EVERYONE
from clearing.core.commands import Scope
from support.alliance import Alliance
from support.people import PEOPLE, reader

#: What strangers may see.
OPEN = {"/login", "/preferences"}


def pages(alliance: Alliance) -> Iterator[tuple[Rule, str, set[Scope]]]:
    """Every rule of a page with each of its methods, and for whom it is."""
    for rule in alliance.app.url_map.iter_rules():
        view = alliance.app.view_functions[rule.endpoint]
        if getattr(view, "is_page", False):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, set(getattr(view, "guarded_for", ()))


def path_of(rule: Rule) -> str:
    values = dict.fromkeys(rule.arguments, "1")
    return rule.build(values, append_unknown=False)[1]  # type: ignore[index]  # it builds


def test_every_view_outside_of_the_api_is_a_page_or_public(shared: Alliance) -> None:
    strangers = {"static", "fonts", "health.livez", "health.readyz", "openapi", "docs", "errors"}
    found = {
        rule.endpoint
        for rule in shared.app.url_map.iter_rules()
        if not rule.rule.startswith("/v1/")
        and not getattr(shared.app.view_functions[rule.endpoint], "is_page", False)
    }
    assert found == strangers


def test_strangers_are_sent_to_the_log_in_from_everywhere_else(shared: Alliance) -> None:
    wrong = []
    for rule, method, _ in pages(shared):
        if rule.rule in OPEN:
            continue
        response = shared.app.test_client().open(path_of(rule), method=method)
        if response.status_code != 303 or not response.location.startswith("/login"):
            wrong.append((method, rule.rule, response.status_code))
    assert wrong == []


def test_a_page_that_is_not_for_a_role_says_so(shared: Alliance) -> None:
    wrong = []
    for name, scope, _ in PEOPLE:
        browser = reader(shared, name)
        for rule, method, scopes in pages(shared):
            if scope in scopes:
                continue
            response = browser.client.open(path_of(rule), method=method, headers={"Accept": "text/html"})
            if response.status_code != 403 or "text/html" not in response.content_type:
                wrong.append((name, method, rule.rule, response.status_code))
    assert wrong == []


def test_no_form_is_taken_without_its_token(shared: Alliance) -> None:
    """Also by those who may send it."""
    browsers = {scope: reader(shared, name) for name, scope, _ in PEOPLE}
    taken = []
    for rule, method, scopes in pages(shared):
        if method != "GET":
            response = browsers[min(scopes)].client.open(path_of(rule), method=method)
            if response.status_code != 400:
                taken.append((method, rule.rule, response.status_code))
    assert taken == []


def test_the_api_knows_no_cookies_and_the_pages_no_keys(shared: Alliance) -> None:
    browser = reader(shared, "operator")
    assert browser.get("/v1/alliance").status_code == 401
    headers = {"Authorization": f"Bearer {shared.operator.key}"}
    assert shared.app.test_client().get("/hub/", headers=headers).status_code == 303


def test_pages_allow_nothing_inline_and_nothing_from_elsewhere(shared: Alliance) -> None:
    browser = reader(shared, "operator")
    for path in ("/login", "/hub/", "/desk/", "/finance/", "/no-such-page"):
        response = browser.get(path)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy, path
        assert (
            "http://" not in response.text.replace("http://www.w3.org", "")
            and "https://" not in response.text
        )
        assert " style=" not in response.text and "<style" not in response.text
        assert " onclick=" not in response.text
        assert response.headers["Cache-Control"] == "no-store"


def test_whatever_is_missing_or_wrong_is_told_in_words(shared: Alliance) -> None:
    browser = reader(shared, "finance")
    missing = browser.get("/no-such-page")
    assert (missing.status_code, "There is nothing here" in missing.text) == (404, True)
    refused = browser.get("/hub/")
    assert (refused.status_code, "This page is not for your role." in refused.text) == (403, True)
    lost = browser.get("/finance/statements/stm_none.pdf")
    assert (lost.status_code, "There is nothing here" in lost.text) == (404, True)


def test_a_fault_of_ours_is_told_without_its_cause(shared: Alliance, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    browser = reader(shared, "operator")

    def fail() -> None:
        raise RuntimeError("the secret cause")

    monkeypatch.setattr("api.pages.hub.periods.all_periods", fail)
    response = browser.get("/hub/periods")
    assert response.status_code == 500
    assert "Something is wrong on our side" in response.text and "secret cause" not in response.text


def test_everybody_may_look_after_themselves(shared: Alliance) -> None:
    for rule, _, scopes in pages(shared):
        if rule.rule.startswith("/account"):
            assert scopes == set(EVERYONE)
