"""The API keeps to its own OpenAPI document: in ordinary requests, and whatever a generator thinks of."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.services import Services
from support.alliance import CHEN, CODES, LI, WANG, Alliance
from support.api import good, wait_for_import
from support.openapi import undocumented

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 8

# The document needs no services; `served` gives them to the application for the requests.
APP = create_app(cast(Services, None))
SCHEMA = schemathesis.openapi.from_wsgi("/openapi.json", APP)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]  # type: ignore[union-attr]  # it is valid
# What blocks, suspends or erases comes last, so that the others find somebody.
OPERATIONS.sort(key=lambda found: found.method in ("put", "patch") or found.path.endswith("/erasure"))


HERE = {"card": WANG, "merchant": "LOTUS-1"}
ASIDE = {"capture": False}
MONEY = {"kind": "money", "debtor": "JADE", "creditor": "PINE", "amount": 70, "reason": "agreed"}

#: Requests as people send them: operation, body, query. Ids in paths and bodies come from `real_names`.
ORDINARY: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("POST /v1/accruals", HERE | {"amount": 5_000, "reference": "R-1"}, {}),
    ("POST /v1/redemptions", HERE | {"points": 20, "metadata": {"till": "3"}}, {}),
    ("POST /v1/redemptions", HERE | {"amount": 20} | ASIDE, {}),
    ("POST /v1/loads", HERE | {"amount": 700, "issuer": "JADE"}, {}),
    ("POST /v1/spends", HERE | {"amount": 50}, {}),
    ("POST /v1/spends", HERE | {"amount": 50} | ASIDE, {}),
    ("POST /v1/quotes", HERE | {"kind": "accrual", "amount": 5_000}, {}),
    ("POST /v1/quotes", HERE | {"kind": "redemption", "points": 20}, {}),
    ("POST /v1/quotes", HERE | {"kind": "spend", "amount": 50} | ASIDE, {}),
    ("POST /v1/quotes", HERE | {"kind": "load", "amount": 50}, {}),
    ("POST /v1/quotes", {"kind": "capture", "hold": "", "points": 5}, {}),
    ("POST /v1/quotes", {"kind": "void", "hold": ""}, {}),
    ("POST /v1/quotes", {"kind": "reversal", "transaction": "", "points": 5}, {}),
    ("GET /v1/holds", {}, {"status": "held", "limit": 2}),
    ("GET /v1/holds/{hold_id}", {}, {}),
    ("POST /v1/holds/{hold_id}/capture", {"points": 5}, {}),
    ("POST /v1/holds/{hold_id}/capture", {}, {}),
    ("POST /v1/holds/{hold_id}/void", {}, {}),
    ("POST /v1/transactions/{transaction_id}/reversals", {"points": 5, "reason": "left early"}, {}),
    ("GET /v1/transactions/{transaction_id}", {}, {}),
    ("GET /v1/transactions", {}, {"card": WANG}),
    ("POST /v1/adjustments", MONEY, {}),
    (
        "POST /v1/adjustments",
        {"kind": "points", "card": WANG, "issuer": "PINE", "points": 5, "reason": "goodwill"},
        {},
    ),
    ("GET /v1/adjustments", {}, {"status": "proposed"}),
    ("GET /v1/adjustments/{adjustment_id}", {}, {}),
    ("POST /v1/adjustments/{adjustment_id}/approve", {}, {}),
    ("POST /v1/adjustments/{adjustment_id}/reject", {}, {}),
    ("GET /v1/events", {}, {"type": "cap.warning"}),
    (
        "POST /v1/fee-simulations",
        {"period": "", "rules": [{"kind": "redemption", "rate": "0.03", "payer": "issuer", "min": 1}]},
        {},
    ),
    ("GET /v1/cards/{number}", {}, {"merchant": "PINE-1"}),
    ("PATCH /v1/cards/{number}", {"status": "active", "expires_on": "2037-12-31"}, {}),
    ("GET /v1/members/{member_id}", {}, {}),
    ("GET /v1/members/{member_id}/export", {}, {}),
    ("POST /v1/cards/{number}/replacement", {}, {}),
    ("POST /v1/members/{member_id}/erasure", {"reason": "the guest asked for it"}, {}),
]


class Served(NamedTuple):
    """`real`: what there is, by the name under which a path, a query or a body calls it."""

    key: str
    real: dict[str, list[Any]]


def serve(alliance: Alliance) -> Served:
    APP.extensions["tongdui"] = alliance.services
    return Served(alliance.operator.key, real_names(alliance))


#: It takes nothing, not even a key, so there is nothing to get wrong.
NEVER_WRONG = "GET /v1/proof/keys"
CASES = [
    pytest.param(operation, mode, id=f"{operation.label}-{mode.value}")
    for operation in OPERATIONS
    for mode in GenerationMode
    if (operation.label, mode) != (NEVER_WRONG, GenerationMode.NEGATIVE)
]


@pytest.fixture(scope="module")
def served(shared: Alliance) -> Iterator[Served]:
    yield serve(shared)
    APP.extensions["tongdui"] = None


def real_names(alliance: Alliance) -> dict[str, list[Any]]:
    """Without them a generator, which seldom thinks of a hold's id, would be answered nothing but 404."""
    operator, other = alliance.operator, alliance.key("operator")
    booked = [good(operator.post("/v1/redemptions", HERE | {"points": 30})) for _ in range(9)]
    held = [good(operator.post("/v1/redemptions", HERE | {"points": 10} | ASIDE)) for _ in range(9)]
    proposed = [good(other.post("/v1/adjustments", MONEY)) for _ in range(9)]
    imported = wait_for_import(operator, "members", "participant\nPINE\nNOBODY\n")
    period = str(booked[0]["period"])
    good(operator.post(f"/v1/periods/{period}/close", {"early": True}))
    statements = good(operator.get("/v1/statements"))["data"]
    scope = {"scope": "auditor"}
    codes, people, periods = [*CODES], [WANG, LI, CHEN], [period]
    transactions, holds = [one["id"] for one in booked], [one["hold"] for one in held]
    return {
        **dict.fromkeys(["code", "participant", "issuer", "acceptor", "debtor", "creditor"], codes),
        **dict.fromkeys(["card", "number"], people),
        **dict.fromkeys(["period", "name"], periods),
        **dict.fromkeys(["transaction", "transaction_id"], transactions),
        **dict.fromkeys(["hold", "hold_id"], holds),
        "merchant": ["JADE-1", "LOTUS-1", "PINE-1"],
        "member_id": [alliance.member(card) for card in people],
        "wallet_id": [alliance.wallet(card) for card in people],
        "adjustment_id": [one["id"] for one in proposed],
        "import_id": [imported["id"]],
        "statement_id": [one["id"] for one in statements],
        "extension": ["json", "csv", "xlsx"],
        "key_id": [good(operator.post("/v1/api-keys", scope))["id"] for _ in range(5)],
    }


