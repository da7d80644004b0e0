"""Periods follow each other without gap or overlap, whatever the time zone was when each was opened."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.core.calendar import (
    Period,
    PeriodState,
    following,
    is_time_zone,
    month,
    period_at,
    period_numbered,
    preceding,
)

SHANGHAI, AUCKLAND = ZoneInfo("Asia/Shanghai"), ZoneInfo("Pacific/Auckland")
LOS_ANGELES, KIRITIMATI = ZoneInfo("America/Los_Angeles"), ZoneInfo("Pacific/Kiritimati")
ZONES = [SHANGHAI, AUCKLAND, LOS_ANGELES, KIRITIMATI, ZoneInfo("Pacific/Pago_Pago"), ZoneInfo("UTC")]

NOVEMBER = month(202611, SHANGHAI)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def opened(existing: Iterable[Period], instant: str, zone: ZoneInfo) -> Period:
    period = period_at(at(instant), zone, existing)
    assert period is not None
    return period


def test_a_zone_further_west_does_not_go_back_to_the_month_that_has_ended() -> None:
    """In Los Angeles it is still November, but November has ended: December began where it did."""
    december = opened([NOVEMBER], "2026-12-01T00:05+08:00", LOS_ANGELES)
    assert december == Period(
        202612, NOVEMBER.ends_at, at("2027-01-01T00:00-08:00").astimezone(LOS_ANGELES), PeriodState.OPEN
    )


def test_a_zone_further_east_waits_until_the_month_in_course_has_ended() -> None:
    """In Auckland it is December already; what is open until midnight in Shanghai goes on until then."""
    assert opened([NOVEMBER], "2026-11-30T20:00+08:00", AUCKLAND) == NOVEMBER
    december = opened([NOVEMBER], "2026-12-01T00:00+08:00", AUCKLAND)
    assert (december.number, december.starts_at) == (202612, NOVEMBER.ends_at)
    assert december.ends_at == at("2027-01-01T00:00+13:00")


def test_history_ends_where_the_first_period_begins() -> None:
    """In Shanghai it was November for sixteen hours more than in Los Angeles, where the first one began."""
    first = month(202611, LOS_ANGELES)
    october = opened([first], "2026-11-01T10:00+08:00", SHANGHAI)
    assert (october.number, october.ends_at) == (202610, first.starts_at)
    assert october.starts_at == at("2026-10-01T00:00+08:00")


def test_with_only_a_future_period_the_present_one_ends_where_that_begins() -> None:
    december = month(202612, LOS_ANGELES)
    present = opened([december], "2026-11-30T10:00Z", KIRITIMATI)
    assert (present.number, present.ends_at) == (202611, december.starts_at)


def test_a_month_between_two_others_fills_what_they_leave() -> None:
    between = period_numbered(202611, AUCKLAND, [month(202610, SHANGHAI), month(202612, LOS_ANGELES)])
    assert (between.starts_at, between.ends_at) == (
        at("2026-11-01T00:00+08:00"),
        at("2026-12-01T00:00-08:00"),
    )


def test_after_early_closings_names_run_ahead_of_the_calendar() -> None:
    november = NOVEMBER._replace(ends_at=at("2026-11-10T12:00+08:00"), state=PeriodState.CLOSED)
    december = period_numbered(202612, SHANGHAI, [november])
    assert (december.starts_at, december.ends_at) == (november.ends_at, at("2027-01-01T00:00+08:00"))
    assert opened([november, december], "2026-11-10T12:00+08:00", LOS_ANGELES) == december


def test_between_two_that_follow_each_other_no_period_has_a_name() -> None:
    late = month(202612, SHANGHAI)._replace(starts_at=at("2026-12-01T16:00+08:00"))
    assert period_at(at("2026-12-01T03:00+08:00"), SHANGHAI, [NOVEMBER, late]) is None


def test_the_month_before_january_is_december() -> None:
    assert preceding(202701) == 202612
    assert following(preceding(202703)) == 202703


steps = st.lists(
    st.tuples(
        st.sampled_from(ZONES),
        st.datetimes(datetime(2026, 8, 25), datetime(2027, 3, 5), timezones=st.just(UTC)),  # noqa: DTZ001
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@given(steps)
def test_in_whatever_order_and_zone_they_are_opened_nothing_lies_between_or_in_two(
    found: list[tuple[ZoneInfo, datetime, bool]],
) -> None:
    """What is booked may lie anywhere; now and then the period that holds it is closed early there."""
    existing: list[Period] = []
    for zone, instant, close_early in found:
        period = period_at(instant, zone, existing)
        assert period is not None
        assert period.starts_at <= instant < period.ends_at
        if period not in existing:
            existing.append(period)
        is_last = period.number == max(one.number for one in existing)
        if close_early and is_last and period.starts_at < instant:
            existing.remove(period)
            existing.append(period._replace(ends_at=instant))
            existing.append(period_numbered(following(period.number), zone, existing))
        existing.sort()
        for one, later in pairwise(existing):
            assert one.ends_at <= later.starts_at
            assert later.number != following(one.number) or one.ends_at == later.starts_at
            assert one.starts_at <= one.ends_at
    # Months without a posting are opened when they are closed, in whatever zone holds by then.
    numbers = {one.number for one in existing}
    number, last = existing[0].number, existing[-1].number
    while number < last:
        if number not in numbers:
            existing.append(period_numbered(number, LOS_ANGELES, existing))
        number = following(number)
    existing.sort()
    assert all(one.ends_at == later.starts_at for one, later in pairwise(existing))
    assert existing[0].ends_at - existing[0].starts_at > timedelta(0)


@pytest.mark.parametrize("name", ["Asia/Shanghai", "UTC", "PRC", "America/Argentina/Ushuaia", "Etc/GMT-8"])
def test_fixed_names_are_time_zones(name: str) -> None:
    assert is_time_zone(name)


@pytest.mark.parametrize(
    "name",
    [
        "localtime",
        "posixrules",
        "Factory",
        "posix/Asia/Shanghai",
        "right/UTC",
        "Asia",
        "../etc/localtime",
        "",
    ],
)
def test_names_that_mean_something_else_on_the_next_machine_are_none(name: str) -> None:
    assert not is_time_zone(name)
