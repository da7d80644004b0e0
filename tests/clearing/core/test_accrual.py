"""Accrual: cash consumption is a visit, and the acceptor issues points for it."""

import pytest

from clearing.core.amounts import MAX_QUANTITY
from clearing.core.outcomes import Refusal
from support.core import Books, accrue, alliance, shanghai

EARNED = [
    # points per yuan, cash, points
    ("1", "¥680.00", 680),
    ("1", "¥680.99", 680),  # rounded down
    ("1", "¥0.99", 0),
    ("1.5", "¥1.99", 2),  # 2.985
    ("1.5", "¥2.00", 3),
    ("0.3333", "¥300.00", 99),  # 99.99
    ("0", "¥680.00", 0),
    ("10", "¥0.10", 1),
]


@pytest.mark.parametrize(("rate", "cash", "points"), EARNED)
def test_points_are_earned_at_the_acceptors_rate_rounded_down(rate: str, cash: str, points: int) -> None:
    books = Books(alliance(f"JADE earn={rate}"))
    booked = books.book(accrue(cash, "JADE-1"))
    assert booked.transaction.points == points
    assert sum(lot.available for lot in books.lots.values()) == points


def test_it_is_the_acceptors_rate_and_expiry_not_the_cards() -> None:
    books = Books(alliance("JADE earn=1 expiry=rolling:24", "LOTUS earn=2 expiry=fixed:06-30"))
    books.book(accrue("¥100.00", "LOTUS-1"))
    assert books.left("Wang") == ["LOTUS 200 pts 2027-06-30"]


def test_points_that_are_given_replace_the_earn_rate() -> None:
    books = Books(alliance("JADE earn=1"))
    booked = books.book(accrue("¥680.00", "JADE-1", points=1000))
    assert books.legs(booked) == ["visit of JADE: 1000 pts, ¥680.00; own_system"]
    assert books.moves(booked) == ["+1000 JADE 2028-11-30"]


def test_no_points_make_no_lot_and_no_entry_but_the_visit_is_recorded_and_charged() -> None:
    books = Books(alliance("JADE", "LOTUS", fees=["visit 1%"]))
    booked = books.book(accrue("¥680.00", "LOTUS-1", points=0))
    assert books.legs(booked) == ["visit of JADE: ¥680.00; LOTUS pays ¥6.80; exchange"]
    assert books.entries(booked) == ["clearing LOTUS → fee_income HUB: ¥6.80"]
    assert not books.lots


def test_at_home_a_visit_without_points_has_no_entries() -> None:
    books = Books(alliance("JADE", fees=["visit 1%"]))
    booked = books.book(accrue("¥0.50", "JADE-1"))
    assert books.legs(booked) == ["visit of JADE: ¥0.50; own_system"]
    assert books.entries(booked) == []


INVALID_POINTS = [-1, MAX_QUANTITY + 1]


@pytest.mark.parametrize("points", INVALID_POINTS)
def test_points_that_nobody_can_give_are_refused(points: int) -> None:
    books = Books(alliance("JADE"))
    [outcome] = books.post(accrue("¥1.00", "JADE-1", points=points))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.field) == ("amount_invalid", "points")


VISITS = [
    # cards, card shown, leg
    (["J-1 Wang JADE"], "visit of JADE: ¥100.00; LOTUS pays ¥1.00; exchange"),
    (["J-1 Wang LOTUS"], "visit of LOTUS: 100 pts, ¥100.00; own_system"),
    # The wallet holds a card of the acceptor, though another was shown.
    (["J-1 Wang JADE", "L-1 Wang LOTUS"], "visit of LOTUS: 100 pts, ¥100.00; own_system"),
    (["J-1 Wang JADE", "P-1 Wang PINE"], "visit of JADE: ¥100.00; LOTUS pays ¥1.00; exchange"),
    # … but only an active card of this wallet counts.
    (["J-1 Wang JADE", "L-1 Wang LOTUS blocked"], "visit of JADE: ¥100.00; LOTUS pays ¥1.00; exchange"),
    (
        ["J-1 Wang JADE", "L-1 Wang LOTUS until=2026-10-31"],
        "visit of JADE: ¥100.00; LOTUS pays ¥1.00; exchange",
    ),
    (["J-1 Wang JADE", "L-1 Li LOTUS"], "visit of JADE: ¥100.00; LOTUS pays ¥1.00; exchange"),
]


@pytest.mark.parametrize(("cards", "leg"), VISITS)
def test_a_visit_crosses_when_the_wallet_holds_no_card_of_the_acceptor(cards: list[str], leg: str) -> None:
    books = Books(alliance("JADE", "LOTUS", "PINE", fees=["visit 1%"]), cards)
    assert books.legs(books.book(accrue("¥100.00", "LOTUS-1")))[0] == leg


def test_the_fee_is_priced_for_the_issuer_of_the_card_shown() -> None:
    fees = ["visit 1%", "visit 2% issuer=PINE payer=issuer"]
    books = Books(alliance("JADE", "LOTUS", "PINE", fees=fees), ["J-1 Wang JADE", "P-1 Wang PINE"])
    booked = books.book(accrue("¥100.00", "LOTUS-1", card="P-1"))
    assert books.legs(booked)[0] == "visit of PINE: ¥100.00; PINE pays ¥2.00; exchange"


def test_points_of_one_expiry_date_join_one_lot() -> None:
    books = Books(alliance("JADE"), lots={"Wang": ["JADE 5 pts 2028-11-30", "JADE 7 pts 2028-12-31"]})
    books.post(accrue("¥100.00", "JADE-1"), accrue("¥20.00", "JADE-1"))
    books.book(accrue("¥3.00", "JADE-1"))
    assert books.left("Wang") == ["JADE 128 pts 2028-11-30", "JADE 7 pts 2028-12-31"]
    books.at = shanghai("2026-12-01 00:00")
    books.book(accrue("¥1.00", "JADE-1"))
    assert books.left("Wang") == ["JADE 128 pts 2028-11-30", "JADE 8 pts 2028-12-31"]


def test_points_join_a_lot_that_is_empty_or_held() -> None:
    books = Books(alliance("JADE"), lots={"Wang": ["JADE 0 pts 2028-11-30 held=40"]})
    books.book(accrue("¥10.00", "JADE-1"))
    assert books.left("Wang") == ["JADE 10 pts 2028-11-30 held=40"]


def test_points_never_join_another_issuers_lot_nor_stored_value() -> None:
    books = Books(
        alliance("JADE expiry=never", "LOTUS"), lots={"Wang": ["LOTUS 5 pts never", "JADE ¥5.00 never"]}
    )
    books.book(accrue("¥10.00", "JADE-1"))
    assert books.left("Wang") == ["LOTUS 5 pts never", "JADE ¥5.00 never", "JADE 10 pts never"]


def test_the_day_of_expiry_is_counted_in_the_alliances_time_zone() -> None:
    books = Books(alliance("JADE expiry=rolling:1"), at=shanghai("2026-11-30 23:59"))
    books.book(accrue("¥1.00", "JADE-1"))
    books.at = shanghai("2026-12-01 00:00")
    books.book(accrue("¥1.00", "JADE-1"))
    assert books.left("Wang") == ["JADE 1 pts 2026-12-31", "JADE 1 pts 2027-01-31"]


def test_the_largest_consumption_cannot_earn_more_than_a_row_may_carry() -> None:
    books = Books(alliance("JADE earn=1000"))
    booked = books.book(accrue("¥10,000,000,000.00", "JADE-1"))
    assert booked.transaction.points == MAX_QUANTITY
