"""The text that is hashed: each line exactly as csv.writer would write it, and formulas made harmless."""

import csv
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.core.data_hash import DataHash, csv_line, csv_text
from settlement.core.statement import DetailLine

LINE = DetailLine(
    7, "txn_1", None, "2026-11-15T10:00:03.000+08:00", "2026-11-15T10:00:04.000+08:00", None, "reversal",
    "redemption", "JADE", "LOTUS", "M-0", "lot_1:5 lot_2:6", -5, -500, -500, "payable", None, -10,
    "LOTUS JADE", 3, "exchange", True, "txn_0",
)  # fmt: skip


def by_the_library(line: DetailLine, reference: str) -> str:
    values = line._replace(reference=reference)._asdict()
    values |= {"prior_period": "true" if line.prior_period else "false"}
    out = io.StringIO(newline="")
    csv.writer(out).writerow(["" if value is None else value for value in values.values()])
    return out.getvalue()


@given(st.text(min_size=1, max_size=40))
def test_a_line_is_what_the_library_writes(reference: str) -> None:
    expected = by_the_library(LINE, f"'{reference}" if reference[0] in "=+-@\t\r" else reference)
    assert csv_line(LINE._replace(reference=reference)) == expected


@pytest.mark.parametrize(
    ("reference", "field"),
    [
        ("POS-1", "POS-1"),
        ("a,b", '"a,b"'),
        ('say "hi"', '"say ""hi"""'),
        ("two\nlines", '"two\nlines"'),
        ("=1+1", "'=1+1"),
        ("-5,0", '"\'-5,0"'),
    ],
)
def test_a_reference_is_quoted_where_it_must_be(reference: str, field: str) -> None:
    assert csv_text(reference) == field
    assert csv_line(LINE._replace(reference=reference)).startswith(f"7,txn_1,{field},2026-11-15T10:00:03")


def test_nothing_is_an_empty_field() -> None:
    assert csv_line(LINE) == by_the_library(LINE, "")
    assert csv_line(LINE._replace(fee_payer=None, reverses=None, prior_period=False)) == (
        "7,txn_1,,2026-11-15T10:00:03.000+08:00,2026-11-15T10:00:04.000+08:00,,reversal,redemption,JADE,LOTUS,"
        "M-0,lot_1:5 lot_2:6,-5,-500,-500,payable,,-10,,3,exchange,false,\r\n"
    )
    assert csv_line(LINE._replace(prior_period=False, merchant="A-1")).count("false,") == 1


def test_the_hash_is_of_lines_of_json_and_lines_of_csv() -> None:
    data = DataHash()
    data.record({"b": "对账", "a": 1})
    data.line(b"1,2\r\n")
    assert data.hexdigest() == hashlib.sha256('{"a":1,"b":"对账"}\n1,2\r\n'.encode()).hexdigest()
