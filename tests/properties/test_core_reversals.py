"""Reversing in any number of parts: after each, what remains is what the remaining part would have had.

Given one transaction under random rates, it is undone piece by piece until nothing is left. The worth, the
obligation and the fee of what remains are worked out here in fractions.
"""

from collections import Counter
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.core.accounts import CHART
from clearing.core.commands import Command, Redemption
from clearing.core.directory import Directory
from clearing.core.journal import Booking, Leg, LegKind, TransactionKind
from clearing.core.outcomes import Posted, Refusal
from clearing.core.rulebook import DrawOrder, ExchangeKind, FeeRule, Rulebook
from support.core import Books, accrue, alliance, load, redeem, reverse, spend, yuan
from support.examples import examples

LOTS = [
    "JADE 40 pts 2026-12-31",
    "LOTUS 25 pts 2027-01-31",
    "JADE 60 pts 2027-02-28",
    "PINE 30 pts never",
    "JADE ¥0.90 2026-12-31",
    "LOTUS ¥0.35 never",
    "JADE ¥1.10 never",
]

rates = st.sampled_from(["0", "0.006", "0.017", "0.333", "1"]).map(Decimal)


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    found = alliance("JADE enabled earn=0.37", "LOTUS enabled earn=1.5", "PINE enabled")
    agreed = found.rulebook.settings._replace(
        point_value=Decimal(draw(st.sampled_from(["1", "0.7", "0.3", "2.5"]))),
        reimbursement_rate=Decimal(draw(st.sampled_from(["1", "0.9", "0.333"]))),
        draw_order=draw(st.sampled_from(DrawOrder)),
    )
    rules = [
        FeeRule(
            id_,
            kind,
            None,
            None,
            draw(st.sampled_from(["0", "1", "0.5", "0.3333"]).map(Decimal)),
            draw(rates),
            draw(st.sampled_from([0, 0, 3])),
            draw(st.sampled_from([None, 5, 10])),
            draw(st.sampled_from([None, 10, 15])),
            None,
        )
        for id_, kind in enumerate(ExchangeKind, 1)
    ]
    return Directory(1, found.participants, found.merchants, Rulebook(7, agreed, rules))


merchants = st.sampled_from(["JADE-1", "LOTUS-1", "PINE-1"])
quantities = st.integers(1, 150)
commands = (
    st.builds(redeem, quantities, merchants)
    | st.builds(lambda fen, merchant: redeem(yuan(fen), merchant), st.integers(1, 46), merchants)
    | st.builds(lambda fen, merchant: spend(yuan(fen), merchant), quantities, merchants)
    | st.builds(
        lambda fen, merchant, issuer: load(yuan(fen), merchant, issuer),
        quantities,
        merchants,
        st.sampled_from(["JADE", "LOTUS", None]),
    )
    | st.builds(
        lambda fen, merchant, points: accrue(yuan(fen), merchant, points),
        st.integers(1, 20_000),
        merchants,
        st.sampled_from([None, None, 0, 7, 150]),
    )
)
#: Half of the pieces are points and half amounts; their size is a percentage of what is left, at least 1.
pieces = st.lists(st.tuples(st.booleans(), st.sampled_from([0, 10, 30, 50, 90, 100, 120])), max_size=8)


