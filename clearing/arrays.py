"""Columns of values as PostgreSQL array literals: the cheapest way to hand a batch to one statement.

Only values whose text needs no quoting inside a literal are allowed here (numbers, times without
spaces, true/false); texts are handed over as lists, which the driver quotes.
"""

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache


def numbers(values: Iterable[int | None]) -> str:
    """`{1,NULL,3}`; members of an IntEnum count as their numbers."""
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


def times(values: Iterable[datetime | date | None]) -> str:
    """`{2026-11-22T10:00:00+08:00,NULL}`"""
    return "{" + ",".join(map(_time, values)) + "}"


def flags(values: Iterable[bool]) -> str:
    """`{true,false}`"""
    return "{" + ",".join(["true" if value else "false" for value in values]) + "}"


@lru_cache(maxsize=4096)
def _time(value: datetime | date | None) -> str:
    # A batch books everything at one instant and lots end on few dates.
    return "NULL" if value is None else value.isoformat()
