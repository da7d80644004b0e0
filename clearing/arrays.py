"""Columns of values as PostgreSQL array literals: the cheapest way to hand a batch to one statement.

A list would reach the server as `ARRAY['a', 'b', …]`, an expression that is parsed value by value; a literal
is one value, whatever its length.
"""

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache

import orjson


def numbers(values: Iterable[int | None]) -> str:
    """`{1,null,3}`; members of an IntEnum count as their numbers."""
    # JSON's array is PostgreSQL's but for the brackets, and made in one go.
    return "{" + orjson.dumps(list(values)).decode()[1:-1] + "}"


def times(values: Iterable[datetime | date | None]) -> str:
    """`{2026-11-22T10:00:00+08:00,NULL}`"""
    return "{" + ",".join(map(_time, values)) + "}"


def flags(values: Iterable[bool]) -> str:
    """`{true,false}`"""
    return "{" + ",".join(["true" if value else "false" for value in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    """`{"Wang","say \\"no\\"",NULL}`"""
    listed = list(values)
    literal = orjson.dumps(listed).decode()
    if "\\" in literal:  # where JSON has names, as of a new line, PostgreSQL has none
        return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in listed]) + "}"
    return "{" + literal[1:-1] + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(maxsize=4096)
def _time(value: datetime | date | None) -> str:
    # A batch books everything at one instant and lots end on few dates.
    return "NULL" if value is None else value.isoformat()
