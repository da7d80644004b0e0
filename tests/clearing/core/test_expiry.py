"""Expiry: what is left in a lot whose last day is over becomes its issuer's breakage."""

from collections import Counter
from collections.abc import Callable

import pytest

from clearing.core.accounts import CHART
from clearing.core.calendar import day_before
from clearing.core.commands import OnHold, Redemption, Spend
from clearing.core.holds import Hold
from clearing.core.journal import TransactionKind
from clearing.core.outcomes import Code, Posted, Refusal, Replayed
from support.core import (
    Books,
    accrue,
    alliance,
    aside,
    capture,
    expire,
    lapse,
    redeem,
    reverse,
    shanghai,
    spend,
    void,
)


def _books(*lots: str, fees: tuple[str, ...] = ()) -> Books:
    return Books(alliance("JADE enabled", "LOTUS", fees=fees), ["J-1 Wang JADE"], {"Wang": lots})


def test_points_that_are_left_become_breakage() -> None:
    books = _books("JADE 70 pts 2026-11-14", fees=("redemption 2%",))
    gone = books.book(expire(books.lot("JADE 2026-11-14")))
    assert books.legs(gone) == ["expiry of JADE: 70 pts, ¥0.70; own_system"]
    assert books.moves(gone) == ["-70 JADE 2026-11-14"]
    assert books.entries(gone) == ["lot JADE 2026-11-14 → breakage JADE: 70 pts"]
    assert books.left("Wang") == []
    assert not books.positions


def test_so_does_stored_value() -> None:
    books = _books("JADE ¥7.00 2026-11-14", "JADE 9 pts 2026-11-14")
    gone = books.book(expire(books.lot("JADE 2026-11-14")))
    assert books.legs(gone) == ["expiry of JADE: ¥7.00; own_system"]
    assert books.entries(gone) == ["lot JADE 2026-11-14 → breakage JADE: ¥7.00"]
    assert books.left("Wang") == ["JADE 9 pts 2026-11-14"]


def test_it_is_an_act_of_the_issuer_without_card_or_merchant() -> None:
    books = _books("LOTUS 70 pts 2026-11-14")
    found = books.book(expire(books.lot("LOTUS 2026-11-14"))).transaction
    assert (found.kind, found.acceptor_id, found.points, found.amount) == (TransactionKind.EXPIRY, 2, 70, 70)
    assert (found.card_number, found.merchant_id, found.original_id) == (None, None, None)
    assert (found.period, found.booked_at, found.late) == (202611, books.at, False)


DAYS = [
    # the instant, whether a lot of 30 November has ended
    ("2026-11-30 00:00", False),
    ("2026-11-30 23:59:59.999999", False),  # the last good day
    ("2026-12-01 00:00", True),
    ("2027-01-15 12:00", True),
]


@pytest.mark.parametrize(("at", "ended"), DAYS)
def test_a_lot_ends_when_its_last_good_day_is_over_in_the_alliances_zone(at: str, ended: bool) -> None:
    books = _books("JADE 70 pts 2026-11-30")
    books.at = shanghai(at)
    command = expire(books.lot("JADE 2026-11-30"))
    if ended:
        books.book(command)
        assert books.refuse(redeem(1, "JADE-1")) == "insufficient_points"
    else:
        assert books.refuse(command) == "not_reversible"
        books.book(redeem(70, "JADE-1"))


def test_a_lot_without_a_last_day_does_not_end() -> None:
    books = _books("JADE 70 pts never")
    assert books.refuse(expire(books.lot("JADE never"))) == "not_reversible"


def test_where_nothing_is_left_nothing_is_booked() -> None:
    books = _books("JADE 0 pts 2026-11-14", "LOTUS 0 pts 2026-11-14 held=5", "JADE 5 pts 2026-11-13")
    for text in ("JADE 2026-11-14", "LOTUS 2026-11-14"):
        assert books.refuse(expire(books.lot(text))) == "insufficient_points"
    last = books.lot("JADE 2026-11-13")
    first, second = books.post(expire(last), expire(last))
    assert isinstance(first, Posted)
    assert isinstance(second, Refusal)
    assert books.refuse(expire(last)) == "insufficient_points"


def test_why_nothing_is_booked_is_said() -> None:
    books = _books("JADE 0 pts 2026-11-14", "JADE 5 pts 2026-11-15")
    gone, good = books.lot("JADE 2026-11-14"), books.lot("JADE 2026-11-15")
    assert books.post(expire(gone), expire(gone._replace(id=99)), expire(good)) == [
        Refusal(Code.INSUFFICIENT_POINTS, "Nothing is left in the lot."),
        Refusal(Code.INSUFFICIENT_POINTS, "Nothing is left in the lot."),
        Refusal(Code.NOT_REVERSIBLE, "The lot has not ended yet."),
    ]


