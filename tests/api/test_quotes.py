"""A quote is what the act then does, and changes nothing."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from support.alliance import CHEN, NOBODY, WANG, Alliance
from support.api import Caller, code, good, pointers, problem

ACTS: list[tuple[str, str, dict[str, Any]]] = [
    ("accrual", "/v1/accruals", {"card": WANG, "merchant": "LOTUS-1", "amount": 68_000}),
    ("accrual", "/v1/accruals", {"card": WANG, "merchant": "LOTUS-1", "amount": 680, "points": 50}),
    ("redemption", "/v1/redemptions", {"card": WANG, "merchant": "PINE-1", "points": 3333}),
    ("redemption", "/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "amount": 777}),
    ("load", "/v1/loads", {"card": CHEN, "merchant": "LOTUS-1", "issuer": "JADE", "amount": 1234}),
    ("load", "/v1/loads", {"card": CHEN, "merchant": "LOTUS-1", "amount": 1234}),
    ("spend", "/v1/spends", {"card": WANG, "merchant": "PINE-1", "amount": 4321}),
    (
        "redemption",
        "/v1/redemptions",
        {
            "card": WANG,
            "merchant": "PINE-1",
            "points": 12,
            "capture": False,
            "expires_at": "2026-12-24T18:00:00+08:00",
            "purpose": "dinner",
            "reference": "POS-9",
            "metadata": {"till": "3"},
        },
    ),
    ("spend", "/v1/spends", {"card": WANG, "merchant": "PINE-1", "amount": 99, "capture": False}),
]


def ask(caller: Caller, kind: str, body: dict[str, Any], **named: str) -> TestResponse:
    return caller.post("/v1/quotes", {"kind": kind, **body, **named})


@pytest.mark.parametrize(("kind", "path", "body"), ACTS)
def test_a_quote_is_what_the_act_then_does(
    shared: Alliance, kind: str, path: str, body: dict[str, Any]
) -> None:
    if "expires_at" in body:
        body = body | {"expires_at": (datetime.now(UTC) + timedelta(days=3)).isoformat()}
    quoted = good(ask(shared.operator, kind, body))
    assert_equal(quoted, good(shared.operator.post(path, body)))


def assert_equal(quoted: dict[str, Any], posted: dict[str, Any]) -> None:
    """The quote tells what the transaction, or the hold, then is."""
    same = {*quoted} - {"fee", "obligation", "legs", "expires_at"}
    assert {name: quoted[name] for name in same} == {name: posted[name] for name in same}
    assert quoted["fee"] == sum(leg["fee"] for leg in posted["legs"])
    assert quoted["obligation"] == sum(leg["obligation"] for leg in posted["legs"])
    assert without_new_lots(quoted["legs"]) == without_new_lots(posted["legs"])
    assert (quoted["expires_at"] is None) == ("expires_at" not in posted)
    if quoted["expires_at"] is not None:
        first, second = (datetime.fromisoformat(one["expires_at"]) for one in (quoted, posted))
        assert abs(first - second) < timedelta(minutes=1)


def without_new_lots(legs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A lot that does not exist yet has no lasting id in a quote."""
    return [leg | {"issues": [one | {"lot": ""} for one in leg["issues"]]} for leg in legs]


@pytest.mark.parametrize("part", [{}, {"points": 120}, {"amount": 37}])
def test_a_quote_of_a_capture_is_what_the_capture_then_books(shared: Alliance, part: dict[str, int]) -> None:
    desk, body = shared.merchant("PINE-1"), {"card": WANG, "merchant": "PINE-1", "points": 160}
    held = good(desk.post("/v1/redemptions", body | {"capture": False}))
    quoted = good(ask(desk, "capture", part, hold=held["hold"]))
    assert quoted["fee"] > 0
    good(desk.post(f"/v1/holds/{held['hold']}/capture", part))
    assert_equal(quoted, good(desk.get(f"/v1/transactions/{held['id']}")))


def test_a_quote_of_a_void_is_what_is_then_released(shared: Alliance) -> None:
    desk, body = shared.merchant("PINE-1"), {"card": WANG, "merchant": "PINE-1", "amount": 500}
    held = good(desk.post("/v1/spends", body | {"capture": False}))
    quoted = good(ask(desk, "void", {}, hold=held["hold"]))
    assert (quoted["status"], quoted["amount"], quoted["fee"]) == ("voided", 500, 0)
    good(desk.post(f"/v1/holds/{held['hold']}/void"))
    assert_equal(quoted, good(desk.get(f"/v1/transactions/{held['id']}")))


@pytest.mark.parametrize(
    "part", [{}, {"points": 120}, {"amount": 37, "reason": "too much", "reference": "U"}]
)
def test_a_quote_of_a_reversal_is_what_is_then_given_back(shared: Alliance, part: dict[str, Any]) -> None:
    desk = shared.merchant("PINE-1")
    booked = good(desk.post("/v1/redemptions", {"card": WANG, "merchant": "PINE-1", "points": 160}))
    quoted = good(ask(desk, "reversal", part, transaction=booked["id"]))
    assert (quoted["points"] < 0, quoted["fee"] <= 0) == (True, True)
    body = {"reason": "left early"} | part
    assert_equal(quoted, good(desk.post(f"/v1/transactions/{booked['id']}/reversals", body)))


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("redemption", "/v1/redemptions", {"points": 10**8}, "insufficient_points"),
    ("redemption", "/v1/redemptions", {"points": 0}, "amount_invalid"),
    ("redemption", "/v1/redemptions", {"points": 1, "reference": "taken"}, "duplicate_reference"),
    (
        "redemption",
        "/v1/redemptions",
        {"points": 1, "occurred_at": "2199-01-01T00:00:00Z"},
        "occurred_in_future",
    ),
    (
        "redemption",
        "/v1/redemptions",
        {"points": 1, "capture": False, "expires_at": "2020-01-01T00:00:00Z"},
        "malformed",
    ),
    ("spend", "/v1/spends", {"amount": 10**8}, "insufficient_value"),
    ("accrual", "/v1/accruals", {"amount": 100, "card": NOBODY}, "card_unknown"),
    ("load", "/v1/loads", {"amount": 100, "merchant": "NOWHERE"}, "merchant_unknown"),
    ("load", "/v1/loads", {"amount": 100, "issuer": "PINE"}, "not_enabled"),
]


