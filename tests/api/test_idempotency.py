"""A key has one outcome for ever: sent again it gives the first answer, and nothing happens twice."""

from typing import Any

import pytest
from sqlalchemy import select

from clearing.tables import outcomes
from support.alliance import LI, WANG, Alliance
from support.api import code, detail, good

AT = {"card": WANG, "merchant": "JADE-1"}
ACTS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/accruals", {**AT, "amount": 100, "reference": "A-1", "metadata": {"b": "2", "a": "1"}}),
    ("/v1/redemptions", {**AT, "points": 100}),
    ("/v1/loads", {**AT, "amount": 100}),
    ("/v1/spends", {**AT, "amount": 100}),
]
MOVING = [path for path, _ in ACTS]


@pytest.mark.parametrize(("path", "body"), ACTS, ids=MOVING)
def test_without_a_key_nothing_moves_and_the_answer_says_why_one_is_needed(
    shared: Alliance, path: str, body: dict[str, Any]
) -> None:
    before = shared.row_counts()
    for given in ({}, {"Idempotency-Key": ""}, {"Idempotency-Key": "   "}):
        headers = {"Authorization": f"Bearer {shared.operator.key}", **given}
        refused = shared.app.test_client().post(path, json=body, headers=headers)
        assert (refused.status_code, code(refused)) == (400, "idempotency_key_required")
        assert "UUID" in detail(refused)
    assert shared.row_counts() == before


@pytest.mark.parametrize("key", ["x" * 256, "a\tb", "a\x7fb", "\x9f"])
def test_a_key_must_be_printable_and_not_too_long(shared: Alliance, key: str) -> None:
    path, body = ACTS[0]
    refused = shared.operator.post(path, body, idempotency_key=key)
    assert code(refused) == "malformed"
    assert "255" in detail(refused)


@pytest.mark.parametrize(("path", "body"), ACTS, ids=MOVING)
def test_sent_again_it_gives_the_first_answer_and_says_so(
    shared: Alliance, path: str, body: dict[str, Any]
) -> None:
    key = f"again {path}"
    first = shared.operator.post(path, body, idempotency_key=key)
    sums = shared.sums()
    again = shared.operator.post(path, dict(reversed(body.items())), idempotency_key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert shared.sums() == sums


def test_the_first_answer_is_given_also_after_the_world_has_changed(alliance: Alliance) -> None:
    path, body = "/v1/redemptions", {**AT, "points": 4000}
    first = alliance.operator.post(path, body, idempotency_key="k")
    good(alliance.operator.post(f"/v1/periods/{good(first)['period']}/close", {"early": True}))
    good(alliance.operator.put("/v1/alliance", {"point_value": "2"}))
    good(alliance.operator.patch("/v1/participants/JADE/merchants/JADE-1", {"status": "suspended"}))
    again = alliance.operator.post(path, body, idempotency_key="k")
    assert (again.status_code, again.json) == (201, first.json)
    assert code(alliance.operator.post(path, body)) == "merchant_suspended"


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/redemptions", {**AT, "points": 10**9}, "insufficient_points"),
    ("/v1/spends", {**AT, "amount": 10**9}, "insufficient_value"),
    ("/v1/accruals", {**AT, "amount": 0}, "amount_invalid"),
    ("/v1/accruals", {**AT, "card": "00000000", "amount": 1}, "card_unknown"),
    ("/v1/accruals", {**AT, "merchant": "NOWHERE", "amount": 1}, "merchant_unknown"),
]


@pytest.mark.parametrize(("path", "body", "expected"), REFUSED)
def test_a_refusal_is_given_again_too(
    shared: Alliance, path: str, body: dict[str, Any], expected: str
) -> None:
    key = f"refused {path} {expected}"
    first = shared.operator.post(path, body, idempotency_key=key)
    again = shared.operator.post(path, body, idempotency_key=key)
    assert code(first) == code(again) == expected
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    told = [{**one.json, "request_id": ""} for one in (first, again)]  # type: ignore[dict-item]
    assert told[0] == told[1]


def test_a_refusal_stays_even_if_the_act_would_succeed_now(alliance: Alliance) -> None:
    path, body = "/v1/redemptions", {"card": LI, "merchant": "LOTUS-1", "points": 10}
    assert code(alliance.operator.post(path, body, idempotency_key="k")) == "insufficient_points"
    alliance.open_points(LI, "LOTUS", 10)
    assert code(alliance.operator.post(path, body, idempotency_key="k")) == "insufficient_points"
    good(alliance.operator.post(path, body, idempotency_key="a new key for a new try"))


