"""Waits grow, are drawn anew, and end after three days with a last attempt."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.backoff import CEILINGS, PATIENCE, RETRY_AFTER_MAX, next_attempt, put_off_by

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
END = AT + PATIENCE


def rounds(chance: float) -> list[timedelta]:
    """When each attempt is made, since the first, if each fails at once."""
    times, at = [AT], AT
    while (due := next_attempt(at, END, len(times), chance)) is not None:
        times.append(due)
        at = due
    return [time - AT for time in times]


@pytest.mark.parametrize(
    ("attempts", "mean"),
    [
        (1, timedelta(seconds=5)),
        (2, timedelta(minutes=5)),
        (3, timedelta(minutes=30)),
        (4, timedelta(hours=2)),
        (5, timedelta(hours=5)),
        (6, timedelta(hours=10)),
        (7, timedelta(hours=10)),
        (99, timedelta(hours=10)),
    ],
)
def test_half_of_the_ceiling_is_waited_on_average(attempts: int, mean: timedelta) -> None:
    assert next_attempt(AT, END, attempts, 0.5) == AT + mean
    assert next_attempt(AT, END, attempts, 0.0) == AT


def test_it_ends_with_an_attempt_right_after_three_days() -> None:
    for chance in (0.3, 0.5, 0.999):
        made = rounds(chance)
        assert made[-1] == PATIENCE
        assert made == sorted(made)
    assert len(rounds(0.5)) == 13
    assert next_attempt(END, END, 3, 0.5) is None
    assert next_attempt(END + timedelta(1), END, 1, 0.5) is None


@given(chance=st.floats(0, 1, exclude_max=True), attempts=st.integers(1, 50), hours=st.integers(0, 71))
def test_it_is_never_before_now_nor_after_the_end(chance: float, attempts: int, hours: int) -> None:
    at = AT + timedelta(hours=hours)
    due = next_attempt(at, END, attempts, chance)
    assert due is not None
    assert at <= due <= min(END, at + CEILINGS[-1])


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta(0)),
        ("999999999999", RETRY_AFTER_MAX),
        ("Sun, 22 Nov 2026 10:30:00 GMT", timedelta(minutes=30)),
        ("Sun, 22 Nov 2026 09:30:00 GMT", timedelta(0)),
        ("Sun, 22 Nov 2099 09:30:00 GMT", RETRY_AFTER_MAX),
        ("soon", None),
        ("-5", None),
        ("１２", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(header: str | None, asked: timedelta | None) -> None:
    assert put_off_by(header, AT) == asked


def test_what_the_receiver_asks_for_counts_if_it_is_longer() -> None:
    assert next_attempt(AT, END, 1, 0.5, timedelta(hours=1)) == AT + timedelta(hours=1)
    assert next_attempt(AT, END, 5, 0.5, timedelta(seconds=1)) == AT + timedelta(hours=5)
    late = END - timedelta(minutes=1)
    assert next_attempt(late, END, 1, 0.5, timedelta(hours=1)) == END
