"""When jobs run."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from settlement.core.timetable import Daily, Every, Monthly

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT_FIVE_PAST = Daily(0, 5)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("last", "now", "due", "next_run"),
    [
        (None, "2026-11-22 00:00", True, "2026-11-22 00:00"),
        ("2026-11-21 00:05", "2026-11-22 00:04", False, "2026-11-22 00:05"),
        ("2026-11-21 00:05", "2026-11-22 00:05", True, "2026-11-22 00:05"),
        ("2026-11-22 00:05", "2026-11-22 00:06", False, "2026-11-23 00:05"),
        ("2026-11-22 00:05", "2026-11-22 00:05", False, "2026-11-23 00:05"),
        ("2026-11-20 00:05", "2026-11-22 00:04", True, "2026-11-22 00:04"),  # after one day off
        ("2026-11-10 00:05", "2026-11-22 00:04", True, "2026-11-22 00:04"),  # after days off
        ("2026-11-30 00:05", "2026-11-30 23:59", False, "2026-12-01 00:05"),
    ],
)
def test_a_daily_job_runs_at_its_time_or_as_soon_as_it_can(
    last: str | None, now: str, due: bool, next_run: str
) -> None:
    before = at(last) if last else None
    assert AT_FIVE_PAST.is_due(before, at(now), SHANGHAI) is due
    assert AT_FIVE_PAST.next_after(before, at(now), SHANGHAI) == at(next_run)


@pytest.mark.parametrize(
    ("last", "now", "due", "next_run"),
    [
        (None, "2026-11-22 00:00", True, "2026-11-22 00:00"),
        ("2026-11-01 04:30", "2026-11-30 23:59", False, "2026-12-01 04:30"),
        ("2026-11-01 04:30", "2026-12-01 04:29", False, "2026-12-01 04:30"),
        ("2026-11-01 04:30", "2026-12-01 04:30", True, "2026-12-01 04:30"),
        ("2026-12-01 04:30", "2026-12-01 04:30", False, "2027-01-01 04:30"),
        ("2026-12-15 10:00", "2026-12-31 10:00", False, "2027-01-01 04:30"),  # by hand in between
        ("2026-10-01 04:30", "2026-12-31 10:00", True, "2026-12-31 10:00"),  # after months off
    ],
)
def test_a_monthly_job_runs_on_its_day_or_as_soon_as_it_can(
    last: str | None, now: str, due: bool, next_run: str
) -> None:
    first_of_month = Monthly(1, 4, 30)
    before = at(last) if last else None
    assert first_of_month.is_due(before, at(now), SHANGHAI) is due
    assert first_of_month.next_after(before, at(now), SHANGHAI) == at(next_run)
    assert first_of_month.text == "monthly on day 1 at 04:30"


def test_the_day_is_that_of_the_zone() -> None:
    # 16:05 UTC is five past midnight in Shanghai.
    last = datetime(2026, 11, 21, 16, 5, tzinfo=ZoneInfo("UTC"))
    assert not AT_FIVE_PAST.is_due(last, last + timedelta(hours=23), SHANGHAI)
    assert AT_FIVE_PAST.is_due(last, last + timedelta(hours=24), SHANGHAI)


def test_an_interval_counts_from_the_last_run() -> None:
    every, now = Every(10), at("2026-11-22 10:00")
    assert every.next_after(None, now, SHANGHAI) == now
    assert every.next_after(now - timedelta(seconds=4), now, SHANGHAI) == now + timedelta(seconds=6)
    assert every.next_after(now - timedelta(days=1), now, SHANGHAI) == now
    assert every.is_due(now - timedelta(seconds=10), now, SHANGHAI)
    assert not every.is_due(now - timedelta(seconds=9), now, SHANGHAI)
    assert (every.text, AT_FIVE_PAST.text) == ("every 10 s", "daily at 00:05")
