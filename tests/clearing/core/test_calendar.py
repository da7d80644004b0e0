"""Periods are calendar months in the alliance's zone; expiry dates follow each participant's policy."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.core.calendar import (
    add_months,
    day_before,
    expires_on,
    following,
    month,
    month_of,
    period_name,
    period_number,
)
from support.core import SHANGHAI, expiry

BERLIN = ZoneInfo("Europe/Berlin")


ADDED = [
    ("2026-01-31", 1, "2026-02-28"),
    ("2028-01-31", 1, "2028-02-29"),
    ("2026-01-30", 1, "2026-02-28"),
    ("2026-10-31", 1, "2026-11-30"),
    ("2026-11-30", 1, "2026-12-30"),
    ("2026-12-15", 1, "2027-01-15"),
    ("2026-11-15", 24, "2028-11-15"),
    ("2026-11-15", 13, "2027-12-15"),
    ("2026-11-15", 0, "2026-11-15"),
]


@pytest.mark.parametrize(("day", "months", "expected"), ADDED)
def test_a_month_later_is_the_same_day_or_the_last_of_a_shorter_month(
    day: str, months: int, expected: str
) -> None:
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(expected)


EXPIRIES = [
    # policy, earned on, last good day
    ("rolling:24", "2026-11-15", "2028-11-30"),  # rounded up to month end
    ("rolling:24", "2026-11-30", "2028-11-30"),
    ("rolling:1", "2026-01-31", "2026-02-28"),
    ("rolling:1", "2028-01-31", "2028-02-29"),
    ("rolling:12", "2026-12-01", "2027-12-31"),
    ("fixed:12-31", "2026-11-15", "2026-12-31"),
    ("fixed:12-31", "2026-12-30", "2026-12-31"),
    ("fixed:12-31", "2026-12-31", "2027-12-31"),  # the first such day after
    ("fixed:06-30", "2026-11-15", "2027-06-30"),
    ("fixed:02-29", "2026-11-15", "2027-02-28"),
    ("fixed:02-29", "2027-11-15", "2028-02-29"),
    ("never", "2026-11-15", None),
]


@pytest.mark.parametrize(("policy", "earned", "expected"), EXPIRIES)
def test_points_end_by_the_issuers_policy(policy: str, earned: str, expected: str | None) -> None:
    ends = expires_on(expiry(policy), date.fromisoformat(earned))
    assert ends == (date.fromisoformat(expected) if expected else None)


BOUNDS = [
    (202611, SHANGHAI, "2026-10-31T16:00Z", "2026-11-30T16:00Z"),
    (202612, SHANGHAI, "2026-11-30T16:00Z", "2026-12-31T16:00Z"),
    (202603, BERLIN, "2026-02-28T23:00Z", "2026-03-31T22:00Z"),  # an hour short: summer time begins
    (202610, BERLIN, "2026-09-30T22:00Z", "2026-10-31T23:00Z"),  # an hour long: it ends
    (202612, BERLIN, "2026-11-30T23:00Z", "2026-12-31T23:00Z"),
]


@pytest.mark.parametrize(("number", "zone", "starts", "ends"), BOUNDS)
def test_a_period_runs_from_first_instant_to_first_instant(
    number: int, zone: ZoneInfo, starts: str, ends: str
) -> None:
    period = month(number, zone)
    assert (period.starts_at.astimezone(UTC), period.ends_at.astimezone(UTC)) == (
        datetime.fromisoformat(starts),
        datetime.fromisoformat(ends),
    )


MEMBERSHIP = [
    ("2026-10-31T15:59:59.999999Z", SHANGHAI, 202610),
    ("2026-10-31T16:00:00Z", SHANGHAI, 202611),
    ("2026-12-31T16:00:00Z", SHANGHAI, 202701),
    ("2026-10-31T22:59:59.999999Z", BERLIN, 202610),
    ("2026-10-31T23:00:00Z", BERLIN, 202611),
    ("2026-03-31T21:59:59Z", BERLIN, 202603),
    ("2026-03-31T22:00:00Z", BERLIN, 202604),
    ("2026-11-30T23:30:00-08:00", SHANGHAI, 202612),
]


@pytest.mark.parametrize(("at", "zone", "number"), MEMBERSHIP)
def test_an_instant_lies_in_the_month_that_the_alliances_clock_shows(
    at: str, zone: ZoneInfo, number: int
) -> None:
    assert month_of(datetime.fromisoformat(at), zone) == month(number, zone)


instants = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  st wants naive


@given(instants, st.sampled_from([SHANGHAI, BERLIN, ZoneInfo("America/Havana"), ZoneInfo("Asia/Kathmandu")]))
def test_periods_leave_no_gap_and_hold_every_instant_once(at: datetime, zone: ZoneInfo) -> None:
    period = month_of(at, zone)
    assert period.starts_at <= at < period.ends_at
    assert month(following(period.number), zone).starts_at == period.ends_at
    assert month_of(period.ends_at - timedelta(0), zone).number == following(period.number)


@pytest.mark.parametrize(("number", "after"), [(202611, 202612), (202612, 202701), (202701, 202702)])
def test_december_is_followed_by_january(number: int, after: int) -> None:
    assert following(number) == after


@given(st.integers(1, 9999), st.integers(1, 12))
def test_a_periods_name_reads_back_as_its_number(year: int, month_: int) -> None:
    number = year * 100 + month_
    assert period_number(period_name(number)) == number


NOT_PERIODS = [
    "",
    "2026",
    "202611",
    "2026-1",
    "2026-00",
    "2026-13",
    "0000-01",
    "26-11",
    "2026-11-01",
    "2026/11",
    "-026-11",
    "+026-11",
    "2026--1",
    "2026-+1",
    "2026-11\n",
    " 2026-11",
    "2_26-11",
    "２０２６-１１",
    "٢٠٢٦-١١",
    "2026-¹¹",  # isdigit() but int() refuses
    "2026‐11",
]


@pytest.mark.parametrize("name", NOT_PERIODS)
def test_what_is_not_a_period_is_told_so(name: str) -> None:
    with pytest.raises(ValueError, match="write it as YYYY-MM"):
        period_number(name)


def test_the_day_before_the_first_of_march_is_the_last_of_february() -> None:
    assert day_before(date(2028, 3, 1)) == date(2028, 2, 29)
