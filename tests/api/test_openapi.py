"""The OpenAPI document: valid, complete, and true of what the API answers."""

from typing import Any

import pytest
from openapi_spec_validator import validate

from api.problems import MEANINGS
from support.alliance import LI, WANG, Alliance
from support.api import good, wait_for_import
from support.openapi import faults, undocumented


@pytest.fixture(scope="module")
def document(shared: Alliance) -> dict[str, Any]:
    found: dict[str, Any] = good(shared.app.test_client().get("/openapi.json"))
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """(method, path) → operation."""
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_it_is_valid(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_it_describes_every_route_of_v1_and_nothing_else(shared: Alliance, document: dict[str, Any]) -> None:
    routes = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in shared.app.url_map.iter_rules()
        if rule.rule.startswith("/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(operations(document)) == routes


def test_every_operation_has_a_summary_and_says_how_it_fails(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        assert operation.get("summary"), name
        assert not operation["summary"].endswith("."), name
        assert operation["tags"], name
        assert "default" in operation["responses"], name


def test_what_moves_value_requires_an_idempotency_key(document: dict[str, Any]) -> None:
    for name in ("accruals", "redemptions", "loads", "spends"):
        parameters = document["paths"][f"/v1/{name}"]["post"]["parameters"]
        [header] = [one for one in parameters if one["in"] == "header"]
        assert (header["name"], header["required"]) == ("Idempotency-Key", True)


def test_errors_are_documented_as_problem_details_with_the_closed_list_of_codes(
    document: dict[str, Any],
) -> None:
    responses = document["components"]["responses"]
    assert responses
    for response in responses.values():
        assert list(response.get("content", {"application/problem+json": 1})) == ["application/problem+json"]
    assert set(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == set(MEANINGS)


def test_keys_are_documented(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["key"] == {"type": "http", "scheme": "bearer"}
    assert document["security"] == [{"key": []}]


def test_answers_hold_what_is_documented_and_nothing_else(shared: Alliance, document: dict[str, Any]) -> None:
    wallet = shared.wallet(WANG)
    desk = shared.merchant("LOTUS-1")
    redemption = good(desk.post("/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "points": 2000}))
    accrual = good(desk.post("/v1/accruals", {"card": LI, "merchant": "LOTUS-1", "amount": 500}))
    good(desk.post("/v1/loads", {"card": WANG, "merchant": "LOTUS-1", "issuer": "JADE", "amount": 500}))
    good(desk.post("/v1/spends", {"card": WANG, "merchant": "LOTUS-1", "amount": 300}))
    good(desk.post("/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "points": 10, "capture": False}))
    member = shared.member(WANG)
    imported = wait_for_import(shared.operator, "members", "participant\nPINE\nNOBODY\n")
    period = redemption["period"]
    good(shared.operator.post(f"/v1/periods/{period}/close", {"early": True}))
    [statement, *_] = good(shared.operator.get("/v1/statements"))["data"]
    [own] = good(shared.finance("JADE").get("/v1/statements"))["data"]
    body = {"statement": own["id"], "transaction": redemption["id"], "issuer": "JADE", "reason": "other"}
    dispute = good(shared.finance("JADE").post("/v1/disputes", body | {"text": "Wrong"}))
    good(shared.finance("LOTUS").post(f"/v1/disputes/{dispute['id']}/accept"))
    wrong = []
    for path, template in {
        "/v1/alliance": None,
        "/v1/alliance/history": None,
        "/v1/participants": None,
        "/v1/participants/JADE": "/v1/participants/{code}",
        "/v1/participants/JADE/merchants": "/v1/participants/{code}/merchants",
        "/v1/fee-rules": None,
        "/v1/api-keys": None,
        f"/v1/cards/{WANG}?merchant=LOTUS-1": "/v1/cards/{number}",
        "/v1/cards/0000?merchant=LOTUS-1": "/v1/cards/{number}",
        f"/v1/members/{member}": "/v1/members/{member_id}",
        f"/v1/members/{member}/export": "/v1/members/{member_id}/export",
        f"/v1/transactions/{redemption['id']}": "/v1/transactions/{transaction_id}",
        f"/v1/transactions/{accrual['id']}": "/v1/transactions/{transaction_id}",
        "/v1/transactions": None,
        f"/v1/wallets/{wallet}": "/v1/wallets/{wallet_id}",
        f"/v1/wallets/{wallet}/lots": "/v1/wallets/{wallet_id}/lots",
        f"/v1/wallets/{wallet}/transactions": "/v1/wallets/{wallet_id}/transactions",
        f"/v1/imports/{imported['id']}": "/v1/imports/{import_id}",
        "/v1/periods": None,
        f"/v1/settlements/{period}": "/v1/settlements/{period}",
        f"/v1/settlements/{period}/JADE": "/v1/settlements/{period}/{participant}",
        "/v1/statements": None,
        "/v1/disputes": None,
        f"/v1/disputes/{dispute['id']}": "/v1/disputes/{dispute_id}",
    }.items():
        operation = document["paths"][template or path]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        answer = good(shared.operator.get(path))
        wrong += [(path, error.message) for error in faults(document, schema, answer)]
        wrong += [(path, name) for name in undocumented(document, schema, answer)]
    assert wrong == []
    assert statement["period"] == period