@pytest.mark.parametrize(("kind", "path", "changes", "expected"), REFUSED)
def test_a_quote_is_refused_as_the_act_would_be(
    shared: Alliance, kind: str, path: str, changes: dict[str, Any], expected: str
) -> None:
    body = {"card": WANG, "merchant": "LOTUS-1"} | changes
    taken = {"card": WANG, "merchant": "LOTUS-1", "points": 1, "reference": "taken"}
    shared.operator.post("/v1/redemptions", taken)
    assert told(ask(shared.operator, kind, body)) == told(shared.operator.post(path, body))
    assert code(ask(shared.operator, kind, body)) == expected


def told(response: TestResponse) -> dict[str, Any]:
    """All that a refusal says, but for the request's own id and the time of day."""
    found = json.loads(re.sub(r"T\d\d:\d\d:\d\d", "T", response.text))
    return {**found, "request_id": ""}


def test_quotes_of_follow_ups_are_refused_as_these_would_be(shared: Alliance) -> None:
    desk, body = shared.merchant("PINE-1"), {"card": WANG, "merchant": "PINE-1", "points": 10}
    booked = good(desk.post("/v1/redemptions", body))
    hold = good(desk.post("/v1/redemptions", body | {"capture": False}))["hold"]
    here, there = f"/v1/holds/{hold}", f"/v1/transactions/{booked['id']}"
    why, of_hold, of_booked = {"reason": "x"}, {"hold": hold}, {"transaction": booked["id"]}
    other = shared.merchant("LOTUS-1")
    cases: list[tuple[Caller, str, dict[str, str], str, dict[str, Any], str]] = [
        (desk, "capture", of_hold, f"{here}/capture", {"points": 11}, "exceeds_held"),
        (desk, "capture", {"hold": "hold_x"}, "/v1/holds/hold_x/capture", {}, "hold_unknown"),
        (desk, "capture", of_hold, f"{here}/capture", {"points": 1, "amount": 1}, "malformed"),
        (other, "capture", of_hold, f"{here}/capture", {}, "hold_unknown"),
        (other, "void", of_hold, f"{here}/void", {}, "hold_unknown"),
        (other, "reversal", of_booked, f"{there}/reversals", why, "transaction_unknown"),
        (desk, "reversal", of_booked, f"{there}/reversals", {"points": 11} | why, "exceeds_reversible"),
        (desk, "reversal", {"transaction": "x"}, "/v1/transactions/x/reversals", why, "transaction_unknown"),
    ]
    for caller, kind, named, path, asked, expected in cases:
        quoted = ask(caller, kind, asked, **named)
        assert told(quoted) == told(caller.post(path, asked))
        assert code(quoted) == expected, (kind, asked)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "opening", "card": WANG}, "/kind"),
        ({"kind": "accrual", "card": WANG, "merchant": "PINE-1"}, "/amount"),
        ({"kind": "redemption", "card": WANG, "merchant": "PINE-1"}, "/points"),
        ({"kind": "load", "card": WANG, "merchant": "PINE-1", "amount": 1, "points": 1}, "/points"),
        ({"kind": "capture", "card": WANG}, "/card"),
        ({"kind": "capture"}, "/hold"),
        ({"kind": "reversal", "transaction": "txn_x", "hold": "hold_x"}, "/hold"),
        ({"kind": "void", "hold": "hold_x", "colour": "red"}, "/colour"),
    ],
)
def test_a_quote_takes_what_the_act_takes(shared: Alliance, body: dict[str, Any], pointer: str) -> None:
    found = problem(shared.operator.post("/v1/quotes", body))
    assert found["code"] == "malformed"
    assert pointer in pointers(found)


def test_a_desk_is_quoted_after_caps_were_set_elsewhere(alliance: Alliance) -> None:
    desk = alliance.merchant("PINE-1")
    body = {"kind": "redemption", "card": WANG, "merchant": "PINE-1", "points": 500}
    good(desk.post("/v1/quotes", body))
    with alliance.services.engine.begin() as connection:  # as another process does it
        connection.execute(text("UPDATE participants SET net_debit_cap = 100"))
        connection.execute(text("UPDATE directory_versions SET version = version + 1"))
    assert code(desk.post("/v1/quotes", body)) == "net_debit_cap"
    assert good(desk.get(f"/v1/cards/{WANG}"))["points"]["available"] == 6_500


def test_redeeming_by_amount_takes_the_fewest_points_worth_that_much(alliance: Alliance) -> None:
    good(alliance.operator.put("/v1/alliance", {"point_value": "0.3"}))
    body = {"kind": "redemption", "card": WANG, "merchant": "JADE-1", "amount": 100}
    quoted = good(alliance.operator.post("/v1/quotes", body))
    assert (quoted["points"], quoted["amount"]) == (334, 100)
