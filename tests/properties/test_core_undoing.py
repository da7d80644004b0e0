"""In whatever order things are undone, the same is left: nothing is both owed and usable.

A member earns, uses and sets points aside, in one lot or several, and some of it ends; then everything is
undone in two random orders. What is left by either is worked out here from what was given and what was used.
Between any two of these acts months may pass, in which what came back ends, mostly after a period of grace.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import zip_longest
from random import Random
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.core.accounts import Asset
from clearing.core.journal import Booking, TransactionKind
from clearing.core.outcomes import Held, Posted
from support.core import (
    Books,
    accrue,
    alliance,
    aside,
    expire,
    lapse,
    open_balance,
    redeem,
    reverse,
    shanghai,
    void,
)
from support.examples import examples

#: Earned in either of two months, so in two lots; 0 lets points of the first lot end.
Earned = tuple[int, int]


class Past(NamedTuple):
    """`earned`: month and points; `used`: points, and whether they are only held; then some is `over`."""

    earned: list[Earned]
    used: list[tuple[int, bool]]
    over: bool
    given: int


pasts = st.builds(
    Past,
    st.lists(st.tuples(st.sampled_from([10, 11]), st.sampled_from([100, 250, 40])), min_size=1, max_size=3),
    st.lists(st.tuples(st.sampled_from([30, 100, 170]), st.booleans()), max_size=3),
    st.booleans(),
    st.sampled_from([0, 0, 60]),
)


def _lived(past: Past) -> tuple[Books, list[Booking], list[Booking | Held]]:
    directory = alliance("JADE earn=1 expiry=rolling:1", "LOTUS", fees=["redemption 2%"])
    books = Books(directory, ["J-1 Wang JADE"], periods=[*range(202610, 202613), *range(202701, 202713)])
    earned: list[Booking] = []
    for month, points in sorted(past.earned):
        books.at = shanghai(f"2026-{month}-05 10:00")
        earned.append(books.book(accrue(f"¥{points}.00", "JADE-1")))
    if past.given:
        books.book(open_balance(f"JADE {past.given} pts never"))
    used: list[Booking | Held] = []
    for points, held in past.used:
        command = redeem(points, "LOTUS-1")
        [outcome] = books.post(aside(command, "2027-01-20 10:00") if held else command)
        if isinstance(outcome, Held):
            used.append(outcome)
        elif isinstance(outcome, Posted):
            used.append(outcome.booking)
    if past.over:
        books.at = shanghai("2026-12-01 00:05")
        _end_lots(books)
    return books, earned, used


def _end_lots(books: Books) -> None:
    for lot in list(books.lots.values()):
        if lot.available and lot.expires_on and lot.expires_on < books.at.date():
            books.book(expire(lot))


def _undo(books: Books, one: Booking | Held) -> None:
    books.at += timedelta(minutes=1)
    if isinstance(one, Held):
        books.hold(void(one.hold) if books.at < one.hold.expires_at else lapse(one.hold))
    else:
        books.book(reverse(one))
    _nothing_is_owed_and_usable(books)


def _nothing_is_owed_and_usable(books: Books) -> None:
    if any(books.arrears.values()):
        assert not any(lot.available for lot in books.lots.values())


def _left(books: Books) -> tuple[int, int, int]:
    """(available, held, owed) points."""
    lots = [lot for lot in books.lots.values() if lot.asset is Asset.POINTS]
    owed = sum(books.arrears.values())
    return sum(lot.available for lot in lots), sum(lot.held for lot in lots), owed


def _breakage(books: Books) -> int:
    """Points that have ended, less those that were taken back."""
    ended = {row.id for row in books.transactions.values() if row.kind is TransactionKind.EXPIRY}
    return sum(
        row.points for row in books.transactions.values() if row.id in ended or row.original_id in ended
    )


@settings(max_examples=examples(300), deadline=None, print_blob=True)
@given(pasts, st.randoms(use_true_random=False), st.randoms(use_true_random=False), st.integers(0, 6))
def test_in_whatever_order_things_are_undone_the_same_is_left(
    past: Past, first: Random, second: Random, some: int
) -> None:
    states = []
    for dice in (first, second):
        books, earned, used = _lived(past)
        undone: Sequence[Booking | Held] = [*earned, *used][: some or None]
        for one in dice.sample(undone, len(undone)):
            _undo(books, one)
        states.append((_left(books), _breakage(books)))
        if not some:
            assert set(books.nets().values()) == {"¥0.00"}
    assert states[0] == states[1]
    if not some:
        # All that was earned and used is undone: what came from before is left, or a part of it that ended.
        available, held, owed = states[0][0]
        assert (held, owed) == (0, 0)
        assert available + states[0][1] == past.given


@settings(max_examples=examples(300), deadline=None, print_blob=True)
@given(pasts, st.randoms(use_true_random=False), st.lists(st.sampled_from([0, 0, 20, 40]), max_size=6))
def test_whatever_ends_in_between_nothing_is_owed_when_all_is_undone(
    past: Past, dice: Random, days: list[int]
) -> None:
    books, earned, used = _lived(past)
    acts: list[Booking | Held] = [*earned, *used]
    for one, passed in zip_longest(dice.sample(acts, len(acts)), days):
        if passed:
            books.at += timedelta(days=passed)
            _end_lots(books)
        if one is not None:
            _undo(books, one)
    available, held, owed = _left(books)
    # What was earned has not ended, as it was never there; of what was given some may have.
    assert (held, owed, available + _breakage(books)) == (0, 0, past.given)
    assert set(books.nets().values()) == {"¥0.00"}