def test_a_lot_that_is_not_there_has_nothing_left() -> None:
    books = _books("JADE 5 pts 2026-11-14")
    assert books.refuse(expire(books.lot("JADE 2026-11-14")._replace(id=99))) == "insufficient_points"
    other = books.lot("JADE 2026-11-14")._replace(wallet_id=2)
    assert books.refuse(expire(other)) == "insufficient_points"


@pytest.mark.parametrize("ending", [void, lapse])
@pytest.mark.parametrize(
    ("lot", "command"),
    [
        ("JADE 10 pts 2026-11-20", redeem(4, "JADE-1")),
        ("JADE ¥0.10 2026-11-20", spend("¥0.04", "JADE-1")),
    ],
)
def test_what_is_held_stays_and_ends_in_the_run_after_its_release(
    lot: str, command: Redemption | Spend, ending: Callable[[Hold], OnHold]
) -> None:
    books = _books(lot)
    until = "2026-11-25 12:00"
    held = books.hold(aside(command, until))
    books.at = shanghai("2026-11-21 03:00")
    assert books.moves(books.book(expire(books.lot("JADE 2026-11-20")))) == ["-6 JADE 2026-11-20"]
    assert books.refuse(expire(books.lot("JADE 2026-11-20"))) == "insufficient_points"
    if ending is lapse:
        books.at = shanghai(until)
    books.hold(ending(held))
    assert books.moves(books.book(expire(books.lot("JADE 2026-11-20")))) == ["-4 JADE 2026-11-20"]
    assert books.left("Wang") == []


def test_what_is_held_over_the_end_can_be_captured_and_only_the_rest_ends() -> None:
    books = _books("JADE 10 pts 2026-11-20")
    held = books.hold(aside(redeem(10, "JADE-1"), "2026-11-25 12:00"))
    books.at = shanghai("2026-11-21 03:00")
    outcomes = books.post(
        expire(books.lot("JADE 2026-11-20")), capture(held, 7), expire(books.lot("JADE 2026-11-20"))
    )
    assert [type(outcome) for outcome in outcomes] == [Refusal, Posted, Posted]
    assert [row.points for row in books.transactions.values()] == [7, 3]


def test_points_given_back_with_days_of_grace_end_again() -> None:
    books = _books("JADE 10 pts 2026-11-20")
    first = books.book(redeem(10, "JADE-1"))
    books.at = shanghai("2026-11-21 12:00")
    books.book(reverse(first))
    grace = books.lot("JADE 2026-12-21")
    books.at = shanghai("2026-12-21 23:59")
    assert books.refuse(expire(grace)) == "not_reversible"
    books.at = shanghai("2026-12-22 00:00")
    assert books.moves(books.book(expire(grace))) == ["-10 JADE 2026-12-21"]


def test_the_books_of_an_issuer_balance_after_everything_has_happened() -> None:
    books = Books(alliance("JADE expiry=fixed:11-30"), at=shanghai("2026-11-15 10:00"))
    books.book(accrue("¥100.00", "JADE-1"))
    books.book(redeem(30, "JADE-1"))
    books.at = shanghai("2026-12-01 03:00")
    books.book(expire(books.lot(f"JADE {day_before(books.at.date())}")))
    balances: Counter[str] = Counter()
    for entry in books.journal.values():
        posting = CHART[entry.kind]
        balances[posting.debit] -= entry.quantity
        balances[posting.credit] += entry.quantity
    assert balances == {"issued": -100, "redeemed": 30, "breakage": 70, "lot": 0}


def test_it_is_booked_in_the_open_period() -> None:
    books = _books("JADE 70 pts 2026-11-30")
    books.close(202611, at=shanghai("2026-12-01 00:30"))
    books.at = shanghai("2026-12-01 00:10")  # a clock that lags behind the closing
    found = books.book(expire(books.lot("JADE 2026-11-30"))).transaction
    assert (found.period, found.booked_at) == (202612, shanghai("2026-12-01 00:30"))


def test_sent_again_it_is_done_once() -> None:
    books = _books("JADE 70 pts 2026-11-14")
    command = expire(books.lot("JADE 2026-11-14"), key="k")
    books.book(command)
    assert books.post(command) == [Replayed(books.recorded["k"])]
