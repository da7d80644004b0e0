"""Legs add up to the amount that was asked for, whatever a point is worth and however many issuers pay."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.core.commands import Redemption
from clearing.core.decide import plan_now
from clearing.core.journal import Booking
from clearing.core.outcomes import Refusal
from clearing.core.plan import Plan
from support.core import Books, alliance, aside, capture, redeem, reverse, yuan
from support.examples import examples

CODES = ("JADE", "LOTUS", "PINE")
#: More than any amount takes.
ENOUGH = 100_000

point_values = st.sampled_from(["0.7", "1", "0.3", "2.5", "0.01", "1.005", "7", "0.333"]).map(Decimal)
reimbursements = st.sampled_from(["1", "0.9", "0.333"]).map(Decimal)
#: Points of the first lots; the last one has enough for all.
lots = st.lists(st.integers(1, 120), min_size=0, max_size=4)
amounts = st.integers(1, 300)


def _books(point_value: Decimal, reimbursement_rate: Decimal, given_lots: list[int]) -> Books:
    directory = alliance(
        *CODES, fees=["redemption 2%"], point_value=point_value, reimbursement_rate=reimbursement_rate
    )
    texts = [
        f"{CODES[place % 3]} {points} pts 2027-{place + 1:02}-28"
        for place, points in enumerate([*given_lots, ENOUGH])
    ]
    return Books(directory, ["J-1 Wang JADE"], {"Wang": texts})


def _adds_up(booking: Booking, points: int, amount: int) -> None:
    row = booking.transaction
    assert (row.points, row.amount) == (points, amount)
    assert (sum(leg.points for leg in booking.legs), sum(leg.amount for leg in booking.legs)) == (
        points,
        amount,
    )


def _half_up(exact: Fraction) -> int:
    return (exact + Fraction(1, 2)).__floor__()


def _is_shared_fairly(books: Books, booking: Booking) -> None:
    agreed = books.directory.rulebook.settings
    row = booking.transaction
    for leg in booking.legs:
        worth = _half_up(leg.points * Fraction(agreed.point_value))
        share = Fraction(row.amount * leg.points, row.points)
        assert leg.amount == worth or abs(leg.amount - share) < 1
        of = leg.points * Fraction(agreed.point_value) if leg.amount == worth else Fraction(leg.amount)
        owed = _half_up(of * Fraction(agreed.reimbursement_rate)) if leg.cross_system else 0
        assert leg.obligation == owed


@settings(max_examples=examples(300), deadline=None, print_blob=True)
@given(point_values, reimbursements, lots, amounts, st.lists(st.integers(1, 99), max_size=4), st.booleans())
def test_what_is_asked_for_by_amount_is_paid_held_quoted_and_given_back_to_the_fen(
    point_value: Decimal,
    reimbursement_rate: Decimal,
    given_lots: list[int],
    amount: int,
    percents: list[int],
    is_held: bool,
) -> None:
    books = _books(point_value, reimbursement_rate, given_lots)
    before = books.left("Wang")
    needed = -(-Fraction(amount) // Fraction(point_value))
    command = redeem(yuan(amount), "LOTUS-1")
    assert isinstance(command, Redemption)
    planned = plan_now(books.snapshot(), command, books.at)
    assert isinstance(planned, Plan)
    assert (planned.points, planned.amount, sum(leg.amount for leg in planned.legs)) == (
        needed,
        amount,
        amount,
    )
    if is_held:
        hold = books.hold(aside(command))
        assert (hold.points, hold.amount) == (needed, amount)
        booking = books.book(capture(hold))
    else:
        booking = books.book(command)
    _adds_up(booking, needed, amount)
    _is_shared_fairly(books, booking)
    left = amount
    for percent in percents:
        part = max(left * percent // 100, 1)
        if part >= left:
            break
        back = books.book(reverse(booking, yuan(part)))
        _adds_up(back, back.transaction.points, -part)
        left -= part
    back = books.book(reverse(booking))
    _adds_up(back, back.transaction.points, -left)
    assert books.left("Wang") == before
    assert set(books.nets().values()) == {"¥0.00"}


@settings(max_examples=examples(300), deadline=None, print_blob=True)
@given(point_values, lots, amounts, st.integers(1, 100), st.booleans())
def test_a_part_of_a_hold_that_is_captured_by_amount_pays_that(
    point_value: Decimal, given_lots: list[int], amount: int, percent: int, by_points: bool
) -> None:
    books = _books(point_value, Decimal(1), given_lots)
    asked = amount if by_points else yuan(amount)
    hold = books.hold(aside(redeem(asked, "LOTUS-1")))
    part = max(hold.amount * percent // 100, 1)
    [outcome] = books.post(capture(hold, yuan(part)))
    if isinstance(outcome, Refusal):
        # Points that are held by their number may be worth less than half a fen in all, or than they show.
        assert by_points
        assert part > hold.points * Fraction(point_value)
        return
    booking = books.bookings[hold.id]
    _adds_up(booking, booking.transaction.points, part)
    assert booking.transaction.points <= hold.points


@settings(max_examples=examples(200), deadline=None, print_blob=True)
@given(point_values, lots, amounts, st.integers(1, 99))
def test_points_of_a_hold_that_was_placed_by_amount_pay_no_more_than_that(
    point_value: Decimal, given_lots: list[int], amount: int, percent: int
) -> None:
    books = _books(point_value, Decimal(1), given_lots)
    hold = books.hold(aside(redeem(yuan(amount), "LOTUS-1")))
    assert books.refuse(capture(hold, yuan(amount + 1))) == "exceeds_held"
    booking = books.book(capture(hold, max(hold.points * percent // 100, 1)))
    assert booking.transaction.amount == sum(leg.amount for leg in booking.legs) <= amount
