"""The least and the most that one command may carry: one point or fen, and `MAX_QUANTITY` of them."""

from decimal import Decimal

import pytest

from clearing.core.amounts import MAX_QUANTITY
from clearing.core.commands import Command
from support.core import Books, accrue, alliance, aside, capture, load, redeem, reverse, spend, yuan

MOST = yuan(MAX_QUANTITY)
MORE = yuan(MAX_QUANTITY + 1)
LOTS = [f"JADE {MAX_QUANTITY + 9} pts never", f"JADE {yuan(MAX_QUANTITY + 9)} never"]


def _books(point_value: str = "1", earn: str = "0") -> Books:
    directory = alliance(f"JADE earn={earn}", point_value=Decimal(point_value))
    return Books(directory, lots={"Wang": LOTS})


LEAST = [
    accrue("¥0.01", "JADE-1"),
    redeem(1, "JADE-1"),
    redeem("¥0.01", "JADE-1"),
    load("¥0.01", "JADE-1"),
    spend("¥0.01", "JADE-1"),
]
LARGEST = [
    accrue(MOST, "JADE-1"),
    accrue("¥1.00", "JADE-1", points=MAX_QUANTITY),
    redeem(MAX_QUANTITY, "JADE-1"),
    redeem(MOST, "JADE-1"),
    load(MOST, "JADE-1"),
    spend(MOST, "JADE-1"),
]
TOO_LARGE = [
    accrue(MORE, "JADE-1"),
    accrue("¥1.00", "JADE-1", points=MAX_QUANTITY + 1),
    redeem(MAX_QUANTITY + 1, "JADE-1"),
    redeem(MORE, "JADE-1"),
    load(MORE, "JADE-1"),
    spend(MORE, "JADE-1"),
]


@pytest.mark.parametrize("command", [*LEAST, *LARGEST])
def test_the_least_and_the_most_are_booked(command: Command) -> None:
    _books().book(command)


@pytest.mark.parametrize("command", TOO_LARGE)
def test_one_more_than_the_most_is_refused(command: Command) -> None:
    assert _books().refuse(command) == "amount_invalid"


WORTH = [
    # fen per point, command, whether its worth or its points are within bounds
    ("2", redeem(MAX_QUANTITY // 2, "JADE-1"), True),
    ("2", redeem(MAX_QUANTITY // 2 + 1, "JADE-1"), False),
    ("0.5", redeem(yuan(MAX_QUANTITY // 2), "JADE-1"), True),
    ("0.5", redeem(yuan(MAX_QUANTITY // 2 + 1), "JADE-1"), False),
]


@pytest.mark.parametrize(("point_value", "command", "good"), WORTH)
def test_so_must_be_what_points_are_worth_and_the_points_for_an_amount(
    point_value: str, command: Command, good: bool
) -> None:
    books = _books(point_value)
    if good:
        books.book(command)
    else:
        assert books.refuse(command) == "amount_invalid"


def test_no_bill_earns_more_than_the_most() -> None:
    assert _books(earn="101").book(accrue(MOST, "JADE-1")).transaction.points == MAX_QUANTITY


@pytest.mark.parametrize("quantity", [1, MAX_QUANTITY, "¥0.01", MOST])
def test_so_much_can_be_captured_and_undone(quantity: int | str) -> None:
    books = _books()
    captured = books.book(capture(books.hold(aside(redeem(MAX_QUANTITY, "JADE-1"))), quantity))
    books.book(reverse(captured, quantity))
    assert books.left("Wang") == LOTS


@pytest.mark.parametrize("quantity", ["¥0.01", MOST])
def test_so_much_stored_value_can_be_captured_and_undone(quantity: str) -> None:
    books = _books()
    captured = books.book(capture(books.hold(aside(spend(MOST, "JADE-1"))), quantity))
    books.book(reverse(captured, quantity))
    assert books.left("Wang") == LOTS


def test_a_load_of_one_fen_and_of_the_most_can_be_undone() -> None:
    books = _books()
    for amount in ("¥0.01", MOST):
        booked = books.book(load(amount, "JADE-1"))
        books.book(reverse(booked, amount))
    assert books.left("Wang") == LOTS


def test_a_single_fen_of_ones_own_needs_nobodys_permission() -> None:
    books = Books(alliance("JADE", "LOTUS"), lots={"Wang": ["JADE ¥5.00 never", "LOTUS ¥0.01 never"]})
    books.book(spend("¥0.01", "LOTUS-1"))
    assert books.refuse(spend("¥0.01", "LOTUS-1")) == "not_enabled"
