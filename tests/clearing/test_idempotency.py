"""Hashes of keys and requests are kept for ever: they must come out the same in every version."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from clearing.idempotency import act_hash, key_hash, request_hash

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
BODY: dict[str, Any] = {"card": "62000001", "merchant": "莲花-1", "amount": 680, "occurred_at": AT}


def test_hashes_are_what_they_were() -> None:
    assert key_hash("participant:2", "bill 1") == "ee121bc6-935c-db55-a67b-c1f6945d7e98"
    assert request_hash("accrual", {"b": 1, "a": None}) == "52c7993b-9e60-8682-7b53-0c61b3e4b9f3"
    assert (
        act_hash("accrual", BODY | {"expires_on": date(2027, 1, 31), "capture": True})
        == "5ecc6a33-3993-69a5-9d33-41eb6a5bacd9"
    )


@pytest.mark.parametrize(
    "same",
    [
        {"points": None},
        {"metadata": {}},
        dict(reversed(BODY.items())),
        {"occurred_at": AT.astimezone(timezone(timedelta(0)))},
    ],
)
def test_what_says_no_more_is_the_same_act(same: dict[str, Any]) -> None:
    assert act_hash("accrual", BODY | same) == act_hash("accrual", BODY)


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 681},
        {"amount": "680"},
        {"points": 0},
        {"metadata": {"a": "1"}},
        {"capture": False},
        {"occurred_at": AT + timedelta(microseconds=1)},
        {"reference": "R"},
    ],
)
def test_what_says_something_else_is_another_act(other: dict[str, Any]) -> None:
    assert act_hash("accrual", BODY | other) != act_hash("accrual", BODY)
    assert act_hash("load", BODY) != act_hash("accrual", BODY)
