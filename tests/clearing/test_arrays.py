"""Arrays are read by the database as the values they were made of."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Engine

from clearing import arrays
from clearing.core.accounts import Asset

INSTANT = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
CASES: list[tuple[str, str, list[Any]]] = [
    (arrays.numbers([]), "bigint[]", []),
    (
        arrays.numbers([1, None, -3, 2**63 - 1, Asset.POINTS]),
        "bigint[]",
        [1, None, -3, 2**63 - 1, int(Asset.POINTS)],
    ),
    (arrays.times([INSTANT, None]), "timestamptz[]", [INSTANT, None]),
    (arrays.times([datetime(1, 1, 1, tzinfo=UTC)]), "timestamptz[]", [datetime(1, 1, 1, tzinfo=UTC)]),
    (arrays.times([date(2026, 11, 22), None]), "date[]", [date(2026, 11, 22), None]),
    (arrays.texts(["王", None, 'say "no"', ""]), "text[]", ["王", None, 'say "no"', ""]),
    (
        arrays.texts(["a\nb\t\x01", "C:\\\\n", "{x,y}", "NULL"]),
        "text[]",
        ["a\nb\t\x01", "C:\\\\n", "{x,y}", "NULL"],
    ),
    (arrays.flags([True, False]), "bool[]", [True, False]),
]


def test_an_array_reads_back(engine: Engine) -> None:
    with engine.connect() as connection:
        for literal, type_, values in CASES:
            found = connection.exec_driver_sql(f"SELECT %(literal)s::{type_}", {"literal": literal})
            assert found.scalar_one() == values, literal
