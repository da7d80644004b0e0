"""Redemption: points of any issuer are used; what is not the acceptor's own crosses."""

from decimal import Decimal
from typing import Any

import pytest

from clearing.core.outcomes import Code, Refusal
from clearing.core.rulebook import DrawOrder
from support.core import Books, alliance, redeem

LOTS = ["JADE 100 pts 2026-12-31", "LOTUS 100 pts 2027-01-31", "PINE 100 pts 2027-06-30"]


def _books(*lots: str, **settings: Any) -> Books:
    directory = alliance("JADE", "LOTUS", "PINE", fees=["redemption 2%"], **settings)
    return Books(directory, lots={"Wang": lots or LOTS})


def test_each_issuer_has_one_leg_in_the_order_of_the_draw() -> None:
    books = _books("JADE 100 pts 2026-12-31", "PINE 100 pts 2027-06-30", "JADE 100 pts never")
    booked = books.book(redeem(250, "LOTUS-1"))
    assert books.legs(booked) == [
        "redemption of JADE: 150 pts, ¥1.50; JADE owes LOTUS ¥1.50; LOTUS pays ¥0.03; exchange",
        "redemption of PINE: 100 pts, ¥1.00; PINE owes LOTUS ¥1.00; LOTUS pays ¥0.02; exchange",
    ]
    assert books.moves(booked) == ["-100 JADE 2026-12-31", "-100 PINE 2027-06-30", "-50 JADE never"]


ORDERS = [
    (DrawOrder.OWN_FIRST, ["-100 LOTUS 2027-01-31", "-50 JADE 2026-12-31"]),
    (DrawOrder.EARLIEST_FIRST, ["-100 JADE 2026-12-31", "-50 LOTUS 2027-01-31"]),
]


@pytest.mark.parametrize(("order", "moves"), ORDERS)
def test_lots_are_drawn_in_the_order_that_the_alliance_agreed(order: DrawOrder, moves: list[str]) -> None:
    books = _books(draw_order=order)
    assert books.moves(books.book(redeem(150, "LOTUS-1"))) == moves


BY_AMOUNT = [
    # fen per point, wanted, points used, worth
    ("1", "¥25.00", 2500, "¥25.00"),
    ("0.3", "¥1.00", 334, "¥1.00"),  # 333 would be worth 99.9 fen
    ("0.3", "¥0.03", 10, "¥0.03"),
    ("0.3", "¥0.01", 4, "¥0.01"),
    ("2.5", "¥1.00", 40, "¥1.00"),
    ("2.5", "¥1.01", 41, "¥1.01"),  # worth 102.5 fen, of which 101 are paid
    ("2.5", "¥0.01", 1, "¥0.01"),
    ("0.7", "¥1.01", 145, "¥1.01"),
    ("0.01", "¥0.01", 100, "¥0.01"),
]


@pytest.mark.parametrize(("value", "wanted", "points", "worth"), BY_AMOUNT)
def test_an_amount_takes_the_fewest_points_that_are_worth_it(
    value: str, wanted: str, points: int, worth: str
) -> None:
    books = _books("JADE 9999 pts never", point_value=Decimal(value))
    booked = books.book(redeem(wanted, "JADE-1"))
    assert books.legs(booked) == [f"redemption of JADE: {points} pts, {worth}; own_system"]


