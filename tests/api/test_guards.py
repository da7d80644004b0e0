"""Every route has a guard, and the guard lets in whom it should and nobody else."""

from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from clearing.core.commands import Scope
from support.alliance import Alliance
from support.api import Caller, code, detail, good

PLACEHOLDERS = {
    "code": "JADE",
    "merchant": "JADE-1",
    "number": "62000001",
    "period": "2026-11",
    "name": "2026-11",
    "participant": "JADE",
    "extension": "json",
    "filename": "docs.js",
}
PUBLIC = {
    "/livez",
    "/readyz",
    "/openapi.json",
    "/docs",
    "/docs/errors",
    "/static/<path:filename>",
    "/fonts/<filename>",
    "/v1/proof/keys",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def rules(alliance: Alliance) -> Iterator[tuple[Rule, str]]:
    """Every rule of the API with each of its methods; those of pages have tests of their own."""
    for rule in alliance.app.url_map.iter_rules():
        if getattr(alliance.app.view_functions[rule.endpoint], "is_page", False):
            continue
        for method in METHODS:
            if method in (rule.methods or ()):
                yield rule, method


def path_of(rule: Rule) -> str:
    values = {name: PLACEHOLDERS.get(name, "none") for name in rule.arguments}
    return rule.build(values, append_unknown=False)[1]  # type: ignore[index]  # it builds


def call(caller: Caller | None, method: str, path: str, alliance: Alliance):  # type: ignore[no-untyped-def]
    client = alliance.app.test_client()
    headers = {"Authorization": f"Bearer {caller.key}"} if caller else {}
    return client.open(path, method=method, headers=headers)


def guarded_for(alliance: Alliance, rule: Rule) -> tuple[Scope, ...]:
    scopes: tuple[Scope, ...] = getattr(alliance.app.view_functions[rule.endpoint], "guarded_for", ())
    return scopes


def callers(alliance: Alliance) -> dict[Scope, Caller]:
    return {
        Scope.OPERATOR: alliance.operator,
        Scope.PARTICIPANT: alliance.participant("JADE"),
        Scope.MERCHANT: alliance.merchant("JADE-1"),
        Scope.FINANCE: alliance.finance("JADE"),
        Scope.AUDITOR: alliance.auditor,
    }


def test_every_view_says_who_may_call_it(shared: Alliance) -> None:
    views = shared.app.view_functions
    without = [name for name, view in views.items() if not getattr(view, "guarded_for", None)]
    assert without == []


def test_only_what_tells_nothing_of_anybody_is_public(shared: Alliance) -> None:
    open_ = set()
    for rule, method in rules(shared):
        response = call(None, method, path_of(rule), shared)
        if response.status_code != 401:
            open_.add(rule.rule)
    assert open_ == PUBLIC


def test_without_a_key_the_answer_tells_how_to_send_one(shared: Alliance) -> None:
    response = call(None, "GET", "/v1/alliance", shared)
    assert code(response) == "unauthorized"
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer" in detail(response)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic b3BlcmF0b3I6",
        "tdk_test_operator_0123456789abcdef",
        "Bearer tdk_test_operator_0123456789abcdeF",
        "Bearer tdk_test_operator_",
        "Bearer tdk_test_none_0123456789abcdef",
        "Bearer bootstrap",
        "Bearer \xfc\xfc\xfc",
        "Bearer " + "x" * 5000,
    ],
)
def test_what_is_not_a_key_opens_nothing(shared: Alliance, header: str) -> None:
    response = shared.app.test_client().get("/v1/alliance", headers={"Authorization": header})
    assert (response.status_code, code(response)) == (401, "unauthorized")


def test_a_revoked_key_opens_nothing_anywhere(shared: Alliance) -> None:
    made = good(shared.operator.post("/v1/api-keys", {"scope": "operator"}))
    revoked = shared.caller(made["key"])
    assert call(revoked, "GET", "/v1/alliance", shared).status_code == 200
    good(shared.operator.delete(f"/v1/api-keys/{made['id']}"))
    opened = [
        (method, rule.rule)
        for rule, method in rules(shared)
        if rule.rule not in PUBLIC and call(revoked, method, path_of(rule), shared).status_code != 401
    ]
    assert opened == []


def test_a_key_of_a_scope_that_is_not_listed_is_refused_before_the_body_is_looked_at(
    shared: Alliance,
) -> None:
    by_scope, wrong = callers(shared), []
    for rule, method in rules(shared):
        if rule.rule in PUBLIC:
            continue
        allowed = guarded_for(shared, rule)
        for scope in Scope:
            if scope not in allowed:
                response = call(by_scope[scope], method, path_of(rule), shared)
                if (response.status_code, code(response)) != (403, "forbidden"):
                    wrong.append((method, rule.rule, scope, response.status_code))
    assert wrong == []


