"""Opening balances: what an issuer owed a member before it joined. Nothing crosses."""

from dataclasses import replace
from decimal import Decimal

import pytest

from clearing.core.accounts import Asset
from clearing.core.amounts import MAX_QUANTITY
from clearing.core.directory import Directory
from clearing.core.opening import residue
from clearing.core.outcomes import Code, Refusal
from support.core import NEVER, Books, alliance, open_balance, redeem

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


def _converting(ratio: str, point_value: str = "1") -> Directory:
    """JADE's older programme: so many alliance points for one of its own."""
    found = alliance("JADE", point_value=Decimal(point_value))
    jade = found.participants[1]._replace(conversion_ratio=Decimal(ratio))
    return Directory(1, {1: jade}, found.merchants, found.rulebook)


CONVERTED = [
    # ratio, older points, alliance points, the part of one that is lost
    ("1", 1001, 1001, "0"),
    ("0.35", 1001, 350, "0.35"),
    ("0.35", 3, 1, "0.05"),
    ("2.5", 3, 7, "0.5"),
]


@pytest.mark.parametrize(("ratio", "older", "points", "lost"), CONVERTED)
def test_older_points_are_converted_and_rounded_down(ratio: str, older: int, points: int, lost: str) -> None:
    books = Books(_converting(ratio, point_value="2"))
    command = open_balance(f"JADE {older} pts never")
    booked = books.book(command).transaction
    assert (booked.points, booked.amount) == (points, 2 * points)
    assert books.left("Wang") == [f"JADE {points} pts never"]
    assert residue(command, booked.points, books.directory.participants[1]) == Decimal(lost)


def test_money_is_not_converted_and_loses_nothing() -> None:
    books = Books(_converting("0.35"))
    command = open_balance("JADE ¥10.01 never")
    books.book(command)
    assert books.left("Wang") == ["JADE ¥10.01 never"]
    assert residue(command, 0, books.directory.participants[1]) == 0


TOO_MUCH = f"The quantity must be from 1 to {MAX_QUANTITY}, and so must its worth."
TOO_LITTLE = "That is less than one point of the alliance."
QUANTITIES = [
    # asset, ratio, fen per point, quantity, what is said
    (Asset.POINTS, "1", "1", MAX_QUANTITY, None),
    (Asset.POINTS, "1", "1", MAX_QUANTITY + 1, TOO_MUCH),
    (Asset.POINTS, "1", "1", 0, TOO_MUCH),
    (Asset.POINTS, "1", "1", -1, TOO_MUCH),
    (Asset.POINTS, "0.5", "1", 2, None),
    (Asset.POINTS, "0.5", "1", 1, TOO_LITTLE),
    (Asset.POINTS, "2", "1", MAX_QUANTITY // 2, None),
    (Asset.POINTS, "2", "1", MAX_QUANTITY // 2 + 1, TOO_MUCH),
    (Asset.POINTS, "0.5", "1", MAX_QUANTITY + 1, TOO_MUCH),
    (Asset.POINTS, "1", "2", MAX_QUANTITY // 2, None),
    (Asset.POINTS, "1", "2", MAX_QUANTITY // 2 + 1, TOO_MUCH),
    (Asset.STORED_VALUE, "2", "2", MAX_QUANTITY, None),
    (Asset.STORED_VALUE, "1", "1", MAX_QUANTITY + 1, TOO_MUCH),
    (Asset.STORED_VALUE, "1", "1", 0, TOO_MUCH),
]


@pytest.mark.parametrize(("asset", "ratio", "point_value", "quantity", "detail"), QUANTITIES)
def test_neither_the_quantity_nor_its_worth_is_out_of_bounds(
    asset: Asset, ratio: str, point_value: str, quantity: int, detail: str | None
) -> None:
    books = Books(_converting(ratio, point_value))
    command = replace(open_balance(f"JADE 1 pts {NEVER}"), asset=asset, quantity=quantity)
    if detail:
        assert books.post(command) == [Refusal(Code.AMOUNT_INVALID, detail, "quantity")]
    else:
        books.book(command)


def test_a_balance_that_has_ended_says_when() -> None:
    books = Books(alliance("JADE"))
    assert books.post(open_balance("JADE 10 pts 2026-11-14")) == [
        Refusal(
            Code.AMOUNT_INVALID,
            "This balance ended on 2026-11-14, before the day it is booked.",
            "expires_on",
        )
    ]


def test_an_issuer_s_number_is_for_one_balance() -> None:
    books = Books(alliance("JADE", "LOTUS"))
    books.book(open_balance("JADE 10 pts never", reference="OLD-1"))
    again = open_balance("JADE 5 pts 2027-01-31", reference="OLD-1")
    assert books.post(again) == [
        Refusal(
            Code.DUPLICATE_REFERENCE,
            "JADE has already opened a balance with reference 'OLD-1'.",
            "reference",
        )
    ]
    books.book(open_balance("JADE 5 pts never", reference="OLD-2"))
    books.book(open_balance("LOTUS 5 pts never", reference="OLD-1"))  # another issuer's own number
    books.book(open_balance("JADE 1 pts never"))
    assert books.left("Wang") == ["JADE 16 pts never", "LOTUS 5 pts never"]


def test_an_issuer_s_number_is_none_of_a_merchant_s() -> None:
    """Ids of issuers and merchants are counted apart: the same number of the one must not bar the other."""
    books = Books(alliance("JADE", "LOTUS"))
    books.book(open_balance("JADE 10 pts never", reference="POS-1"))
    books.book(redeem(1, "JADE-1", reference="POS-1"))
    books.book(open_balance("LOTUS 10 pts never", reference="POS-2"))