VALUES = [
    # fen per point, reimbursed, points, what they are worth, what is owed, the fee of 2 % on the worth
    ("1", "1", 2500, "¥25.00; JADE owes LOTUS ¥25.00; LOTUS pays ¥0.50"),
    ("1", "0.8", 2500, "¥25.00; JADE owes LOTUS ¥20.00; LOTUS pays ¥0.50"),
    ("0.3", "1", 333, "¥1.00; JADE owes LOTUS ¥1.00; LOTUS pays ¥0.02"),  # 99.9 fen
    ("0.3", "0.8", 333, "¥1.00; JADE owes LOTUS ¥0.80; LOTUS pays ¥0.02"),  # 79.92 fen
    ("0.3", "0.8", 5, "¥0.02; JADE owes LOTUS ¥0.01"),  # 1.5 and 1.2 fen; not 0.8 of the rounded 2
    ("2.5", "0.8", 1, "¥0.03; JADE owes LOTUS ¥0.02"),  # 2.5 and 2.0 fen
    ("2.5", "0.8", 101, "¥2.53; JADE owes LOTUS ¥2.02; LOTUS pays ¥0.05"),  # 252.5 and 202.0 fen, fee on 253
    ("2.5", "0", 100, "¥2.50; LOTUS pays ¥0.05"),
]


@pytest.mark.parametrize(("value", "rate", "points", "money"), VALUES)
def test_the_issuer_owes_points_times_value_times_reimbursement(
    value: str, rate: str, points: int, money: str
) -> None:
    books = _books("JADE 9999 pts never", point_value=Decimal(value), reimbursement_rate=Decimal(rate))
    booked = books.book(redeem(points, "LOTUS-1"))
    assert books.legs(booked) == [f"redemption of JADE: {points} pts, {money}; exchange"]


def test_the_amount_of_a_redemption_is_the_sum_of_its_rounded_legs() -> None:
    books = _books("JADE 1 pts never", "LOTUS 1 pts never", point_value=Decimal("2.5"))
    booked = books.book(redeem(2, "LOTUS-1"))
    assert [leg.amount for leg in booked.legs] == [3, 3]
    assert booked.transaction.amount == 6


SHORT = [
    (LOTS, 301, "points", "300 points can be used here and 301 are asked for."),
    (LOTS, "¥3.01", "amount", "300 points can be used here and 301 are asked for."),
    (["JADE 9 pts 2026-11-14"], 1, "points", "0 points can be used here and 1 are asked for."),
    (["JADE 9 pts never held=50"], 10, "points", "9 points can be used here and 10 are asked for."),
    (["JADE ¥5.00 never"], 1, "points", "0 points can be used here and 1 are asked for."),
]


@pytest.mark.parametrize(("lots", "wanted", "field", "detail"), SHORT)
def test_what_is_missing_is_said(lots: list[str], wanted: int | str, field: str, detail: str) -> None:
    books = _books(*lots)
    [outcome] = books.post(redeem(wanted, "LOTUS-1"))
    assert outcome == Refusal(Code.INSUFFICIENT_POINTS, detail, field)


def test_points_can_be_used_on_their_last_day_and_not_after() -> None:
    books = _books("JADE 9 pts 2026-11-15")
    assert books.moves(books.book(redeem(1, "LOTUS-1"))) == ["-1 JADE 2026-11-15"]
    books.at = books.at.replace(day=16, hour=0)
    assert books.refuse(redeem(1, "LOTUS-1")) == "insufficient_points"


def test_points_of_another_wallet_are_out_of_reach() -> None:
    books = Books(alliance("JADE"), ["J-1 Wang JADE", "J-2 Li JADE"], {"Li": ["JADE 100 pts never"]})
    assert books.refuse(redeem(1, "JADE-1", card="J-1")) == "insufficient_points"
    books.book(redeem(1, "JADE-1", card="J-2"))


def test_every_card_of_a_wallet_reaches_the_same_points() -> None:
    books = Books(
        alliance("JADE", "LOTUS"), ["J-1 Wang JADE", "L-1 Wang LOTUS"], {"Wang": ["JADE 100 pts never"]}
    )
    books.book(redeem(60, "JADE-1", card="L-1"))
    assert books.refuse(redeem(41, "JADE-1", card="J-1")) == "insufficient_points"


def test_its_purpose_is_kept() -> None:
    booked = _books().book(redeem(1, "LOTUS-1", purpose="room 804"))
    assert booked.transaction.purpose == "room 804"
