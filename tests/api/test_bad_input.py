"""Whatever body is sent, the answer is a problem document that points at the fault; nothing has changed."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from support.alliance import WANG, Alliance
from support.api import pointers, refused

pytestmark = pytest.mark.usefixtures("unchanged")

AT = {"card": WANG, "merchant": "JADE-1"}
GOOD: dict[str, dict[str, Any]] = {
    "/v1/accruals": {**AT, "amount": 100},
    "/v1/redemptions": {**AT, "points": 100},
    "/v1/loads": {**AT, "amount": 100},
    "/v1/spends": {**AT, "amount": 100},
    "/v1/quotes": {**AT, "kind": "redemption", "points": 100},
    "/v1/members": {"participant": "JADE", "name": "Zhao", "phone": "13900000000"},
    "/v1/participants": {"code": "OAK", "name": "Oak", "earn_rate": "1"},
    "/v1/participants/JADE/merchants": {"code": "JADE-9", "name": "Nine"},
    "/v1/fee-rules": {"kind": "visit", "rate": "0.01", "flat": 0},
    "/v1/api-keys": {"scope": "participant", "participant": "JADE"},
    "/v1/periods/2026-11/close": {"early": True},
}
POSTS = list(GOOD)
NUMBERS = [(path, name) for path, body in GOOD.items() for name, value in body.items() if type(value) is int]
TEXTS = [(path, name) for path, body in GOOD.items() for name, value in body.items() if type(value) is str]


def send(shared: Alliance, path: str, data: bytes, content_type: str = "application/json") -> TestResponse:
    headers = {"Authorization": f"Bearer {shared.operator.key}", "Idempotency-Key": "k"}
    return shared.app.test_client().post(path, data=data, headers=headers, content_type=content_type)


NOT_JSON = {
    "nothing but a brace": b"{",
    "text": b"card=1",
    "latin-1": '{"card": "Bär"}'.encode("latin-1"),
    "utf-16": json.dumps({"card": "1"}).encode("utf-16"),
    "utf-16 without a mark": '{"card": "\u4e2d"}'.encode("utf-16-be"),
    "an overlong encoding": b'{"card": "\xc0\xaf"}',
    "NaN": b'{"amount": NaN}',
    "Infinity": b'{"amount": -Infinity}',
    "deep nesting": b"[" * 100_000,
    "deep nesting, closed": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a number of 5,000 digits": b'{"amount": ' + b"9" * 5000 + b"}",
    "two documents": b"{}{}",
    "a comment": b"{} // none",
    "an array": b"[]",
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a text": b'"card"',
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_a_json_object_is_refused_everywhere(shared: Alliance, name: str) -> None:
    for path in POSTS:
        found = refused(send(shared, path, NOT_JSON[name]))
        assert "JSON" in found["detail"], (path, found)


@pytest.mark.parametrize("path", POSTS)
def test_another_content_type_is_refused(shared: Alliance, path: str) -> None:
    data = json.dumps(GOOD[path]).encode()
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
        found = refused(send(shared, path, data, content_type), "unsupported_media_type")
        assert "application/json" in found["detail"]


@pytest.mark.parametrize("path", POSTS)
def test_a_body_beyond_the_limit_is_refused_whether_its_length_is_announced_or_not(
    shared: Alliance, path: str
) -> None:
    data = b'{"x": "' + b"x" * 1_100_000 + b'"}'
    assert "1000000" in refused(send(shared, path, data), "too_large")["detail"]
    headers = {"Authorization": f"Bearer {shared.operator.key}", "Idempotency-Key": "k"}
    chunked = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    response = shared.app.test_client().post(
        path, data=data, headers=headers, content_type="application/json", environ_overrides=chunked
    )
    refused(response, "too_large")


@pytest.mark.parametrize("path", POSTS)
def test_a_field_nobody_knows_is_named(shared: Alliance, path: str) -> None:
    found = refused(shared.operator.post(path, GOOD[path] | {"amonut": 1, "a/b~c": 2}))
    assert sorted(pointers(found)) == ["/amonut", "/a~1b~0c"]


@pytest.mark.parametrize("path", [path for path in POSTS if "close" not in path])
def test_an_empty_object_names_what_is_missing(shared: Alliance, path: str) -> None:
    found = refused(send(shared, path, b"{}"))
    assert pointers(found)
    assert all(pointer[1:] in {*GOOD[path], "amount", "points"} for pointer in pointers(found)), found


WRONG_NUMBERS = [
    "100", "", 1.5, 1.0, 1e300, True, False, [], [100], {}, {"fen": 1},
    10**30, 10**400, -(10**30), 2**63, 0, -1, 10**12 + 1,
]  # fmt: skip


@pytest.mark.parametrize(("path", "name"), NUMBERS)
def test_a_number_that_is_not_a_sensible_whole_number_is_refused(
    shared: Alliance, path: str, name: str
) -> None:
    for value in WRONG_NUMBERS:
        if (path, value) == ("/v1/fee-rules", 0) and type(value) is int:
            continue
        found = refused(shared.operator.post(path, GOOD[path] | {name: value}), "malformed", "amount_invalid")
        assert pointers(found) == [f"/{name}"], (value, found)


WRONG_TEXTS = {
    "a number": 1,
    "a truth": True,
    "a list": ["JADE"],
    "an object": {"a": "b"},
    "nothing": "",
    "spaces": " \u3000\u00a0",
    "NUL": "JADE\x00",
    "a line break": "JADE\n",
    "an escape": "\x1b[31mJADE",
    "a lone surrogate": "JADE\ud800",
    "what is no character": "JADE\ufffe",
    "the last of a plane": "JADE\U0010ffff",
    "one of the 32 in the middle": "\ufdd0JADE",
    "a C1 control": "JADE\x85",
    "the end of a line elsewhere": "JADE\u2028",
    "a zero-width space": "JA\u200bDE",
    "a byte order mark": "\ufeffJADE",
    "what turns the direction": "\u202eJADE",
    "too long": "J" * 5000,
    "a million characters": "J" * 900_000,
}


#: Fields that need not be there: a blank one says nothing, as an empty cell of a file does.
OPTIONAL = {("/v1/members", "name"), ("/v1/members", "phone")}


@pytest.mark.parametrize("kind", WRONG_TEXTS)
def test_a_text_that_is_not_printable_or_of_a_sensible_length_is_refused(shared: Alliance, kind: str) -> None:
    for path, name in TEXTS:
        if kind in ("nothing", "spaces") and (path, name) in OPTIONAL:
            continue
        body = GOOD[path] | {name: WRONG_TEXTS[kind]}
        found = refused(shared.operator.post(path, body))
        assert pointers(found) == [f"/{name}"], (path, name, found)


@pytest.mark.parametrize("path", ["/v1/accruals", "/v1/redemptions", "/v1/loads", "/v1/spends"])
@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "2026-11-22",
        "2026-11-22T10:00:00",
        "0001-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-22T25:00:00Z",
        "2026-11-22T10:00:00+99:00",
        "２０２６-11-22T10:00:00Z",
        "2026-11-22T10:00:00+08:00\x00",
        1764000000,
        True,
        ["2026-11-22T10:00:00Z"],
        "",
    ],
)
def test_a_time_must_be_a_time_with_its_offset(shared: Alliance, path: str, value: Any) -> None:
    found = refused(shared.operator.post(path, GOOD[path] | {"occurred_at": value}))
    assert pointers(found) == ["/occurred_at"]


def test_a_time_in_the_future_is_refused_by_the_ledger(shared: Alliance) -> None:
    body = GOOD["/v1/accruals"] | {"occurred_at": "2150-01-01T00:00:00Z"}
    found = refused(shared.operator.post("/v1/accruals", body), "occurred_in_future")
    assert "offset" in found["detail"]


DATES: list[Any] = [
    "2026-02-30",
    "2026-11",
    "tomorrow",
    "",
    "2026-11-22T00:00:00Z",
    20261122,
    True,
    "10000-01-01",
]


@pytest.mark.parametrize("value", DATES)
def test_a_date_must_be_a_date(shared: Alliance, value: Any) -> None:
    for path, name in (("/v1/members", "card_expires_on"), ("/v1/fee-rules", "valid_from")):
        found = refused(shared.operator.post(path, GOOD[path] | {name: value}))
        assert pointers(found) == [f"/{name}"]


BAD_METADATA: list[tuple[Any, str]] = [
    ({"a": 1}, "/metadata/a"),
    ({"a": None}, "/metadata/a"),
    ({"a": {"b": "c"}}, "/metadata/a"),
    ({"": "x"}, "/metadata/"),
    ({"a/b": 1}, "/metadata/a~1b"),
    ({"a": "x" * 501}, "/metadata/a"),
    ({"k" * 41: "x"}, "/metadata/" + "k" * 41),
    ({"a": "\x00"}, "/metadata/a"),
    ({str(number): "x" for number in range(21)}, "/metadata"),
    ([], "/metadata"),
    ("a=b", "/metadata"),
]


@pytest.mark.parametrize(("metadata", "pointer"), BAD_METADATA)
def test_metadata_is_a_small_map_of_texts(shared: Alliance, metadata: Any, pointer: str) -> None:
    found = refused(shared.operator.post("/v1/accruals", GOOD["/v1/accruals"] | {"metadata": metadata}))
    assert pointers(found) == [pointer]


INVALID: list[tuple[str, dict[str, Any], str]] = [
    # path, changes, pointer
    ("/v1/redemptions", {"amount": 100}, "/points"),
    ("/v1/redemptions", {"points": None}, "/points"),
    ("/v1/redemptions", {"expires_at": "2036-12-31T12:00:00+08:00"}, "/expires_at"),
    ("/v1/spends", {"capture": False, "expires_at": "tomorrow"}, "/expires_at"),
    ("/v1/redemptions", {"capture": "true"}, "/capture"),
    ("/v1/spends", {"capture": 1}, "/capture"),
    ("/v1/loads", {"issuer": "NOBODY"}, "/issuer"),
    ("/v1/loads", {"issuer": "a b"}, "/issuer"),
    ("/v1/quotes", {"kind": "gift"}, "/kind"),
    ("/v1/quotes", {"kind": "accrual"}, "/amount"),
    ("/v1/quotes", {"kind": "load", "amount": 1, "issuer": "NOBODY", "points": None}, "/issuer"),
    ("/v1/members", {"participant": "NOBODY"}, "/participant"),
    ("/v1/members", {"phone": "call me"}, "/phone"),
    ("/v1/members", {"card": "12 34"}, "/card"),
    ("/v1/members", {"card": "123"}, "/card"),
    ("/v1/participants", {"code": "-"}, "/code"),
    ("/v1/participants", {"code": "A B"}, "/code"),
    ("/v1/participants", {"code": "玉"}, "/code"),
    ("/v1/participants", {"earn_rate": 1}, "/earn_rate"),
    ("/v1/participants", {"earn_rate": "-1"}, "/earn_rate"),
    ("/v1/participants", {"earn_rate": "1e3"}, "/earn_rate"),
    ("/v1/participants", {"earn_rate": "10001"}, "/earn_rate"),
    ("/v1/participants", {"earn_rate": "NaN"}, "/earn_rate"),
    ("/v1/participants", {"earn_rate": "1\n"}, "/earn_rate"),
    ("/v1/participants", {"expiry": {}}, "/expiry/kind"),
    ("/v1/participants", {"expiry": {"kind": "sometimes"}}, "/expiry/kind"),
    ("/v1/participants", {"expiry": {"kind": "fixed"}}, "/expiry"),
    ("/v1/participants", {"expiry": {"kind": "rolling", "months": 0}}, "/expiry/months"),
    ("/v1/participants", {"expiry": {"kind": "rolling", "key": 0}}, "/expiry/key"),
    ("/v1/participants", {"tiers": "Gold"}, "/tiers"),
    ("/v1/participants", {"tiers": ["Gold", ""]}, "/tiers/1"),
    ("/v1/participants", {"stored_value_enabled": True}, "/stored_value_permit"),
    ("/v1/participants", {"stored_value_enabled": "yes"}, "/stored_value_enabled"),
    ("/v1/participants", {"status": "suspended"}, "/status"),
    ("/v1/participants/JADE/merchants", {"benefits": {"Gold": "Tea"}}, "/benefits/Gold"),
    ("/v1/participants/JADE/merchants", {"benefits": {"Gold": ["Tea", 1]}}, "/benefits/Gold/1"),
    ("/v1/fee-rules", {"kind": "accrual"}, "/kind"),
    ("/v1/fee-rules", {"rate": "1.01"}, "/rate"),
    ("/v1/fee-rules", {"issuer": "NOBODY"}, "/issuer"),
    ("/v1/fee-rules", {"payer": "member"}, "/payer"),
    ("/v1/fee-rules", {"payer": {"acceptor": "0.5", "issuer": "0.6"}}, "/payer"),
    ("/v1/fee-rules", {"payer": {"acceptor": 1, "issuer": 0}}, "/payer"),
    ("/v1/fee-rules", {"payer": {"acceptor": "1", "issuer": None}}, "/payer"),
    ("/v1/fee-rules", {"min": 2, "max": 1}, "/max"),
    ("/v1/fee-rules", {"tiers": [{"above": 0, "rate": "0"}]}, "/tiers/0/above"),
    ("/v1/fee-rules", {"tiers": [{"above": 1}]}, "/tiers/0/rate"),
    ("/v1/fee-rules", {"rate": "0.02", "tiers": [{"above": 1, "rate": "0.02"}]}, "/tiers"),
    (
        "/v1/fee-rules",
        {"rate": "0.02", "tiers": [{"above": 2, "rate": "0.01"}, {"above": 2, "rate": "0"}]},
        "/tiers",
    ),
    ("/v1/fee-rules", {"valid_from": "0001-01-01"}, "/valid_from"),
    ("/v1/api-keys", {"scope": "root"}, "/scope"),
    ("/v1/api-keys", {"scope": "operator"}, "/participant"),
    ("/v1/api-keys", {"scope": "merchant"}, "/merchant"),
    ("/v1/api-keys", {"scope": "merchant", "merchant": "LOTUS-1"}, "/merchant"),
    ("/v1/api-keys", {"participant": "NOBODY"}, "/participant"),
    ("/v1/periods/2026-11/close", {"early": "yes"}, "/early"),
]


@pytest.mark.parametrize(("path", "changes", "pointer"), INVALID)
def test_a_wrong_field_is_pointed_at(
    shared: Alliance, path: str, changes: dict[str, Any], pointer: str
) -> None:
    found = refused(shared.operator.post(path, GOOD[path] | changes))
    assert pointers(found) == [pointer]


@pytest.mark.parametrize(
    "settings",
    [
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "localtime"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": None},
        {"currency": "EUR"},
        {"point_value": "0"},
        {"point_value": 1},
        {"reimbursement_rate": "1.5"},
        {"draw_order": "latest_first"},
        {"grace_days": -1},
        {"grace_days": 10**400},
        {"grace_days": 1.0},
        {"grace_days": True},
        {"hold_minutes_default": 576_001},
        {"dual_control": 1},
        {"close_quiet_minutes": -1},
        {"due_days": None},
        {"suspend_overdue_days": 0},
        {"version": 7},
    ],
)
def test_wrong_alliance_settings_are_refused(shared: Alliance, settings: dict[str, Any]) -> None:
    found = refused(shared.operator.put("/v1/alliance", settings))
    assert pointers(found) == [f"/{name}" for name in settings]
