"""Spend: a member pays with stored value; another issuer's where the operator enabled it."""

from decimal import Decimal
from typing import Any

import pytest

from clearing.core.outcomes import Refusal
from support.core import Books, alliance, spend


def _books(*lots: str, enabled: str = "enabled", **settings: Any) -> Books:
    directory = alliance(f"JADE {enabled}", "LOTUS", "PINE", fees=["spend 0.6%"], **settings)
    return Books(directory, lots={"Wang": lots})


def test_own_value_goes_first_then_others() -> None:
    books = _books("JADE ¥50.00 never", "LOTUS ¥20.00 never")
    booked = books.book(spend("¥60.00", "LOTUS-1"))
    assert books.legs(booked) == [
        "spend of LOTUS: ¥20.00; own_system",
        "spend of JADE: ¥40.00; JADE owes LOTUS ¥40.00; LOTUS pays ¥0.24; exchange",
    ]
    assert books.left("Wang") == ["JADE ¥10.00 never"]


def test_the_issuer_reimburses_at_the_alliances_rate_and_the_fee_is_on_the_whole() -> None:
    books = _books("JADE ¥50.00 never", reimbursement_rate=Decimal("0.8"))
    assert books.legs(books.book(spend("¥33.33", "LOTUS-1"))) == [
        "spend of JADE: ¥33.33; JADE owes LOTUS ¥26.66; LOTUS pays ¥0.20; exchange"  # 2,666.4 fen
    ]


SPENDS = [
    # lots, amount, answer at LOTUS where JADE is not enabled
    (["JADE ¥50.00 never"], "¥10.00", "not_enabled"),
    (["JADE ¥50.00 never", "LOTUS ¥20.00 never"], "¥20.00", None),  # its own is enough
    (["JADE ¥50.00 never", "LOTUS ¥20.00 never"], "¥20.01", "not_enabled"),
    (["JADE ¥50.00 never", "LOTUS ¥20.00 never"], "¥70.00", "not_enabled"),
    (["JADE ¥50.00 never", "LOTUS ¥20.00 never"], "¥70.01", "insufficient_value"),  # no permission would help
    (["JADE ¥50.00 2026-11-14", "LOTUS ¥20.00 never"], "¥20.01", "insufficient_value"),  # it has ended
    (["JADE 9999 pts never", "LOTUS ¥20.00 never"], "¥20.01", "insufficient_value"),  # points are not money
    (["LOTUS ¥20.00 never held=100"], "¥20.01", "insufficient_value"),
    ([], "¥0.01", "insufficient_value"),
]


@pytest.mark.parametrize(("lots", "amount", "answer"), SPENDS)
def test_own_value_always_works_and_others_where_enabled(
    lots: list[str], amount: str, answer: str | None
) -> None:
    books = _books(*lots, enabled="")
    if answer:
        assert books.refuse(spend(amount, "LOTUS-1")) == answer
    else:
        assert books.legs(books.book(spend(amount, "LOTUS-1"))) == [f"spend of LOTUS: {amount}; own_system"]


def test_it_is_the_issuer_that_must_be_enabled() -> None:
    books = Books(
        alliance("JADE", "LOTUS enabled"), lots={"Wang": ["JADE ¥50.00 never", "LOTUS ¥50.00 never"]}
    )
    assert books.refuse(spend("¥60.00", "LOTUS-1")) == "not_enabled"
    books.book(spend("¥60.00", "JADE-1"))


def test_what_is_missing_is_said() -> None:
    books = _books("JADE ¥50.00 never", "LOTUS ¥20.00 never")
    [outcome] = books.post(spend("¥70.01", "LOTUS-1"))
    assert isinstance(outcome, Refusal)
    assert outcome.detail == "7000 fen of stored value can be used here and 7001 are asked for."
