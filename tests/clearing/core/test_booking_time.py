"""When a transaction is booked, and in which period; late ones, history, and closed periods."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from clearing.core.commands import Command
from clearing.core.decide import CLOCK_SKEW, PeriodMissing
from clearing.core.journal import Transaction
from support.core import NOW, Books, accrue, alliance, open_balance, redeem, shanghai


def _transaction(books: Books, **common: Any) -> Transaction:
    return books.book(accrue("¥1.00", "JADE-1", **common)).transaction


def test_it_is_booked_now_in_the_period_in_course() -> None:
    found = _transaction(Books(alliance("JADE")))
    assert (found.occurred_at, found.booked_at, found.period, found.late) == (NOW, NOW, 202611, False)


PERIODS = [
    ("2026-10-31 23:59:59.999999", 202610),
    ("2026-11-01 00:00", 202611),  # half open: the first instant belongs to the new month
    ("2026-11-30 23:59:59.999999", 202611),
    ("2026-12-01 00:00", 202612),
]


@pytest.mark.parametrize(("at", "number"), PERIODS)
def test_the_period_is_the_month_in_the_alliances_zone(at: str, number: int) -> None:
    found = _transaction(Books(alliance("JADE"), at=shanghai(at)))
    assert found.period == number


LATE = [
    ("2026-11-15 09:00", False),
    ("2026-11-01 00:00", False),
    ("2026-10-31 23:59:59", True),
    ("2025-01-01 00:00", True),
]


@pytest.mark.parametrize(("occurred", "late"), LATE)
def test_what_occurred_before_its_period_is_booked_now_and_flagged(occurred: str, late: bool) -> None:
    found = _transaction(Books(alliance("JADE")), occurred_at=shanghai(occurred))
    assert (found.occurred_at, found.late) == (shanghai(occurred), late)
    assert (found.booked_at, found.period) == (NOW, 202611)


def test_whether_it_is_late_does_not_depend_on_the_offset_it_is_written_in() -> None:
    tokyo = timezone(timedelta(hours=9))
    books = Books(alliance("JADE"))
    assert _transaction(books, occurred_at=datetime(2026, 11, 1, 0, 59, tzinfo=tokyo)).late
    assert not _transaction(books, occurred_at=datetime(2026, 11, 1, 1, 0, tzinfo=tokyo)).late


FUTURE = [
    (CLOCK_SKEW, None),
    (CLOCK_SKEW + timedelta(microseconds=1), "occurred_in_future"),
    (timedelta(days=400), "occurred_in_future"),
]


@pytest.mark.parametrize("historical", [False, True])
@pytest.mark.parametrize(("ahead", "answer"), FUTURE)
def test_a_tills_clock_may_run_two_minutes_ahead(
    ahead: timedelta, answer: str | None, historical: bool
) -> None:
    books = Books(alliance("JADE"))
    command = accrue("¥1.00", "JADE-1", occurred_at=NOW + ahead, historical=historical)
    if answer:
        assert books.refuse(command) == answer
    else:
        books.book(command)


# History is booked at the time it occurred.


def test_history_is_booked_when_it_occurred_and_is_not_late() -> None:
    found = _transaction(Books(alliance("JADE")), occurred_at=shanghai("2026-10-05 12:00"), historical=True)
    assert found.booked_at == found.occurred_at == shanghai("2026-10-05 12:00")
    assert (found.period, found.late) == (202610, False)


def test_history_is_priced_and_expires_by_its_own_day() -> None:
    fees = ["visit 1%", "visit 2% from=2026-11-01"]
    books = Books(alliance("JADE", "LOTUS expiry=rolling:1", fees=fees))
    booked = books.book(
        accrue("¥100.00", "LOTUS-1", occurred_at=shanghai("2026-10-31 23:59"), historical=True)
    )
    assert books.legs(booked)[0] == "visit of JADE: ¥100.00; LOTUS pays ¥1.00; exchange"
    assert books.left("Wang") == ["LOTUS 100 pts 2026-11-30"]


def test_what_is_late_is_priced_and_expires_by_the_day_it_is_booked() -> None:
    fees = ["visit 1%", "visit 2% from=2026-11-01"]
    books = Books(alliance("JADE", "LOTUS expiry=rolling:1", fees=fees))
    late = books.book(accrue("¥100.00", "LOTUS-1", occurred_at=shanghai("2026-10-31 23:59")))
    assert books.legs(late)[0] == "visit of JADE: ¥100.00; LOTUS pays ¥2.00; exchange"
    assert books.left("Wang") == ["LOTUS 100 pts 2026-12-31"]


def test_history_knows_the_cards_that_were_good_then() -> None:
    cards = ["J-1 Wang JADE", "L-1 Wang LOTUS until=2026-10-31"]
    books = Books(alliance("JADE", "LOTUS", fees=["visit 1%"]), cards)
    then = books.book(accrue("¥1.00", "LOTUS-1", occurred_at=shanghai("2026-10-31 12:00"), historical=True))
    assert books.legs(then) == ["visit of LOTUS: 1 pts, ¥1.00; own_system"]
    now = books.book(accrue("¥1.00", "LOTUS-1"))
    assert books.legs(now)[0] == "visit of JADE: ¥1.00; LOTUS pays ¥0.01; exchange"


def test_history_can_use_what_has_ended_since() -> None:
    books = Books(alliance("JADE"), lots={"Wang": ["JADE 10 pts 2026-10-31"]})
    assert books.refuse(redeem(1, "JADE-1")) == "insufficient_points"
    books.book(redeem(1, "JADE-1", occurred_at=shanghai("2026-10-31 23:59"), historical=True))


CLOSED = [
    ("2026-10-31 23:59:59.999999", True, "period_closed"),
    ("2026-09-15 12:00", True, "period_closed"),
    ("2026-11-01 00:00", True, None),
    ("2026-10-31 23:59:59.999999", False, None),  # late: booked in November
]


@pytest.mark.parametrize(("occurred", "historical", "answer"), CLOSED)
def test_nothing_enters_a_closed_period(occurred: str, historical: bool, answer: str | None) -> None:
    books = Books(alliance("JADE"))
    books.close(202610)
    command = accrue("¥1.00", "JADE-1", occurred_at=shanghai(occurred), historical=historical)
    if answer:
        assert books.refuse(command) == answer
    else:
        found = books.book(command).transaction
        assert (found.period, found.late) == (202611, not historical)


def test_a_clock_that_lags_behind_the_closing_books_at_its_first_instant_after() -> None:
    books = Books(alliance("JADE"), at=shanghai("2026-11-30 23:59:59"))
    books.close(202611)
    found = _transaction(books)
    assert (found.booked_at, found.period) == (shanghai("2026-12-01 00:00"), 202612)
    assert found.late


def test_a_period_closed_early_ends_there_and_the_next_begins() -> None:
    books = Books(alliance("JADE"))
    books.close(202611, at=NOW)
    found = _transaction(books)
    assert (found.booked_at, found.period, found.late) == (NOW, 202612, False)
    assert _transaction(books, occurred_at=NOW - timedelta(seconds=1)).late


# A period that nobody has opened yet is the shell's to open.


def test_a_missing_period_is_asked_for() -> None:
    books = Books(alliance("JADE"), periods=[202610])
    with pytest.raises(PeriodMissing) as missing:
        books.decide(accrue("¥1.00", "JADE-1"))
    assert missing.value.at == NOW


def test_history_asks_for_the_period_in_which_it_occurred() -> None:
    books = Books(alliance("JADE"), periods=[202611])
    with pytest.raises(PeriodMissing) as missing:
        books.decide(accrue("¥1.00", "JADE-1", occurred_at=shanghai("2026-10-05 12:00"), historical=True))
    assert missing.value.at == shanghai("2026-10-05 12:00")


def test_a_clock_that_lags_asks_for_the_period_after_the_closed_one() -> None:
    books = Books(alliance("JADE"), periods=[202611], at=shanghai("2026-11-30 23:59:59"))
    books.close(202611)
    with pytest.raises(PeriodMissing) as missing:
        books.decide(accrue("¥1.00", "JADE-1"))
    assert missing.value.at == shanghai("2026-12-01 00:00")


REFUSED_ANYWAY = [
    accrue("¥0.00", "JADE-1"),
    redeem(1, "JADE-1"),
    accrue("¥1.00", "NOWHERE-1"),
    accrue("¥1.00", "JADE-1", card="J-9"),
    accrue("¥1.00", "JADE-1", occurred_at=NOW + timedelta(days=400), historical=True),
]


@pytest.mark.parametrize("command", REFUSED_ANYWAY)
def test_no_period_is_opened_for_what_is_refused_anyway(command: Command) -> None:
    books = Books(alliance("JADE"), periods=[])
    books.refuse(command)


def test_the_period_is_asked_for_before_anything_of_the_batch_is_kept() -> None:
    books = Books(alliance("JADE"), periods=[202611])
    past = open_balance("JADE 5 pts never", occurred_at=shanghai("2026-10-05 12:00"), historical=True)
    with pytest.raises(PeriodMissing):
        books.post(open_balance("JADE 5 pts never"), past)
    assert books.left("Wang") == []


CARDS = [
    ("J-1 Wang JADE until=2026-11-15", None),  # the last good day
    ("J-1 Wang JADE until=2026-11-14", "card_expired"),
    ("J-1 Wang JADE expired until=2027-11-14", "card_expired"),
]


@pytest.mark.parametrize(("card", "answer"), CARDS)
def test_a_card_is_good_to_the_end_of_its_last_day(card: str, answer: str | None) -> None:
    books = Books(alliance("JADE"), [card], at=shanghai("2026-11-15 23:59:59"))
    command = accrue("¥1.00", "JADE-1")
    if answer:
        assert books.refuse(command) == answer
    else:
        books.book(command)
