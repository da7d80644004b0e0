"""The parts of lots that a hold has set aside, and which of them a capture takes."""

from decimal import Decimal

import pytest

from clearing.core.accounts import Asset
from clearing.core.holds import HeldDraw, first_of
from clearing.core.journal import TransactionKind
from clearing.core.snapshot import ReferenceKey
from support.core import Books, alliance, aside, capture, redeem, spend

LOTS = ["JADE 30 pts 2027-01-31", "LOTUS 20 pts 2026-12-31", "JADE ¥5.00 never"]


def _books(point_value: str = "1") -> Books:
    directory = alliance("JADE enabled", "LOTUS", point_value=Decimal(point_value))
    return Books(directory, ["J-1 Wang JADE"], {"Wang": LOTS})


def test_a_hold_knows_whose_parts_it_has_in_the_order_of_the_draw() -> None:
    books = _books()
    jade, lotus = books.lot("JADE 2027-01-31"), books.lot("LOTUS 2026-12-31")
    held = books.hold(aside(redeem(45, "LOTUS-1")))
    assert held.draws == (HeldDraw(lotus.id, 2, 20), HeldDraw(jade.id, 1, 25))
    assert (held.quantity, held.asset) == (45, Asset.POINTS)
    held = books.hold(aside(spend("¥1.00", "LOTUS-1")))
    assert held.draws == (HeldDraw(books.lot("JADE never").id, 1, 100),)
    assert (held.quantity, held.asset) == (100, Asset.STORED_VALUE)


TAKEN = [
    # taken of 20 and 25, parts
    (0, []),
    (1, [1]),
    (20, [20]),
    (21, [20, 1]),
    (45, [20, 25]),
]


@pytest.mark.parametrize(("quantity", "parts"), TAKEN)
def test_the_first_parts_are_taken_first(quantity: int, parts: list[int]) -> None:
    draws = (HeldDraw(501, 2, 20), HeldDraw(502, 1, 25))
    taken = first_of(draws, quantity)
    assert [draw.quantity for draw in taken] == parts
    assert [draw.lot_id for draw in taken] == [501, 502][: len(parts)]


@pytest.mark.parametrize(("quantity", "moves"), [(1, ["-1 LOTUS"]), (21, ["-20 LOTUS", "-1 JADE"])])
def test_down_to_one_point_what_is_captured_is_drawn(quantity: int, moves: list[str]) -> None:
    books = _books()
    booked = books.book(capture(books.hold(aside(redeem(45, "LOTUS-1"))), quantity))
    assert [move.rsplit(" ", 1)[0] for move in books.moves(booked)] == moves
    assert booked.transaction.points == quantity


BY_WORTH = [
    # fen per point, points held, asked for, points taken; None: more than is held
    ("0.3", 5, "¥0.02", 5),  # they are worth 1.5 fen, shown as 2: seven points would be worth 2
    ("0.3", 5, "¥0.01", 4),
    ("0.3", 5, "¥0.03", None),
    ("0.5", 5, "¥0.03", 5),  # 2.5 fen
    ("2.5", 5, "¥0.13", 5),  # 12.5 fen
    ("2.5", 5, "¥0.14", None),
    ("1", 5, "¥0.05", 5),
    ("1", 5, "¥0.06", None),
]


@pytest.mark.parametrize(("value", "points", "asked", "taken"), BY_WORTH)
def test_all_that_is_held_can_be_asked_for_by_its_worth(
    value: str, points: int, asked: str, taken: int | None
) -> None:
    books = _books(value)
    held = books.hold(aside(redeem(points, "JADE-1")))
    if taken is None:
        assert books.refuse(capture(held, asked)) == "exceeds_held"
    else:
        assert books.book(capture(held, asked)).transaction.points == taken


def test_a_merchants_number_leads_to_the_hold_or_transaction_that_bears_it() -> None:
    books = _books()
    decision = books.decide(
        aside(redeem(1, "JADE-1", reference="R-1")), redeem(1, "JADE-1", reference="R-2"), redeem(1, "JADE-1")
    )
    [held], [first, _] = decision.new_holds, decision.transactions
    assert decision.references == {
        ReferenceKey(101, TransactionKind.REDEMPTION, "R-1"): (1, held),
        ReferenceKey(101, TransactionKind.REDEMPTION, "R-2"): (1, first.id),
    }
