"""What the rows of a bank's sheet say, before anything is looked up."""

from zoneinfo import ZoneInfo

import pytest

from settlement.bank_sheet import Line, NotABankFile, Unmatched, read_sheet

ZONE = ZoneInfo("Asia/Shanghai")


def said(heading: str, *rows: str) -> list[Line | Unmatched]:
    sheet = read_sheet("\n".join((heading, *rows)), 100)
    return [sheet.said(row, ZONE) for row in sheet.rows]


def amounts(heading: str, *rows: str) -> list[int | str]:
    return [one.amount if isinstance(one, Line) else one.code for one in said(heading, *rows)]


def test_a_column_that_says_debit_or_credit_gives_the_sign() -> None:
    assert amounts(
        "流水号,交易日期,借/贷,金额,摘要", "1,20261201,借,5.00,x", "2,20261201,贷,5.00,x",
        "3,20261201,,5.00,x", "4,20261201,借,-5.00,x",
    ) == [-500, 500, "malformed", "malformed"]  # fmt: skip


def test_the_kind_of_transfer_gives_the_sign_only_where_it_says_so() -> None:
    assert amounts(
        "交易类型[ Transaction Type ],流水号,交易日期,交易金额,摘要",
        "往账,1,20261201,5.00,x",
        "往账,2,20261201,-5.00,x",
        "来账,3,20261201,5.00,x",
        "来账,4,20261201,-5.00,x",
        "代发,5,20261201,-5.00,x",
    ) == [-500, -500, 500, "malformed", -500]


def test_debit_and_credit_may_have_a_sign_beside_them_that_agrees() -> None:
    assert amounts(
        "流水号,交易日期,借/贷,借方发生额,贷方发生额,摘要", "1,20261201,借,5.00,,x", "2,20261201,借,,5.00,x"
    ) == [-500, "malformed"]


def test_another_currency_than_yuan_is_listed() -> None:
    heading = "流水号,交易日期,币种,金额,摘要"
    assert amounts(heading, "1,20261201,CNY,5.00,x", "2,20261201,USD,5.00,x") == [500, "malformed"]


def test_rows_and_lines_are_numbered_as_people_count_them() -> None:
    sheet = read_sheet(
        '标题\n\nbank_reference,paid_on,amount_yuan,text,\nN1,2026-12-01,1.00,"a\nb",\n,,,,\nN2,2026-12-01,1.00,c,\n',
        100,
    )
    assert [(one.row, one.line) for one in sheet.above] == [(0, 1)]
    assert [(one.row, one.line) for one in sheet.rows] == [(1, 4), (2, 7)]
    assert [one.text for row in sheet.rows if isinstance(one := sheet.said(row, ZONE), Line)] == ["a b", "c"]


def test_cells_that_are_guarded_against_spreadsheets_are_the_text_that_is_meant() -> None:
    [one] = said("bank_reference,paid_on,amount_yuan,text", '="0042","=""2026-12-01""",1.00,x')
    assert isinstance(one, Line)
    assert (one.bank_reference, one.paid_at.day) == ("0042", 1)


def test_texts_of_several_columns_are_read_together() -> None:
    [one] = said("流水号,交易日期,金额,摘要,用途,附言", "1,20261201,5.00,转账,转账,RF8320261100001")
    assert isinstance(one, Line)
    assert one.text == "转账; RF8320261100001"


def test_a_heading_is_looked_for_among_the_first_lines_only() -> None:
    heading = "bank_reference,paid_on,amount_yuan,text"
    assert read_sheet("\n".join(["title"] * 59 + [heading]), 100).rows == []
    with pytest.raises(NotABankFile, match="must name the columns"):
        read_sheet("\n".join(["title"] * 60 + [heading]), 100)
