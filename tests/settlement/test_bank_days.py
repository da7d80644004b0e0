"""The days on which banks pay: weekends, holidays, and weekends that are worked to make up for them."""

from datetime import date

import pytest

from settlement.bank_days import is_bank_day, next_bank_day


@pytest.mark.parametrize(
    ("day", "country", "pays"),
    [
        (date(2026, 12, 11), "CN", True),
        (date(2026, 12, 12), "CN", False),
        (date(2026, 10, 1), "CN", False),
        (date(2026, 10, 10), "CN", True),  # a Saturday, worked for the holidays of October
        (date(2026, 2, 14), "CN", True),  # and one for the Spring Festival
        (date(2026, 2, 23), "CN", False),  # a Monday of that
        (date(2026, 12, 25), "DE", False),
        (date(2026, 12, 25), "CN", True),
        (date(2026, 11, 26), "US", False),
        (date(2026, 12, 11), "KP", True),  # whose holidays the library does not know
        (date(2026, 12, 12), "KP", False),
    ],
)
def test_bank_days(day: date, country: str, pays: bool) -> None:
    assert is_bank_day(day, country) is pays


def test_the_next_bank_day_is_the_day_itself_if_it_is_one() -> None:
    assert next_bank_day(date(2026, 12, 11), "CN") == date(2026, 12, 11)
    assert next_bank_day(date(2026, 12, 12), "CN") == date(2026, 12, 14)
    assert next_bank_day(date(2026, 10, 1), "CN") == date(2026, 10, 8)
