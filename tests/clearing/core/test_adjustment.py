"""Adjustments by hand: points given or taken, and money that one participant is to owe another."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from clearing.core.amounts import MAX_QUANTITY
from clearing.core.commands import MoneyAdjustment, PointsAdjustment
from clearing.core.journal import Reason, TransactionKind
from clearing.core.limits import Cap
from clearing.core.outcomes import Code, Posted, Refusal
from clearing.core.rulebook import DrawOrder
from support.core import NOW, OPERATOR, Books, alliance, fen, reverse

IDS = {"HUB": 0, "JADE": 1, "LOTUS": 2}
WANG, HUBS_WALLET = 1, 0


def _books(*lots: str, **settings: Any) -> Books:
    directory = alliance("JADE expiry=rolling:24", "LOTUS suspended", fees=["redemption 2%"], **settings)
    return Books(directory, ["J-1 Wang JADE"], {"Wang": lots})


def points(quantity: int, issuer: str, ends: str | None = None, **common: Any) -> PointsAdjustment:
    """Give Wang so many points of the issuer, or take them away (below zero)."""
    said: dict[str, Any] = {
        "key": f"points {quantity} {issuer}",
        "request_hash": "",
        "caller": OPERATOR,
    } | common
    return PointsAdjustment(
        card="J-1",
        issuer_id=IDS[issuer],
        points=quantity,
        reason="goodwill: cold room",
        expires_on=date.fromisoformat(ends) if ends else None,
        **said,
    )


def money(amount: str, debtor: str, creditor: str) -> MoneyAdjustment:
    return MoneyAdjustment(
        key=f"money {amount} {debtor} {creditor}",
        request_hash="",
        caller=OPERATOR,
        wallet_id=HUBS_WALLET,
        debtor_id=IDS[debtor],
        creditor_id=IDS[creditor],
        amount=fen(amount),
        reason="flood of 3 May",
    )


GIVEN = [
    # points, last day asked for, lot
    (500, None, "JADE 500 pts 2028-11-30"),  # as points earned today would end
    (1, "2026-12-31", "JADE 1 pts 2026-12-31"),
    (MAX_QUANTITY, None, f"JADE {MAX_QUANTITY} pts 2028-11-30"),
]


@pytest.mark.parametrize(("quantity", "ends", "lot"), GIVEN)
def test_points_are_given_at_the_issuers_expense(quantity: int, ends: str | None, lot: str) -> None:
    books = _books()
    booked = books.book(points(quantity, "JADE", ends))
    assert books.left("Wang") == [lot]
    day = lot.rsplit(maxsplit=1)[-1]
    assert books.entries(booked) == [f"adjusted JADE → lot JADE {day}: {quantity} pts"]
    assert (booked.transaction.points, booked.transaction.amount) == (quantity, quantity)
    [leg] = booked.legs
    assert (leg.obligation, leg.fee) == (0, 0)
    assert not books.positions


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        (NOW, "2026-11-14"),
        (NOW, "2025-12-31"),
        # The day is the alliance's: it is still the 15th in London.
        (datetime(2026, 11, 15, 16, 30, tzinfo=UTC), "2026-11-15"),
    ],
)
def test_points_that_would_have_ended_are_not_given(now: datetime, ends: str) -> None:
    books = _books("JADE 10 pts never")
    books.at = now
    assert books.post(points(5, "JADE", ends)) == [
        Refusal(
            Code.AMOUNT_INVALID,
            f"These points would have ended on {ends}, before the day they are given; choose a later day.",
            "expires_on",
        )
    ]
    assert books.left("Wang") == ["JADE 10 pts never"]


def test_points_are_given_until_the_end_of_today_and_taken_whatever_day_is_named() -> None:
    books = _books("JADE 10 pts never")
    books.book(points(5, "JADE", "2026-11-15"))
    books.book(points(-5, "JADE", "2020-01-01"))
    assert books.left("Wang") == ["JADE 10 pts never"]


def test_points_that_are_given_join_a_lot_of_that_day() -> None:
    books = _books("JADE 10 pts 2028-11-30")
    books.book(points(5, "JADE"))
    assert books.left("Wang") == ["JADE 15 pts 2028-11-30"]


def test_points_are_taken_from_the_issuers_lots_only_the_earliest_first() -> None:
    books = _books(
        "JADE 30 pts never", "LOTUS 99 pts 2026-12-01", "JADE 20 pts 2026-12-31", "JADE ¥9.00 never"
    )
    booked = books.book(points(-45, "JADE"))
    assert books.legs(booked) == ["adjustment of JADE: -45 pts, ¥-0.45; own_system"]
    assert books.moves(booked) == ["-20 JADE 2026-12-31", "-25 JADE never"]
    assert books.entries(booked) == [
        "lot JADE 2026-12-31 → adjusted JADE: 20 pts",
        "lot JADE never → adjusted JADE: 25 pts",
    ]
    assert (booked.transaction.points, booked.transaction.amount) == (-45, -45)


@pytest.mark.parametrize("order", DrawOrder)
def test_they_are_taken_in_either_draw_order(order: DrawOrder) -> None:
    books = _books("JADE 30 pts never", "JADE 20 pts 2026-12-31", draw_order=order)
    assert books.moves(books.book(points(-21, "JADE"))) == ["-20 JADE 2026-12-31", "-1 JADE never"]


@pytest.mark.parametrize(
    ("quantity", "worth"), [(5, "¥0.02"), (-5, "¥-0.02"), (1, "nothing"), (-333, "¥-1.00")]
)
def test_they_are_shown_at_their_worth_rounded_half_up(quantity: int, worth: str) -> None:
    books = _books("JADE 400 pts never", point_value=Decimal("0.3"))
    [leg] = books.legs(books.book(points(quantity, "JADE")))
    shown = f"{quantity} pts" + ("" if worth == "nothing" else f", {worth}")
    assert leg == f"adjustment of JADE: {shown}; own_system"


SHORT = [
    # lots, taken, what is said
    (["JADE 40 pts never"], 41, "40 points of this issuer can be taken and 41 are asked for."),
    (["LOTUS 40 pts never"], 1, "0 points of this issuer can be taken and 1 are asked for."),
    (["JADE 40 pts 2026-11-14"], 1, "0 points of this issuer can be taken and 1 are asked for."),
    (["JADE 4 pts never held=40"], 5, "4 points of this issuer can be taken and 5 are asked for."),
    (["JADE ¥0.40 never"], 1, "0 points of this issuer can be taken and 1 are asked for."),
]


@pytest.mark.parametrize(("lots", "taken", "detail"), SHORT)
def test_no_more_points_are_taken_than_are_there(lots: list[str], taken: int, detail: str) -> None:
    books = _books(*lots)
    assert books.post(points(-taken, "JADE")) == [Refusal(Code.INSUFFICIENT_POINTS, detail, "points")]
    assert books.left("Wang") == lots


def test_points_on_their_last_day_can_be_taken() -> None:
    books = _books("JADE 40 pts 2026-11-15")
    books.book(points(-40, "JADE"))
    assert books.left("Wang") == []


OWED = [
    # debtor, creditor, leg, entries, nets of JADE, LOTUS and the hub
    (
        ("JADE", "LOTUS"),
        "adjustment of JADE: ¥123.45; JADE owes LOTUS ¥123.45; adjustment",
        "clearing JADE → clearing LOTUS: ¥123.45",
        ("¥-123.45", "¥123.45", "¥0.00"),
    ),
    (
        ("LOTUS", "JADE"),
        "adjustment of LOTUS: ¥123.45; LOTUS owes JADE ¥123.45; adjustment",
        "clearing LOTUS → clearing JADE: ¥123.45",
        ("¥123.45", "¥-123.45", "¥0.00"),
    ),
    (
        ("LOTUS", "HUB"),
        "adjustment of LOTUS: ¥123.45; LOTUS pays ¥123.45; adjustment",
        "clearing LOTUS → fee_income HUB: ¥123.45",
        ("¥0.00", "¥-123.45", "¥123.45"),
    ),
    (
        ("HUB", "LOTUS"),
        "adjustment of LOTUS: ¥123.45; LOTUS pays ¥-123.45; adjustment",
        "fee_income HUB → clearing LOTUS: ¥123.45",
        ("¥0.00", "¥123.45", "¥-123.45"),
    ),
]


@pytest.mark.parametrize(("parties", "leg", "entry", "nets"), OWED)
def test_money_is_owed_as_two_operators_agreed(
    parties: tuple[str, str], leg: str, entry: str, nets: tuple[str, str, str]
) -> None:
    books = _books()
    booked = books.book(money("¥123.45", *parties))
    assert books.legs(booked) == [leg]
    assert books.entries(booked) == [entry]
    assert books.moves(booked) == []
    assert books.nets() == dict(zip(("JADE", "LOTUS", "HUB"), nets, strict=True))
    assert (booked.transaction.points, booked.transaction.amount) == (0, 12_345)
    assert (booked.legs[0].reason, booked.legs[0].fee_rule_id) == (Reason.ADJUSTMENT, None)


def test_it_is_an_act_of_the_issuer_or_creditor_and_carries_its_reason() -> None:
    books = _books()
    found = books.book(points(5, "LOTUS")).transaction
    assert (found.kind, found.wallet_id, found.acceptor_id) == (TransactionKind.ADJUSTMENT, WANG, 2)
    assert (found.card_number, found.merchant_id, found.original_id) == (None, None, None)
    assert (found.purpose, found.posted_by) == ("goodwill: cold room", "key_operator")
    assert (found.occurred_at, found.booked_at, found.period) == (NOW, NOW, 202611)
    found = books.book(money("¥1.00", "JADE", "LOTUS")).transaction
    assert (found.kind, found.wallet_id, found.acceptor_id) == (TransactionKind.ADJUSTMENT, HUBS_WALLET, 2)
    assert found.purpose == "flood of 3 May"
    assert books.book(money("¥1.00", "HUB", "JADE")).transaction.acceptor_id == IDS["HUB"]


@pytest.mark.parametrize("quantity", [0, MAX_QUANTITY + 1, -MAX_QUANTITY - 1])
def test_points_out_of_bounds_are_refused(quantity: int) -> None:
    said = f"The points must be from 1 to {MAX_QUANTITY}."
    assert _books().post(points(quantity, "JADE")) == [Refusal(Code.AMOUNT_INVALID, said, "points")]


@pytest.mark.parametrize("amount", ["¥0.00", "¥-0.01", f"¥{MAX_QUANTITY // 100}.01"])
def test_money_out_of_bounds_is_refused(amount: str) -> None:
    said = f"The amount must be from 1 to {MAX_QUANTITY}."
    assert _books().post(money(amount, "JADE", "LOTUS")) == [Refusal(Code.AMOUNT_INVALID, said, "amount")]


def test_the_least_and_the_most_money_is_booked() -> None:
    books = _books()
    books.book(money("¥0.01", "JADE", "LOTUS"))
    books.book(money(f"¥{MAX_QUANTITY // 100}", "JADE", "LOTUS"))


def test_no_cap_stops_what_two_operators_agreed() -> None:
    books = _books()
    books.caps = {1: Cap(1, 0, 95, alone=True)}
    assert isinstance(books.post(money("¥9.00", "JADE", "LOTUS"))[0], Posted)


def test_it_is_not_reversed() -> None:
    books = _books()
    assert books.refuse(reverse(books.book(points(5, "JADE")))) == "not_reversible"