@settings(max_examples=examples(400), deadline=None, print_blob=True)
@given(directories(), commands, pieces)
def test_any_split_gives_back_exactly_what_the_whole_had(
    directory: Directory, command: Command, given_pieces: list[tuple[bool, int]]
) -> None:
    books = Books(directory, ["J-1 Wang JADE"], {"Wang": LOTS})
    first = books.book(command)
    bookings = [first]
    by_amount = isinstance(command, Redemption) and command.amount is not None
    for by_points, percent in given_pieces:
        points, amount = _left(bookings)
        quantity = max(points * percent // 100, 1) if by_points else yuan(max(amount * percent // 100, 1))
        [outcome] = books.post(reverse(first, quantity))
        if isinstance(outcome, Posted):
            bookings.append(outcome.booking)
            by_amount |= not by_points
            _what_remains_is_as_if_there_had_been_no_more(directory, bookings, by_amount=by_amount)
            if not by_points and first.transaction.kind is TransactionKind.REDEMPTION:
                assert yuan(-outcome.booking.transaction.amount) == quantity
            _what_was_drawn_last_is_back_first(bookings)
        else:
            assert isinstance(outcome, Refusal)
            assert outcome.code in {"exceeds_reversible", "amount_invalid"}
    if any(_left(bookings)):
        bookings.append(books.book(reverse(first)))
    assert _left(bookings) == (0, 0)
    _everything_is_as_before(books, bookings)


def _left(bookings: list[Booking]) -> tuple[int, int]:
    """(points, fen) that are not reversed yet."""
    rows = [booking.transaction for booking in bookings]
    return sum(row.points for row in rows), sum(row.amount for row in rows)


def _what_remains_is_as_if_there_had_been_no_more(
    directory: Directory, bookings: list[Booking], *, by_amount: bool
) -> None:
    for leg in bookings[0].legs:
        same = [
            one
            for booking in bookings
            for one in booking.legs
            if (one.kind, one.issuer_id) == (leg.kind, leg.issuer_id)
        ]
        points, amount = sum(one.points for one in same), sum(one.amount for one in same)
        assert points >= 0
        assert amount >= 0
        for one in same[1:]:
            assert max(one.points, one.amount, one.obligation, one.acceptor_fee, one.issuer_fee) <= 0
            assert min(one.points, one.amount) < 0
        if leg.kind is LegKind.REDEMPTION:
            value = Fraction(directory.rulebook.settings.point_value)
            # What was asked for by amount is given back to the fen; points are whole, so theirs may differ.
            assert abs(amount - points * value) < value + 2
            assert by_amount or amount == _half_up(points * value)
        assert sum(one.obligation for one in same) == _obligation(directory, leg, points, amount)
        shares = sum(one.acceptor_fee for one in same), sum(one.issuer_fee for one in same)
        assert shares == _fee(directory, leg, points, amount)


def _what_was_drawn_last_is_back_first(bookings: list[Booking]) -> None:
    returned: Counter[int] = Counter()
    for booking in bookings[1:]:
        for movement in booking.movements:
            returned[movement.lot_id] += movement.quantity
    states = []
    for movement in bookings[0].movements:
        assert returned[movement.lot_id] <= movement.quantity
        states.append(Fraction(returned[movement.lot_id], movement.quantity))
    # The first lots are untouched, one may be partly back, the last ones are back altogether.
    assert states == sorted(states)
    assert sum(0 < state < 1 for state in states) <= 1


def _everything_is_as_before(books: Books, bookings: list[Booking]) -> None:
    assert books.left("Wang") == LOTS
    assert books.owed("Wang") == []
    assert set(books.nets().values()) == {"¥0.00"}
    assert {count for (_, name), count in books.positions.items() if name != "exchanges"} <= {0}
    balances: Counter[tuple[str, int]] = Counter()
    for entry in books.journal.values():
        posting = CHART[entry.kind]
        balances[posting.debit, entry.debit] -= entry.quantity
        balances[posting.credit, entry.credit] += entry.quantity
    assert set(balances.values()) <= {0}
    for booking in bookings[1:]:
        assert booking.transaction.original_id == bookings[0].transaction.id


def _half_up(exact: Fraction) -> int:
    return (exact + Fraction(1, 2)).__floor__()


def _obligation(directory: Directory, leg: Leg, points: int, amount: int) -> int:
    if leg.issuer_id == leg.acceptor_id:
        return 0
    agreed = directory.rulebook.settings
    match leg.kind:
        case LegKind.REDEMPTION if amount == _half_up(points * Fraction(agreed.point_value)):
            return _half_up(points * Fraction(agreed.point_value) * Fraction(agreed.reimbursement_rate))
        case LegKind.REDEMPTION:
            return _half_up(amount * Fraction(agreed.reimbursement_rate))
        case LegKind.SPEND:
            return _half_up(amount * Fraction(agreed.reimbursement_rate))
        case LegKind.LOAD:
            return amount
    return 0


def _fee(directory: Directory, leg: Leg, points: int, amount: int) -> tuple[int, int]:
    """(acceptor's, issuer's)."""
    if leg.issuer_id == leg.acceptor_id or not (points or amount):
        return 0, 0
    [rule] = [one for one in directory.rulebook.rules if one.kind.name == leg.kind.name]
    if not (rule.rate or rule.flat or rule.minimum):
        return 0, 0
    fee = max(_half_up(amount * Fraction(rule.rate)) + rule.flat, rule.minimum or 0)
    fee = fee if rule.maximum is None else min(fee, rule.maximum)
    acceptor = _half_up(fee * Fraction(rule.acceptor_share))
    return acceptor, fee - acceptor
