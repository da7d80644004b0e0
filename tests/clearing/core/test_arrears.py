"""Arrears are paid by whatever brings points into a lot, and points that ended were not spent."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from clearing.core.calendar import month
from clearing.core.commands import Command, PointsAdjustment
from clearing.core.journal import Booking, TransactionKind
from support.core import (
    NOW,
    OPERATOR,
    SHANGHAI,
    Books,
    accrue,
    alliance,
    aside,
    capture,
    expire,
    lapse,
    link,
    open_balance,
    redeem,
    reverse,
    shanghai,
    unlink,
    void,
)

CARDS = ["J-1 Wang JADE", "L-1 Wang LOTUS", "L-2 Li LOTUS"]


def _books(cards: list[str] | None = None, **settings: Any) -> Books:
    directory = alliance("JADE earn=1 expiry=rolling:1", "LOTUS", fees=["redemption 2%"], **settings)
    return Books(directory, cards or CARDS, periods=[202610, 202611, 202612, 202701, 202702, 202703])


def _kinds(books: Books) -> list[str]:
    """Of everything booked, in order."""
    return [row.kind.label for row in books.transactions.values()]


def _given_by_hand(points: int) -> PointsAdjustment:
    return PointsAdjustment(
        key="by hand",
        request_hash="",
        caller=OPERATOR,
        card="J-1",
        issuer_id=1,
        points=points,
        reason="goodwill",
        expires_on=date(2027, 6, 30),
    )


def _owing(books: Books) -> tuple[Booking, Booking]:
    """Wang has used 1,000 points whose accrual was undone; that, and the use."""
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    used = books.book(redeem(1_000, "LOTUS-1"))
    books.book(reverse(earned))
    assert (books.left("Wang"), books.owed("Wang")) == ([], ["JADE 1000 pts"])
    return earned, used


def test_earned_used_and_both_undone_leaves_nothing() -> None:
    books = _books()
    _, used = _owing(books)
    back = books.book(reverse(used))
    assert books.moves(back) == ["+1000 JADE 2026-12-31"]
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])
    # Out of the lot, and into what is owed: nobody's card, and worth as much.
    *_, leaving, paying = books.transactions.values()
    assert [(row.kind, row.points, row.amount) for row in (leaving, paying)] == [
        (TransactionKind.TRANSFER, -1_000, -1_000),
        (TransactionKind.TRANSFER, 1_000, 1_000),
    ]
    for row in (leaving, paying):
        assert (row.card_number, row.merchant_id, row.acceptor_id, row.purpose) == (None, None, 1, "arrears")
    assert set(books.nets().values()) == {"¥0.00"}


@pytest.mark.parametrize("parts", [[400, 600], [1, 998, 1], [1_000]])
def test_a_use_that_is_undone_in_parts_pays_with_each(parts: list[int]) -> None:
    books = _books()
    _, used = _owing(books)
    for number, points in enumerate(parts, 1):
        books.book(reverse(used, points))
        left = 1_000 - sum(parts[:number])
        assert (books.left("Wang"), books.owed("Wang")) == ([], [f"JADE {left} pts"] if left else [])


PAYING: list[tuple[Command, list[str], list[str]]] = [
    # what brings points, what is left, what is owed
    (open_balance("JADE 1500 pts 2027-03-31"), ["JADE 500 pts 2027-03-31"], []),
    (open_balance("JADE 300 pts never"), [], ["JADE 700 pts"]),
    (_given_by_hand(1_001), ["JADE 1 pts 2027-06-30"], []),
    (_given_by_hand(999), [], ["JADE 1 pts"]),
    (accrue("¥1,200.00", "JADE-1"), ["JADE 200 pts 2026-12-31"], []),
    (open_balance("JADE ¥15.00 never"), ["JADE ¥15.00 never"], ["JADE 1000 pts"]),
    (open_balance("LOTUS 1500 pts never"), ["LOTUS 1500 pts never"], ["JADE 1000 pts"]),
    (link("J-1", "L-2"), ["LOTUS 30 pts never"], ["JADE 1000 pts"]),
]


@pytest.mark.parametrize(("command", "left", "owed"), PAYING)
def test_whatever_brings_points_pays_their_issuer_first(
    command: Command, left: list[str], owed: list[str]
) -> None:
    books = _books(["J-1 Wang JADE", "L-2 Li LOTUS"])
    if left == ["LOTUS 30 pts never"]:
        books.book(open_balance("LOTUS 30 pts never", card="L-2"))
    _owing(books)
    books.post(command)
    assert (books.left("Wang"), books.owed("Wang")) == (left, owed)


def test_a_batch_pays_as_one_by_one() -> None:
    books = _books()
    _, used = _owing(books)
    books.post(reverse(used, 300), open_balance("JADE 300 pts never"), reverse(used))
    assert (books.left("Wang"), books.owed("Wang")) == (["JADE 300 pts 2026-12-31"], [])


ENDING: list[tuple[str, Callable[..., Command]]] = [("voided", void), ("lapsed", lapse)]


@pytest.mark.parametrize(("how", "ending"), ENDING)
def test_held_points_stay_held_and_pay_when_it_is_over(how: str, ending: Callable[..., Command]) -> None:
    books = _books()
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    held = books.hold(aside(redeem(600, "LOTUS-1"), "2026-11-20 10:00"))
    books.book(reverse(earned))
    assert (books.left("Wang"), books.owed("Wang")) == (["JADE 0 pts 2026-12-31 held=600"], ["JADE 600 pts"])
    if how == "lapsed":
        books.at = shanghai("2026-11-20 10:00")
    books.hold(ending(held))
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])
    assert _kinds(books) == ["accrual", "reversal", "transfer", "transfer"]


def test_what_a_capture_leaves_pays_and_what_it_takes_was_spent() -> None:
    books = _books()
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    held = books.hold(aside(redeem(600, "LOTUS-1")))
    books.book(reverse(earned))
    taken = books.book(capture(held, 450))
    assert (books.left("Wang"), books.owed("Wang")) == ([], ["JADE 450 pts"])
    books.book(reverse(taken))
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])


def test_what_comes_back_with_a_grace_period_pays_too() -> None:
    books = _books()
    _, used = _owing(books)
    books.at = shanghai("2027-01-05 10:00")
    back = books.book(reverse(used))
    assert books.moves(back) == ["+1000 JADE 2027-02-04"]
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])


def test_points_of_another_lot_pay_at_once_the_first_to_end_first() -> None:
    books = _books()
    for text in ("JADE 300 pts never", "JADE 400 pts 2027-06-30"):
        books.book(open_balance(text))
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    books.book(redeem(1_000, "LOTUS-1"))  # all of what was earned
    books.book(reverse(earned, 500))
    assert (books.left("Wang"), books.owed("Wang")) == (["JADE 200 pts never"], [])


def test_who_comes_to_share_a_wallet_pays_what_the_other_owes_and_what_is_held_stays() -> None:
    books = _books(["J-1 Wang JADE", "L-2 Li LOTUS"])
    _owing(books)
    books.book(open_balance("JADE 900 pts never", card="L-2"))
    held = books.hold(aside(redeem(700, "LOTUS-1", card="L-2")))
    books.move(link("J-1", "L-2"))
    assert (books.left("Wang"), books.owed("Wang")) == (["JADE 0 pts never held=700"], ["JADE 800 pts"])
    books.hold(void(held))
    assert (books.left("Wang"), books.owed("Wang")) == ([], ["JADE 100 pts"])


def test_who_leaves_takes_along_what_it_has_or_owes_and_never_both() -> None:
    books = _books()
    _, used = _owing(books)
    books.move(unlink("J-1"))
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])
    here = [points for key, points in books.arrears.items() if key.wallet_id == books.cards["J-1"].wallet_id]
    assert here == [1_000]
    books.book(reverse(used))
    assert not any(books.arrears.values())
    assert not any(lot.available for lot in books.lots.values())


def test_a_hold_that_ends_in_a_month_without_a_period_waits_for_one() -> None:
    books = _books()
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    held = books.hold(aside(redeem(600, "LOTUS-1")))
    books.book(reverse(earned))
    books.close(202611, at=NOW + timedelta(minutes=1))
    books.at = NOW
    books.hold(void(held))
    assert books.owed("Wang") == []
    assert {row.period for row in books.transactions.values() if row.kind is TransactionKind.TRANSFER} == {
        202612
    }


# ---- points that ended ---------------------------------------------------------------------------


def _ended(books: Books, used: int = 0) -> Booking:
    """1,000 points of an accrual, of which some were used before the rest became breakage."""
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    if used:
        books.book(redeem(used, "LOTUS-1"))
    books.at = shanghai("2027-01-01 00:05")
    books.book(expire(books.lot("JADE 2026-12-31")))
    assert books.left("Wang") == []
    return earned


def test_an_accrual_whose_points_ended_takes_the_breakage_back_and_leaves_no_arrears() -> None:
    books = _books()
    earned = _ended(books)
    back = books.book(reverse(earned))
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])
    assert books.entries(back) == ["lot JADE 2026-12-31 → issued JADE: 1000 pts"]
    assert _kinds(books) == ["accrual", "expiry", "reversal", "reversal"]
    _, end, undone, _ = books.transactions.values()
    assert (undone.original_id, undone.points, undone.amount) == (end.id, -1_000, -1_000)
    entries = [entry for entry in books.journal.values() if entry.transaction_id == undone.id]
    assert [entry.kind.name for entry in entries] == ["BREAKAGE_REVERSED"]
    assert (undone.period, undone.card_number, undone.merchant_id) == (202701, None, None)


@pytest.mark.parametrize("parts", [[1_000], [200, 800], [700, 300], [350, 1, 649]])
def test_only_what_was_used_is_owed_in_whatever_parts_it_is_undone(parts: list[int]) -> None:
    books = _books(point_value=Decimal("0.3"))
    earned = _ended(books, used=400)
    for points in parts:
        books.book(reverse(earned, points))
    assert (books.left("Wang"), books.owed("Wang")) == ([], ["JADE 400 pts"])
    ends = {row.id: row for row in books.transactions.values() if row.kind is TransactionKind.EXPIRY}
    [end] = ends.values()
    undone = [row for row in books.transactions.values() if row.original_id == end.id]
    assert sum(row.points for row in undone) == -end.points == -600
    assert sum(row.amount for row in undone) == -end.amount == -180


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_accruals_that_share_a_lot_owe_together_what_was_used_of_it(order: tuple[int, ...]) -> None:
    books = _books()
    earned = [books.book(accrue(f"¥{amount}.00", "JADE-1")) for amount in (300, 500, 200)]
    books.book(redeem(350, "LOTUS-1"))
    books.at = shanghai("2027-01-01 00:05")
    books.book(expire(books.lot("JADE 2026-12-31")))
    for index in order:
        books.book(reverse(earned[index]))
    assert (books.left("Wang"), books.owed("Wang")) == ([], ["JADE 350 pts"])


def test_what_was_held_when_the_rest_ended_is_owed_until_it_is_given_back() -> None:
    books = _books()
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    held = books.hold(aside(redeem(400, "LOTUS-1"), "2027-02-01 10:00"))
    books.at = shanghai("2027-01-01 00:05")
    books.book(expire(books.lot("JADE 2026-12-31")))
    books.book(reverse(earned))
    assert (books.left("Wang"), books.owed("Wang")) == (["JADE 0 pts 2026-12-31 held=400"], ["JADE 400 pts"])
    books.hold(void(held))
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])


def test_points_that_are_over_and_still_in_their_lot_are_taken_from_there() -> None:
    books = _books()
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    books.at = shanghai("2027-01-01 00:05")
    books.book(reverse(earned))
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])


def test_an_end_in_the_same_batch_is_seen() -> None:
    books = _books()
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    books.book(redeem(100, "LOTUS-1"))
    books.at = shanghai("2027-01-01 00:05")
    books.post(expire(books.lot("JADE 2026-12-31")), reverse(earned, 950), reverse(earned))
    assert (books.left("Wang"), books.owed("Wang")) == ([], ["JADE 100 pts"])


def test_breakage_of_another_lot_stays_whatever_was_used_of_this_one() -> None:
    books = _books()
    books.book(open_balance("JADE 500 pts 2026-12-30"))
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    books.book(redeem(1_500, "LOTUS-1"))
    books.book(open_balance("JADE 80 pts 2026-12-30"))
    books.at = shanghai("2027-01-01 00:05")
    books.book(expire(books.lot("JADE 2026-12-30")))
    books.book(reverse(earned))
    assert (books.left("Wang"), books.owed("Wang")) == ([], ["JADE 1000 pts"])


def test_breakage_is_taken_back_where_the_card_is_now() -> None:
    books = _books(["J-1 Wang JADE", "L-2 Li LOTUS"])
    earned = books.book(accrue("¥1,000.00", "LOTUS-1", points=1_000, card="L-2"))
    lot = books.lots[next(iter(books.lots))]
    books.at = shanghai("2028-12-01 00:05")
    books.periods.append(month(202812, SHANGHAI))
    books.book(expire(lot))
    books.move(link("J-1", "L-2"))
    back = books.book(reverse(earned))
    assert back.transaction.wallet_id == books.cards["J-1"].wallet_id != earned.transaction.wallet_id
    assert not any(books.arrears.values())
    assert not any(one.available for one in books.lots.values())
    [undone] = [row for row in books.transactions.values() if row.original_id in books.bookings
                and books.bookings[row.original_id].transaction.kind is TransactionKind.EXPIRY]  # fmt: skip
    assert undone.original_wallet_id == earned.transaction.wallet_id


# ---- points that had come to another lot before they ended ----------------------------------------


def _graced(books: Books, used: Booking, at: str, ended: str) -> None:
    """The use is undone after the last day of its points, and so is the grace period over."""
    books.at = shanghai(at)
    books.book(reverse(used))
    books.at = shanghai(ended)
    for lot in list(books.lots.values()):
        if lot.available and lot.expires_on and lot.expires_on < books.at.date():
            books.book(expire(lot))


def test_points_that_ended_after_a_period_of_grace_were_not_spent_either() -> None:
    books = _books()
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    used = books.book(redeem(1_000, "LOTUS-1"))
    _graced(books, used, "2027-01-02 10:00", "2027-02-10 00:05")
    assert books.left("Wang") == []
    back = books.book(reverse(earned))
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])
    assert books.moves(back) == ["-1000 JADE 2027-02-01"]


def test_points_that_ended_in_two_periods_of_grace_and_in_their_lot_are_found_in_all() -> None:
    books = _books()
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    used = [books.book(redeem(points, "LOTUS-1")) for points in (400, 300)]
    books.at = shanghai("2027-01-01 00:05")
    books.book(expire(books.lot("JADE 2026-12-31")))
    books.at = shanghai("2027-01-02 10:00")
    books.book(reverse(used[0], 350))
    again = books.book(redeem(350, "LOTUS-1"))
    books.book(reverse(used[1]))
    _graced(books, again, "2027-02-05 10:00", "2027-03-31 00:05")
    books.book(reverse(earned, 100))
    back = books.book(reverse(earned))
    # 50 of the first use stand.
    assert (books.left("Wang"), books.owed("Wang")) == ([], ["JADE 50 pts"])
    assert sorted(books.moves(back)) == [
        "-200 JADE 2026-12-31",
        "-300 JADE 2027-02-01",
        "-350 JADE 2027-03-07",
    ]


def test_what_was_spent_again_after_a_period_of_grace_is_owed() -> None:
    books = _books()
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    used = books.book(redeem(1_000, "LOTUS-1"))
    books.at = shanghai("2027-01-02 10:00")
    books.book(reverse(used))
    books.book(redeem(600, "LOTUS-1"))
    books.at = shanghai("2027-02-10 00:05")
    books.book(expire(books.lot("JADE 2027-02-01")))
    books.book(reverse(earned))
    assert books.owed("Wang") == ["JADE 600 pts"]


def test_a_use_that_went_back_to_two_lots_does_not_join_them() -> None:
    books = _books()
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    books.book(open_balance("JADE 500 pts 2027-01-31"))
    used = books.book(redeem(1_500, "LOTUS-1"))
    books.book(reverse(used))
    books.book(redeem(1_000, "LOTUS-1"))
    books.at = shanghai("2027-02-01 00:05")
    books.book(expire(books.lot("JADE 2027-01-31")))
    books.book(reverse(earned))
    assert books.owed("Wang") == ["JADE 1000 pts"], "what was given has ended, and what was earned was spent"


def test_points_that_paid_arrears_stand_for_those_that_came_later_and_ended() -> None:
    books = _books()
    first = books.book(accrue("¥1,000.00", "JADE-1"))
    used = books.book(redeem(1_000, "LOTUS-1"))
    books.at = shanghai("2026-12-05 10:00")
    second = books.book(accrue("¥1,000.00", "JADE-1"))
    books.book(reverse(first))
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])
    _graced(books, used, "2027-01-02 10:00", "2027-02-10 00:05")
    books.book(reverse(second))
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])


def test_an_accrual_that_paid_arrears_at_once_stands_for_what_came_back_and_ended() -> None:
    books = _books()
    first = books.book(accrue("¥400.00", "JADE-1"))
    used = books.book(redeem(400, "LOTUS-1"))
    books.book(reverse(first))
    second = books.book(accrue("¥400.00", "JADE-1"))
    assert (second.movements, books.owed("Wang")) == ([], [])
    _graced(books, used, "2027-01-02 10:00", "2027-02-10 00:05")
    books.book(reverse(second))
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])


def test_an_end_after_a_period_of_grace_is_seen_in_the_same_batch() -> None:
    books = _books()
    earned = books.book(accrue("¥1,000.00", "JADE-1"))
    used = books.book(redeem(1_000, "LOTUS-1"))
    books.at = shanghai("2027-01-02 10:00")
    books.book(reverse(used))
    books.at = shanghai("2027-02-10 00:05")
    books.post(expire(books.lot("JADE 2027-02-01")), reverse(earned, 400), reverse(earned))
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])
