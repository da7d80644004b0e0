"""The days on which banks carry payments out.

In China weekends are worked to make up for long holidays; the library of holidays knows which, as far as they
were announced (a year's in the autumn before). Of a country that it does not know, only weekends are free.
"""

from datetime import date, timedelta
from functools import cache

from holidays import HolidayBase, country_holidays

#: Nobody's free days follow each other for longer.
_FREE_DAYS_MAX = 31


def is_bank_day(day: date, country: str) -> bool:
    """`country`: of the bank, by its two letters."""
    calendar = _calendar(country)
    return day.weekday() < 5 if calendar is None else calendar.is_working_day(day)


def next_bank_day(day: date, country: str) -> date:
    """The day itself, if it is one."""
    for days in range(_FREE_DAYS_MAX):
        found = day + timedelta(days=days)
        if is_bank_day(found, country):
            return found
    return day


@cache
def _calendar(country: str) -> HolidayBase | None:
    try:
        return country_holidays(country)
    except NotImplementedError:
        return None