#: Who changes what: a scope that moves from one list to another must do so on purpose.
DESKS = {"operator", "participant", "merchant"}
MAY_CHANGE = {
    ("PUT", "/v1/alliance"): {"operator"},
    ("POST", "/v1/participants"): {"operator"},
    ("PATCH", "/v1/participants/<code>"): {"operator"},
    ("POST", "/v1/participants/<code>/merchants"): {"operator"},
    ("PATCH", "/v1/participants/<code>/merchants/<merchant>"): {"operator"},
    ("POST", "/v1/fee-rules"): {"operator"},
    ("POST", "/v1/fee-simulations"): {"operator"},
    ("POST", "/v1/api-keys"): {"operator", "participant"},
    ("POST", "/v1/api-keys/<key_id>/rotate"): {"operator", "participant"},
    ("DELETE", "/v1/api-keys/<key_id>"): {"operator", "participant"},
    ("POST", "/v1/users"): {"operator", "participant"},
    ("PATCH", "/v1/users/<name>"): {"operator", "participant"},
    ("POST", "/v1/users/<name>/password"): {"operator", "participant"},
    ("DELETE", "/v1/users/<name>/second-factor"): {"operator", "participant"},
    ("DELETE", "/v1/users/<name>/sessions"): {"operator", "participant"},
    ("POST", "/v1/members"): {"operator", "participant"},
    ("PATCH", "/v1/members/<member_id>"): {"operator", "participant"},
    ("POST", "/v1/members/<member_id>/erasure"): {"operator", "participant"},
    ("PATCH", "/v1/cards/<number>"): {"operator", "participant"},
    ("POST", "/v1/cards/<number>/replacement"): {"operator", "participant"},
    ("POST", "/v1/cards/<number>/unlink"): {"operator", "participant"},
    ("POST", "/v1/wallets/<wallet_id>/links"): {"operator", "participant"},
    ("POST", "/v1/links/<link_id>/approve"): {"operator", "participant"},
    ("POST", "/v1/links/<link_id>/reject"): {"operator", "participant"},
    ("POST", "/v1/quotes"): DESKS,
    ("POST", "/v1/accruals"): DESKS,
    ("POST", "/v1/redemptions"): DESKS,
    ("POST", "/v1/loads"): DESKS,
    ("POST", "/v1/spends"): DESKS,
    ("POST", "/v1/holds/<hold_id>/capture"): DESKS,
    ("POST", "/v1/holds/<hold_id>/void"): DESKS,
    ("POST", "/v1/transactions/<transaction_id>/reversals"): DESKS,
    ("POST", "/v1/adjustments"): {"operator"},
    ("POST", "/v1/adjustments/<adjustment_id>/approve"): {"operator"},
    ("POST", "/v1/adjustments/<adjustment_id>/reject"): {"operator"},
    ("POST", "/v1/disputes"): {"participant", "finance"},
    ("POST", "/v1/disputes/<dispute_id>/answers"): {"operator", "participant", "finance"},
    ("POST", "/v1/disputes/<dispute_id>/accept"): {"operator", "participant", "finance"},
    ("POST", "/v1/disputes/<dispute_id>/reject"): {"operator", "participant", "finance"},
    ("POST", "/v1/disputes/<dispute_id>/withdraw"): {"participant", "finance"},
    ("POST", "/v1/imports"): {"operator", "participant"},
    ("POST", "/v1/periods/<name>/close"): {"operator"},
    ("POST", "/v1/webhook-endpoints"): {"operator", "participant"},
    ("PATCH", "/v1/webhook-endpoints/<endpoint_id>"): {"operator", "participant"},
    ("DELETE", "/v1/webhook-endpoints/<endpoint_id>"): {"operator", "participant"},
    ("POST", "/v1/webhook-endpoints/<endpoint_id>/rotate-secret"): {"operator", "participant"},
    ("POST", "/v1/webhook-endpoints/<endpoint_id>/test"): {"operator", "participant"},
    ("POST", "/v1/webhook-endpoints/<endpoint_id>/replay"): {"operator", "participant"},
    ("POST", "/v1/webhook-endpoints/<endpoint_id>/deliveries/<delivery_id>/replay"): {
        "operator",
        "participant",
    },
    ("POST", "/v1/periods/<name>/approve"): {"operator"},
    ("POST", "/v1/settlements/<period>/payments"): {"operator"},
    ("POST", "/v1/settlements/<period>/payments/<payment>/reversals"): {"operator"},
    ("POST", "/v1/settlements/<period>/<participant>/carry-forward"): {"operator"},
    ("POST", "/v1/bank-files"): {"operator"},
    ("PUT", "/v1/participants/<code>/bank-account"): {"operator"},
    ("PUT", "/v1/alliance/bank-account"): {"operator"},
}


def test_finance_only_disputes_the_auditor_changes_nothing_and_the_rest_is_as_listed(
    shared: Alliance,
) -> None:
    found = {
        (method, rule.rule): set(map(str, guarded_for(shared, rule)))
        for rule, method in rules(shared)
        if method != "GET"
    }
    assert found == MAY_CHANGE
