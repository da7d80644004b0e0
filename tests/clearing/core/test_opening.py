"""Opening balances: what an issuer owed a member before it joined. Nothing crosses."""

from decimal import Decimal

import pytest

from support.core import Books, alliance, open_balance, redeem

OPENED = [
    # balance, leg, entry
    (
        "JADE 1500 pts 2027-01-31",
        "opening of JADE: 1500 pts, ¥15.00; own_system",
        "opening JADE → lot JADE 2027-01-31: 1500 pts",
    ),
    ("JADE ¥500.00 never", "opening of JADE: ¥500.00; own_system", "opening JADE → lot JADE never: ¥500.00"),
    (  # on a card of another participant
        "LOTUS 100 pts never",
        "opening of LOTUS: 100 pts, ¥1.00; own_system",
        "opening LOTUS → lot LOTUS never: 100 pts",
    ),
]


@pytest.mark.parametrize(("balance", "leg", "entry"), OPENED)
def test_a_balance_is_opened(balance: str, leg: str, entry: str) -> None:
    books = Books(alliance("JADE", "LOTUS"))
    booked = books.book(open_balance(balance))
    assert books.legs(booked) == [leg]
    assert books.entries(booked) == [entry]
    assert books.left("Wang") == [balance]
    assert (booked.transaction.merchant_id, books.nets()["HUB"]) == (None, "¥0.00")


def test_points_are_shown_at_their_value() -> None:
    books = Books(alliance("JADE", point_value=Decimal("0.3")))
    booked = books.book(open_balance("JADE 5 pts never"))
    assert (booked.transaction.points, booked.transaction.amount) == (5, 2)  # 1.5 fen, half up


def test_balances_of_one_expiry_join_and_are_used_like_any_other() -> None:
    books = Books(alliance("JADE", "LOTUS"))
    books.post(open_balance("JADE 10 pts never"), open_balance("JADE 5 pts never"), redeem(12, "LOTUS-1"))
    assert books.left("Wang") == ["JADE 3 pts never"]


ENDED = [("2026-11-14", "amount_invalid"), ("2026-11-15", None), ("never", None)]


@pytest.mark.parametrize(("day", "answer"), ENDED)
def test_a_balance_that_has_ended_cannot_be_opened(day: str, answer: str | None) -> None:
    books = Books(alliance("JADE"))
    command = open_balance(f"JADE 10 pts {day}")
    if answer:
        assert books.refuse(command) == answer
    else:
        books.book(command)


def test_a_participant_opens_the_balances_of_suspended_times_too() -> None:
    books = Books(alliance("JADE suspended"))
    books.book(open_balance("JADE 10 pts never"))
    assert books.left("Wang") == ["JADE 10 pts never"]
