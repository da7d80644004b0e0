"""The cells of bank statements, as banks, spreadsheets and people write them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from settlement.core.bank_cells import (
    Unreadable,
    is_rounded,
    is_yuan,
    read_amount,
    read_day,
    read_reference,
    read_sides,
    read_sign,
)

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-12-08", "2026-12-08T00:00:00+08:00"),
        ("2026-12-8", "2026-12-08T00:00:00+08:00"),
        ("2026/12/1", "2026-12-01T00:00:00+08:00"),
        ("2026.12.1", "2026-12-01T00:00:00+08:00"),
        ("20261201", "2026-12-01T00:00:00+08:00"),
        ("2026年12月1日", "2026-12-01T00:00:00+08:00"),
        ("２０２６/１２/１", "2026-12-01T00:00:00+08:00"),
        ("\t2026-12-08 ", "2026-12-08T00:00:00+08:00"),
        ("2026-12-08 09:30:15", "2026-12-08T09:30:15+08:00"),
        ("2026/12/8 9:30", "2026-12-08T09:30:00+08:00"),
        ("2026-12-08T01:30:00Z", "2026-12-08T01:30:00+00:00"),
        ("2026-12-08 01:30:00+01:00", "2026-12-08T01:30:00+01:00"),
    ],
)
def test_days_and_times_are_read(text: str, read: str) -> None:
    assert read_day(text, ZONE) == datetime.fromisoformat(read)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20.11.2026",
        "12/1/2026",
        "2026-12/1",
        "2026-13-01",
        "2026-02-30",
        "20261232",
        "2026-W49-2",
        "2026-12-08T10:00",
        "2026-12-08 25:00",
        "46000",
        "2026-12-08 10:00 1",
    ],
)
def test_what_could_be_another_day_is_not_guessed(text: str) -> None:
    with pytest.raises(Unreadable):
        read_day(text, ZONE)


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("1234.56", 123_456),
        ("1,234.56", 123_456),
        ("-1,234,567.00", -123_456_700),
        ("+0.01", 1),
        ("¥1.00", 100),
        ("￥1.00", 100),
        ("１２．５０", 1_250),
        ("\N{MINUS SIGN}2.00", -200),
        (" 3.00\t", 300),
    ],
)
def test_amounts_are_read_exactly(text: str, fen: int) -> None:
    assert read_amount(text) == fen


@pytest.mark.parametrize(
    "text", ["", "1", "1.0", "1.005", "0.00", "1e3", "12,50.00", "1.234,56", "(5.00)", "99999999999.00"]
)
def test_amounts_that_are_not_plain_are_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_amount(text)


@pytest.mark.parametrize(
    ("debit", "credit", "fen"),
    [("1.00", "", -100), ("", "1.00", 100), ("0.00", "1.00", 100), ("1.00", "-", -100), ("1.00", "0", -100)],
)
def test_a_debit_went_out_and_a_credit_came_in(debit: str, credit: str, fen: int) -> None:
    assert read_sides(debit, credit) == fen


@pytest.mark.parametrize(("debit", "credit"), [("", ""), ("0.00", "0.00"), ("1.00", "2.00"), ("-1.00", "")])
def test_a_row_has_one_of_debit_and_credit(debit: str, credit: str) -> None:
    with pytest.raises(Unreadable):
        read_sides(debit, credit)


def test_signs_and_currencies() -> None:
    assert [read_sign(one).value for one in ("借", "贷", "支出", "D", "cr", "来账")] == [
        "out", "in", "out", "out", "in", "in",
    ]  # fmt: skip
    with pytest.raises(Unreadable):
        read_sign("")
    assert all(map(is_yuan, ("", "CNY", "人民币", "RMB ")))
    assert not is_yuan("USD")


def test_a_reference_is_read_and_what_a_spreadsheet_has_rounded_is_known() -> None:
    assert read_reference("Ｎ１２３\t") == "N123"
    for text in ("", " ", "N\u200b1", "N\x001", "x" * 141):
        with pytest.raises(Unreadable):
            read_reference(text)
    assert all(map(is_rounded, ("1.23E+15", "1.23457e+17", "1,23E+15", "9E+18")))
    assert not any(map(is_rounded, ("1E15", "E+15", "123E+15", "1.23E-15", "2026112300001")))