@pytest.mark.parametrize(
    "other",
    [{"points": 101}, {"card": LI}, {"reference": "R"}, {"purpose": "tea"}],
)
def test_another_body_under_the_same_key_is_refused(shared: Alliance, other: dict[str, Any]) -> None:
    body = {**AT, "points": 100}
    good(shared.operator.post("/v1/redemptions", body, idempotency_key="same"))
    sums = shared.sums()
    refused = shared.operator.post("/v1/redemptions", body | other, idempotency_key="same")
    assert (refused.status_code, code(refused)) == (422, "idempotency_key_reused")
    assert "new key" in detail(refused)
    assert shared.sums() == sums


def test_another_act_under_the_same_key_is_refused(shared: Alliance) -> None:
    good(shared.operator.post("/v1/loads", {**AT, "amount": 7}, idempotency_key="one act"))
    for path in ("/v1/spends", "/v1/accruals"):
        refused = shared.operator.post(path, {**AT, "amount": 7}, idempotency_key="one act")
        assert code(refused) == "idempotency_key_reused"


def test_a_key_belongs_to_the_participant_whose_data_it_is(alliance: Alliance) -> None:
    lotus = {"card": WANG, "merchant": "LOTUS-1", "points": 100}
    jade = {"card": WANG, "merchant": "JADE-1", "points": 100}
    first = good(alliance.participant("LOTUS").post("/v1/redemptions", lotus, idempotency_key="1"))
    second = good(alliance.participant("JADE").post("/v1/redemptions", jade, idempotency_key="1"))
    assert first["id"] != second["id"]
    # Whoever sends it: a till that fails can be replaced by another, and the operator can help out.
    for sender in (alliance.merchant("LOTUS-1"), alliance.operator):
        again = sender.post("/v1/redemptions", lotus, idempotency_key="1")
        assert (good(again)["id"], again.headers["Idempotency-Replayed"]) == (first["id"], "true")
    assert good(alliance.operator.post("/v1/redemptions", jade, idempotency_key="1"))["id"] == second["id"]


def test_one_that_may_not_act_there_learns_nothing_of_the_outcome(shared: Alliance) -> None:
    body = {"card": WANG, "merchant": "LOTUS-1", "amount": 5}
    good(shared.merchant("LOTUS-1").post("/v1/accruals", body, idempotency_key="secret"))
    assert (
        code(shared.merchant("LOTUS-2").post("/v1/accruals", body, idempotency_key="secret")) == "forbidden"
    )


def test_keys_are_kept_as_hashes(shared: Alliance) -> None:
    good(shared.operator.post("/v1/loads", {**AT, "amount": 7}, idempotency_key="13800000001"))
    with shared.services.engine.connect() as connection:
        keys = set(connection.execute(select(outcomes.c.key)).scalars())
    assert all(len(key) == 36 for key in keys)


def test_enrolling_takes_a_key_and_gives_the_first_answer_again(shared: Alliance) -> None:
    body = {"participant": "JADE", "name": "Zhao", "phone": "13911111111"}
    first = shared.operator.post("/v1/members", body, idempotency_key="enrol")
    again = shared.operator.post("/v1/members", body, idempotency_key="enrol")
    assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    refused = shared.operator.post("/v1/members", body | {"name": "Qian"}, idempotency_key="enrol")
    assert code(refused) == "idempotency_key_reused"


def test_a_refused_enrolment_is_given_again_too(shared: Alliance) -> None:
    body = {"participant": "LOTUS", "phone": "13800000001"}
    first = shared.operator.post("/v1/members", body, idempotency_key="wang again")
    again = shared.operator.post("/v1/members", body, idempotency_key="wang again")
    assert code(first) == code(again) == "enrolled_elsewhere"
    assert again.headers["Idempotency-Replayed"] == "true"


def test_enrolling_without_a_key_is_answered_too(shared: Alliance) -> None:
    headers = {"Authorization": f"Bearer {shared.operator.key}"}
    client = shared.app.test_client()
    made = client.post("/v1/members", json={"participant": "PINE"}, headers=headers)
    assert made.status_code == 201