def test_ordinary_requests_are_answered_well_and_as_documented(alliance: Alliance) -> None:
    """With nothing in the answers that the document does not tell of."""
    served = serve(alliance)
    document = good(APP.test_client().get("/openapi.json"))
    operations = {operation.label: operation for operation in OPERATIONS}
    held, booked, proposed = (served.real[name] for name in ("hold", "transaction", "adjustment_id"))
    names = {"number": CHEN, "member_id": served.real["member_id"][1], "period": served.real["period"][0]}
    for label, body, query in ORDINARY:
        # Each request has a hold, a transaction and an adjustment of its own.
        ids = {"hold": held[0], "transaction": booked[0], "adjustment_id": proposed[0]}
        ids |= {"hold_id": ids["hold"], "transaction_id": ids["transaction"]} | names
        for name, spent in (("{hold_id}/", held), ("{adjustment_id}/", proposed)):
            if name in label:
                spent.pop(0)
        operation = operations[label]
        case = operation.Case(
            path_parameters={one.name: ids[one.name] for one in operation.path_parameters},
            query=query,
            body=body | {name: ids[name] for name, value in body.items() if value == ""},
            headers={"Idempotency-Key": str(uuid4())},
            media_type="application/json",
        )
        response = case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {served.key}"})
        assert response.status_code < 300, (label, body, response.text)
        answers = document["paths"][operation.path][operation.method]["responses"]
        schema = answers[str(response.status_code)]["content"]["application/json"]["schema"]
        assert undocumented(document, schema, response.json()) == [], label


@pytest.mark.parametrize(("operation", "mode"), CASES)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_answers_are_as_documented(
    served: Served, operation: APIOperation, mode: GenerationMode, data: st.DataObject
) -> None:
    case = data.draw(operation.as_strategy(generation_mode=mode))
    if mode is GenerationMode.POSITIVE:
        make_likely(case, operation, served.real, data)
    case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {served.key}"})


def make_likely(case: Case, operation: APIOperation, real: dict[str, list[Any]], data: st.DataObject) -> None:
    """Take most of it from an ordinary request, if one is known, and most names from what there is."""
    ordinary = [(body, query) for label, body, query in ORDINARY if label == operation.label]
    if ordinary and data.draw(st.integers(0, 3)) > 0:
        body, query = ordinary[data.draw(st.integers(0, len(ordinary) - 1))]
        kept = data.draw(st.integers(0, 2))
        for said, usual in ((case.body, body), (case.query, query)):
            if isinstance(said, dict):
                others = [name for name in said if name not in usual]
                for name in others[kept:]:
                    del said[name]
                said.update(usual)
    for said in (case.path_parameters, case.query, case.body):
        if isinstance(said, dict):
            for name in said:
                if name in real and (said[name] == "" or data.draw(st.integers(0, 9))):
                    said[name] = data.draw(st.sampled_from(real[name]))
