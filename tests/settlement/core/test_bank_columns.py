"""The headings of bank statements, as several banks write them."""

import pytest

from settlement.core.bank_columns import Columns, Faulty, Role, is_total, read_heading


def read(*names: str) -> Columns:
    found = read_heading(names)
    assert isinstance(found, Columns), found
    return found


def test_our_own_names_are_known_whatever_their_case() -> None:
    columns = read("Bank_Reference", " paid_on", "AMOUNT_YUAN", "text", "", "")
    assert columns.width == 4
    assert columns.places[Role.AMOUNT] == (2,)


def test_a_bank_with_debit_and_credit() -> None:
    columns = read(
        "交易日期", "交易时间", "借方发生额/元(支取)", "贷方发生额／元（收入）", "余额", "币种", "对方户名",
        "摘要", "备注", "账户明细编号-交易流水号",
    )  # fmt: skip
    assert columns.places == {
        Role.DATE: (0,),
        Role.DEBIT: (2,),
        Role.CREDIT: (3,),
        Role.CURRENCY: (5,),
        Role.TEXT: (7, 8),
        Role.REFERENCE: (9,),
    }


def test_a_bank_with_both_languages_and_one_amount() -> None:
    columns = read(
        "交易日期[ Transaction Date ]", "交易金额[ Trade Amount ]",
        "交易流水号[ Transaction reference number ]", "用途[ Purpose ]",
    )  # fmt: skip
    assert set(columns.places) == {Role.DATE, Role.AMOUNT, Role.REFERENCE, Role.TEXT}


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (("bank_reference", "paid_on", "amount", "text"), (Role.AMOUNT,)),
        (("流水号", "日期", "借方", "摘要"), (Role.DATE, Role.CREDIT)),
        (("中国工商银行", "明细"), (Role.REFERENCE, Role.DATE, Role.AMOUNT, Role.TEXT)),
    ],
)
def test_what_a_row_lacks_to_be_a_heading(names: tuple[str, ...], missing: tuple[Role, ...]) -> None:
    found = read_heading(names)
    assert isinstance(found, Faulty)
    assert found.missing == missing


@pytest.mark.parametrize(
    "names",
    [
        ("bank_reference", "paid_on", "amount_yuan", "text", "text"),
        ("bank_reference", "paid_on", "amount_yuan", "amount_yuan", "text"),
        ("bank_reference", "paid_on", "amount_yuan", "text", "余额", "余额"),
        ("bank_reference", "流水号", "paid_on", "amount_yuan", "text"),
        ("bank_reference", "paid_on", "amount_yuan", "借方", "贷方", "text"),
    ],
)
def test_a_heading_that_names_something_twice_is_told(names: tuple[str, ...]) -> None:
    found = read_heading(names)
    assert isinstance(found, Faulty)
    assert found.twice is not None


def test_totals_are_known_by_their_first_word() -> None:
    assert all(
        map(is_total, ("合计", "总计：", "本页合计", "借方合计", "Total", "Grand total:", "subtotal", "總計"))
    )
    assert not any(map(is_total, ("", "Totally", "共享合计", "N1", "结算 合计")))
