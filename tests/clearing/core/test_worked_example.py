"""The worked example of the domain page, to the fen."""

import pytest

from support.core import Books, accrue, alliance, redeem, spend

NOVEMBER = 202611


@pytest.fixture
def books() -> Books:
    """Given: Wang's lots before the first act."""
    return Books(
        alliance("JADE enabled", "LOTUS", "PINE", fees=["visit 1%", "redemption 2%", "spend 0.6%"]),
        cards=["J-1 Wang JADE"],
        lots={
            "Wang": [
                "JADE 3000 pts 2027-01-31",
                "JADE 2000 pts 2027-06-30",
                "LOTUS 1500 pts 2026-12-31",
                "JADE ¥500.00 never",
            ]
        },
    )


def test_redeeming_4000_points_at_lotus_uses_its_own_lot_first(books: Books) -> None:
    booked = books.book(redeem(4000, "LOTUS-1"))
    assert books.legs(booked) == [
        "redemption of LOTUS: 1500 pts, ¥15.00; own_system",
        "redemption of JADE: 2500 pts, ¥25.00; JADE owes LOTUS ¥25.00; LOTUS pays ¥0.50; exchange",
    ]
    assert books.moves(booked) == ["-1500 LOTUS 2026-12-31", "-2500 JADE 2027-01-31"]
    assert books.entries(booked) == [
        "lot LOTUS 2026-12-31 → redeemed LOTUS: 1500 pts",
        "lot JADE 2027-01-31 → redeemed JADE: 2500 pts",
        "clearing JADE → clearing LOTUS: ¥25.00",
        "clearing LOTUS → fee_income HUB: ¥0.50",
    ]
    assert (booked.transaction.points, booked.transaction.amount) == (4000, 4000)


def test_paying_680_yuan_cash_at_lotus_is_a_visit_and_earns_points_of_lotus(books: Books) -> None:
    booked = books.book(accrue("¥680.00", "LOTUS-1"))
    assert books.legs(booked) == [
        "visit of JADE: ¥680.00; LOTUS pays ¥6.80; exchange",
        "issue of LOTUS: 680 pts; own_system",
    ]
    assert books.moves(booked) == ["+680 LOTUS 2028-11-30"]
    assert books.entries(booked) == [
        "issued LOTUS → lot LOTUS 2028-11-30: 680 pts",
        "clearing LOTUS → fee_income HUB: ¥6.80",
    ]


def test_spending_300_yuan_of_stored_value_at_pine_is_owed_by_jade(books: Books) -> None:
    booked = books.book(spend("¥300.00", "PINE-1"))
    assert books.legs(booked) == ["spend of JADE: ¥300.00; JADE owes PINE ¥300.00; PINE pays ¥1.80; exchange"]
    assert books.entries(booked) == [
        "lot JADE never → float JADE: ¥300.00",
        "clearing JADE → clearing PINE: ¥300.00",
        "clearing PINE → fee_income HUB: ¥1.80",
    ]


def test_redeeming_at_home_costs_nothing(books: Books) -> None:
    booked = books.book(redeem(500, "JADE-1"))
    assert books.legs(booked) == ["redemption of JADE: 500 pts, ¥5.00; own_system"]
    assert books.entries(booked) == ["lot JADE 2027-01-31 → redeemed JADE: 500 pts"]
    assert not books.positions


@pytest.fixture
def month_of_acts(books: Books) -> Books:
    """Apply: the four acts, one after the other."""
    books.book(redeem(4000, "LOTUS-1"))
    books.book(accrue("¥680.00", "LOTUS-1"))
    books.book(spend("¥300.00", "PINE-1"))
    books.book(redeem(500, "JADE-1"))
    return books


POSITIONS = [
    # kind, issuer, acceptor, (exchanges, points, amount, obligation, acceptor's fee, issuer's fee)
    ("redemption", "JADE", "LOTUS", (1, 2500, 25_00, 25_00, 50, 0)),
    ("visit", "JADE", "LOTUS", (1, 0, 680_00, 0, 6_80, 0)),
    ("spend", "JADE", "PINE", (1, 0, 300_00, 300_00, 1_80, 0)),
]


@pytest.mark.parametrize(("kind", "issuer", "acceptor", "total"), POSITIONS)
def test_positions_are_the_totals_of_what_crossed(
    month_of_acts: Books, kind: str, issuer: str, acceptor: str, total: tuple[int, ...]
) -> None:
    assert month_of_acts.position(NOVEMBER, kind, issuer, acceptor) == total


def test_nothing_else_has_a_position(month_of_acts: Books) -> None:
    assert len({key for key, _ in month_of_acts.positions}) == len(POSITIONS)


def test_nets_sum_to_zero(month_of_acts: Books) -> None:
    assert month_of_acts.nets() == {"JADE": "¥-325.00", "LOTUS": "¥17.70", "PINE": "¥298.20", "HUB": "¥9.10"}


def test_wang_is_left_with_2000_of_jade_and_680_of_lotus(month_of_acts: Books) -> None:
    assert month_of_acts.left("Wang") == [
        "JADE 2000 pts 2027-06-30",
        "JADE ¥200.00 never",
        "LOTUS 680 pts 2028-11-30",
    ]
