"""Bank statements as CSV: what is matched, and why the rest is not."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from clearing.core.accounts import HUB
from clearing.verify import frozen
from settlement import bank_file
from settlement.bank_accounts import put_account
from settlement.bank_file import BankFile, import_bank_file
from settlement.bank_sheet import NotABankFile
from settlement.close import close_and_check
from settlement.core.balance import PaymentDirection
from settlement.judging import NewPayment
from settlement.life import check_and_approve
from settlement.payments import Recorded, record_payment
from settlement.payout import Payouts, read_payouts, remember_file
from settlement.query import Settlement, read_settlement
from settlement.references import reference_of
from settlement.refusals import Refusal
from settlement.verify import verify
from support.ledger import Ledger, shanghai

NOVEMBER = 202611
HEADING = "bank_reference,paid_on,amount_yuan,text"


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """The worked example, closed: JADE owes 325.00, LOTUS is due 17.70, PINE 298.20."""
    with Ledger(engine) as ledger:
        ledger.worked_example()
        done = close_and_check(engine, NOVEMBER, at=shanghai("2026-12-01 00:10"), closed_by="anna")
        assert isinstance(done, Settlement)
        yield ledger


def sent(engine: Engine, *rows: str, encoding: str = "utf-8") -> BankFile:
    return import_bank_file(engine, "\n".join((HEADING, *rows, "")).encode(encoding), "carla")


def outstanding(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        settlement = read_settlement(connection, NOVEMBER)
    assert settlement is not None
    return {settlement.codes[who]: one.outstanding for who, one in settlement.balances.items()}


def test_payments_are_matched_by_payment_reference_and_by_statement_number(
    ledger: Ledger, engine: Engine
) -> None:
    check_and_approve(engine, NOVEMBER, "bert")
    reference = reference_of(NOVEMBER, ledger.participant_ids["JADE"])
    done = sent(
        engine,
        f"N1,2026-11-20,300.00,{reference} 结算",
        '=N2,2026-11-21,25.00,"settlement 2026-11-jade-1, rest"',
        "N3,2026-11-21T09:30:00+08:00,-298.20,2026-11-PINE-1",
    )
    assert (done.rows, len(done.payments), done.replayed, done.unmatched) == (3, 3, 0, [])
    assert outstanding(engine) == {"JADE": 0, "LOTUS": 1_770, "PINE": 0}
    first, _, third = done.payments
    assert (first.direction, first.amount, first.note) == ("in", 30_000, f"{reference} 结算")
    assert first.paid_at == shanghai("2026-11-20 00:00")
    assert third.direction == "out"


def test_references_are_one_however_they_are_padded_or_pasted(ledger: Ledger, engine: Engine) -> None:
    check_and_approve(engine, NOVEMBER, "bert")
    reference = reference_of(NOVEMBER, ledger.participant_ids["JADE"])
    with engine.begin() as connection:
        first = NewPayment(
            ledger.participant_ids["JADE"],
            PaymentDirection.IN,
            30_000,
            "Caf\u00e9 1",
            shanghai("2026-11-20 00:00"),
        )
        record_payment(connection, NOVEMBER, first, "anna")
    done = sent(
        engine,
        f"  Cafe\u0301\u00a01 ,2026-11-20,300.00,{reference}",
        f"N2,2026-11-20,25.00,{reference[:6]}\u200b{reference[6:]}",
        f"N\u200b3,2026-11-20,1.00,{reference}",
        f"N4\ufffe,2026-11-20,1.00,{reference}",
    )
    assert (done.replayed, [row.bank_reference for row in done.payments]) == (1, ["N2"])
    assert [(one.row, one.code, one.detail) for one in done.unmatched] == [
        (3, "malformed", "bank_reference: character 2 (U+200B) cannot be in it; write it without that."),
        (4, "malformed", "bank_reference: character 3 (U+FFFE) cannot be in it; write it without that."),
    ]
    assert outstanding(engine)["JADE"] == 0
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


@pytest.mark.parametrize("kept", [" N1", "N1\u00a0", "\uff2e\uff11", "N\u200b1"])
def test_what_an_earlier_version_kept_as_it_was_sent_is_not_recorded_once_more(
    ledger: Ledger, engine: Engine, kept: str
) -> None:
    jade = NewPayment(ledger.participant_ids["JADE"], PaymentDirection.IN, 30_000, kept)
    with engine.begin() as connection:
        record_payment(connection, NOVEMBER, jade, "anna")
    reference = reference_of(NOVEMBER, ledger.participant_ids["JADE"])
    done = sent(engine, f"N1,2026-11-20,300.00,{reference}", f"N2,2026-11-20,20.00,{reference}")
    assert (done.replayed, [row.bank_reference for row in done.payments]) == (1, ["N2"])
    other = sent(engine, f"N1,2026-11-20,1.00,{reference}").unmatched
    assert [one.code for one in other] == ["duplicate_reference"]
    with engine.begin() as connection:
        by_hand = record_payment(connection, NOVEMBER, jade._replace(bank_reference="N1"), "anna")
        as_before = record_payment(connection, NOVEMBER, jade, "anna")
    assert [isinstance(one, Recorded) and one.replayed for one in (by_hand, as_before)] == [True, True]
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_a_file_sent_again_records_nothing_twice(ledger: Ledger, engine: Engine) -> None:
    rows = ("N1,2026-11-20,300.00,2026-11-JADE-1", "N2,2026-11-20,1.00,rent")
    first, again = sent(engine, *rows), sent(engine, *rows)
    assert (len(first.payments), first.replayed, len(first.unmatched)) == (1, 0, 1)
    assert (len(again.payments), again.replayed, again.unmatched) == (0, 1, first.unmatched)
    assert outstanding(engine)["JADE"] == -2_500


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("N1,2026-11-20,1.00,rent", "no_reference"),
        ("N1,2026-11-20,1.00,", "no_reference"),
        ("N1,2026-11-20,1.00,2026-11-NOBODY-1", "no_reference"),
        ("N1,2026-11-20,1.00,2026-11-JADE-1 and 2026-11-PINE-1", "several_references"),
        ("N1,2026-11-20,-1.00,2026-11-PINE-1", "period_not_approved"),
        ("N1,2199-11-20,1.00,2026-11-JADE-1", "occurred_in_future"),
        ("USED,2026-11-20,1.00,2026-11-JADE-1", "duplicate_reference"),
        (",2026-11-20,1.00,2026-11-JADE-1", "malformed"),
        ("N1,20.11.2026,1.00,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20T10:00,1.00,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20,1,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20,1.005,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20,0.00,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20,1e3,2026-11-JADE-1", "malformed"),
        ("N1,2026-11-20,99999999999.00,2026-11-JADE-1", "malformed"),
        ("N1", "malformed"),
    ],
)
def test_what_is_not_matched_is_listed_with_its_reason(
    ledger: Ledger, engine: Engine, row: str, code: str
) -> None:
    sent(engine, "USED,2026-11-20,2.00,2026-11-JADE-1")
    before = outstanding(engine)
    done = sent(engine, row)
    assert [(one.row, one.code) for one in done.unmatched] == [(1, code)]
    assert len(done.unmatched[0].detail) > 10, "a sentence"
    assert outstanding(engine) == before


def test_a_bad_row_does_not_harm_its_neighbours(ledger: Ledger, engine: Engine) -> None:
    done = sent(engine, "x", "N2,2026-11-20,234.56,2026-11-JADE-1", "N3,,,")
    assert [row.amount for row in done.payments] == [23_456]
    assert [one.row for one in done.unmatched] == [1, 3]


def test_a_reference_of_a_period_that_is_open_or_unknown_is_told(ledger: Ledger, engine: Engine) -> None:
    ledger.now = shanghai("2026-12-05 10:00")
    ledger.book(ledger.pays_cash("JADE-1001", "PINE", 1_000))
    jade = ledger.participant_ids["JADE"]
    done = sent(
        engine,
        f"N1,2026-11-20,1.00,{reference_of(202612, jade)}",
        f"N2,2026-11-20,1.00,{reference_of(209901, jade)}",
        f"N3,2026-11-20,1.00,{reference_of(NOVEMBER, 999_999_999)}",
    )
    assert [one.code for one in done.unmatched] == ["period_not_closed", "not_found", "not_found"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_files_of_chinese_banks_are_read(ledger: Ledger, engine: Engine, encoding: str) -> None:
    done = sent(engine, "N1,2026-11-20,1.00,结算款 2026-11-JADE-1", encoding=encoding)
    assert [row.note for row in done.payments] == ["结算款 2026-11-JADE-1"]


def test_control_characters_in_a_text_do_no_harm(ledger: Ledger, engine: Engine) -> None:
    done = sent(engine, "N1,2026-11-20,1.00,\0\x072026-11-JADE-1")
    assert [row.note for row in done.payments] == ["2026-11-JADE-1"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xef\xbb\xbf\r\n", "The file is empty"),
        (b"a,b\n", "Missing: bank_reference, paid_on, amount_yuan, text"),
        (b"bank_reference,paid_on,amount,text\n", "Missing: amount_yuan"),
        (b"\xff\xff\xff", "UTF-8"),
    ],
)
def test_what_is_no_bank_file_is_refused_whole(
    ledger: Ledger, engine: Engine, content: bytes, reason: str
) -> None:
    with pytest.raises(NotABankFile, match=reason):
        import_bank_file(engine, content, "carla")


def test_a_file_that_is_too_long_is_refused_before_anything_is_recorded(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_file, "ROWS_MAX", 1)
    with pytest.raises(NotABankFile, match="at most 1 rows"):
        sent(engine, "N1,2026-11-20,1.00,2026-11-JADE-1", "N2,2026-11-20,1.00,2026-11-JADE-1")
    assert outstanding(engine)["JADE"] == -32_500


# ---- What is listed, not guessed -----------------------------------------------------------------


def codes(done: BankFile) -> list[tuple[int, str]]:
    return [(one.row, one.code) for one in done.unmatched]


def adds_up(engine: Engine) -> bool:
    with frozen(engine) as connection:
        return list(verify(connection)) == []


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("N1,2026-11-20,-1.00,2026-11-JADE-1", "wrong_direction"),
        ("N1,2026-11-20,1.00,2026-11-PINE-1", "wrong_direction"),
        ("N1,2026-11-20,650.01,2026-11-JADE-1", "to_be_confirmed"),
        ("N1,2026-11-20,-29820.00,2026-11-PINE-1", "to_be_confirmed"),
        ("1.23E+15,2026-11-20,1.00,2026-11-JADE-1", "reference_rounded"),
        ("2.02611E+17,2026-11-20,1.00,2026-11-JADE-1", "reference_rounded"),
        ("N1,2026-11-20,1.00,发票 RF18539007547034", "foreign_reference"),
        ("N1,2026-11-20,1.00,RF18 5390 0754 7034 thanks", "foreign_reference"),
        ("N1,0001-01-01,1.00,2026-11-JADE-1", "date_out_of_bounds"),
        ("N1,1970-01-01,1.00,2026-11-JADE-1", "date_out_of_bounds"),
        ("N1,9999-12-31,1.00,2026-11-JADE-1", "date_out_of_bounds"),
        ("合计,,1.00,", "total_row"),
        (",Total:,1.00,2026-11-JADE-1", "total_row"),
        ("N1,2026-11-20,1.00,2026-11-JADE-1,more", "malformed"),
        ("N1,2026-11-20,1.00", "malformed"),
        ("N1,2026-11-20,-1.00,TD202611-0123456789abcdef", "batch_unknown"),
    ],
)
def test_what_would_be_a_guess_is_listed(ledger: Ledger, engine: Engine, row: str, code: str) -> None:
    check_and_approve(engine, NOVEMBER, "bert")
    before = outstanding(engine)
    done = sent(engine, row)
    assert codes(done) == [(1, code)]
    assert len(done.unmatched[0].detail) > 30, "a sentence that says what to do"
    assert outstanding(engine) == before


def test_what_takes_back_an_earlier_payment_goes_the_other_way_also_in_the_same_file(
    ledger: Ledger, engine: Engine
) -> None:
    check_and_approve(engine, NOVEMBER, "bert")
    done = sent(
        engine,
        "N1,2026-11-20,400.00,2026-11-JADE-1",
        "N2,2026-11-21,-75.00,2026-11-JADE-1",
        "N3,2026-11-22,-325.01,2026-11-JADE-1",
        "N4,2026-11-22,-298.20,2026-11-PINE-1",
        "N5,2026-11-22,20.00,2026-11-PINE-1",
        "N6,2026-11-23,298.20,2026-11-PINE-1 退汇",
        "N7,2026-11-23,298.20,2026-11-PINE-1 退汇",
    )
    assert [row.bank_reference for row in done.payments] == ["N1", "N2", "N4", "N6"]
    assert codes(done) == [(3, "wrong_direction"), (5, "wrong_direction"), (7, "wrong_direction")]
    assert outstanding(engine) == {"JADE": 0, "LOTUS": 1_770, "PINE": 29_820}
    assert adds_up(engine)


def test_rows_are_judged_with_those_above_them_before_the_first_is_recorded(
    ledger: Ledger, engine: Engine
) -> None:
    """325.00 is due: twice of it is still put on record, as a payment made twice is a fact."""
    done = sent(
        engine,
        "N1,2026-11-20,325.00,2026-11-JADE-1",
        "N2,2026-11-20,325.00,2026-11-JADE-1",
        "N3,2026-11-20,0.01,2026-11-JADE-1",
    )
    assert len(done.payments) == 2
    assert codes(done) == [(3, "to_be_confirmed")]


def test_an_overpayment_is_recorded_by_hand_when_it_is_confirmed(ledger: Ledger, engine: Engine) -> None:
    row = "N1,2026-11-20,1000.00,2026-11-JADE-1"
    assert codes(sent(engine, row)) == [(1, "to_be_confirmed")]
    payment = NewPayment(ledger.participant_ids["JADE"], PaymentDirection.IN, 100_000, "N1")
    with engine.begin() as connection:
        assert isinstance(record_payment(connection, NOVEMBER, payment, "carla"), Refusal)
        done = record_payment(connection, NOVEMBER, payment, "carla", confirmed=True)
    assert isinstance(done, Recorded)
    assert sent(engine, row).replayed == 1
    assert adds_up(engine)


def test_two_rows_with_one_reference_are_both_listed(ledger: Ledger, engine: Engine) -> None:
    done = sent(
        engine,
        "N1,2026-11-20,1.00,2026-11-JADE-1",
        "N2,2026-11-20,2.00,2026-11-JADE-1",
        " Ｎ１ ,2026-11-20,1.00,2026-11-JADE-1",
    )
    assert codes(done) == [(1, "reference_twice"), (3, "reference_twice")]
    assert "1, 3" in done.unmatched[0].detail
    assert (done.replayed, [row.bank_reference for row in done.payments]) == (0, ["N2"])


@pytest.mark.parametrize(
    "heading",
    [f"{HEADING},text", f"{HEADING},余额,余额", "流水号,bank_reference,paid_on,amount_yuan,text"],
)
def test_a_heading_that_names_a_column_twice_is_refused(ledger: Ledger, engine: Engine, heading: str) -> None:
    content = f"{heading}\nN1,2026-11-20,1.00,2026-11-JADE-1,2026-11-PINE-1,\n".encode()
    with pytest.raises(NotABankFile, match="nothing was recorded"):
        import_bank_file(engine, content, "carla")
    assert outstanding(engine)["JADE"] == -32_500


@pytest.mark.parametrize("stray", ['N1,2026-11-20,1.00,"{text}"x', 'N1,2026-11-20,1.00,"{text}', "{long}"])
def test_a_row_that_cannot_be_read_is_listed_alone(ledger: Ledger, engine: Engine, stray: str) -> None:
    check_and_approve(engine, NOVEMBER, "bert")
    row = stray.format(text="2026-11-JADE-1", long="1" * 200_000)
    done = sent(engine, row, "N2,2026-11-20,300.00,2026-11-JADE-1")
    assert [one.bank_reference for one in done.payments] == ["N2"]
    assert codes(done) == [(1, "malformed")]
    assert done.unmatched[0].line == 2
    assert "ine 2 has" in done.unmatched[0].detail
    assert done.unmatched[0].content["text"][:10] == row[:10]
    assert outstanding(engine)["JADE"] == -2_500


# ---- What banks write ----------------------------------------------------------------------------

OF_ONE_BANK = """\
中国XX银行账户明细
账号：1001202009012345678,户名：通兑清算有限公司,,,,,,,,
起止日期：2026-12-01 至 2026-12-10,,,,,,,,,

交易日期,交易时间,借方发生额/元(支取),贷方发生额/元(收入),余额,币种,对方户名,摘要,备注,交易流水号
20261101,10:15:30,,"325.00","1,325.00",人民币元,玉酒店,转账,{jade_wide},2026110100001\t
2026/11/2,10:15:30,"298.20",0.00,"1,026.80",人民币元,松商贸,网银转账,{pine_hyphens},2026110200007\t
20261103,16:00:00,0.12,,1026.68,人民币元,,短信服务费,,2026110300001\t
,,,,,,,,,
合计,,298.32,325.00,,,,,,
打印时间：2026-12-10 09:00:00
"""
OF_ANOTHER_BANK = """\
查询账号[ Inquirer account number ],,1234567890,,
交易日期[ Transaction Date ],借贷标志,交易金额,交易流水号[ Transaction reference number ],交易附言[ Remark ]
2026-11-01 10:15:30,贷,"100.00",00001,结算 2026-11-jade-1
2026-11-01 10:15:31,借,"17.70",00002,2026-11-LOTUS-1
2026-11-01 10:15:32,借,"100.00",00003,退 2026-11-JADE-1
总笔数：3,,,,
"""


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig"])
def test_the_export_of_a_bank_with_titles_totals_debit_and_credit(
    ledger: Ledger, engine: Engine, encoding: str
) -> None:
    check_and_approve(engine, NOVEMBER, "bert")
    jade = reference_of(NOVEMBER, ledger.participant_ids["JADE"])
    pine = reference_of(NOVEMBER, ledger.participant_ids["PINE"])
    text = OF_ONE_BANK.format(
        jade_wide="".join(chr(ord(letter) + 0xFEE0) for letter in jade),
        pine_hyphens="-".join(pine[start : start + 4] for start in range(0, len(pine), 4)),
    )
    done = import_bank_file(engine, text.encode(encoding), "carla")
    assert [(row.direction, row.amount) for row in done.payments] == [("in", 32_500), ("out", 29_820)]
    assert [row.paid_at for row in done.payments] == [
        shanghai("2026-11-01 00:00"),
        shanghai("2026-11-02 00:00"),
    ]
    assert codes(done) == [
        (0, "before_heading"),
        (0, "before_heading"),
        (0, "before_heading"),
        (3, "no_reference"),
        (4, "total_row"),
        (5, "malformed"),
    ]
    fee = done.unmatched[3]
    assert (fee.line, fee.content["amount_yuan"], fee.content["text"]) == (8, "-0.12", "短信服务费")
    assert outstanding(engine) == {"JADE": 0, "LOTUS": 1_770, "PINE": 0}
    again = import_bank_file(engine, text.encode(encoding), "carla")
    assert (again.matched, again.replayed, codes(again)) == (0, 2, codes(done))
    assert adds_up(engine)


def test_the_export_of_a_bank_with_a_column_that_says_debit_or_credit(ledger: Ledger, engine: Engine) -> None:
    check_and_approve(engine, NOVEMBER, "bert")
    done = import_bank_file(engine, OF_ANOTHER_BANK.encode("gb18030"), "carla")
    assert [(row.direction, row.amount) for row in done.payments] == [
        ("in", 10_000),
        ("out", 1_770),
        ("out", 10_000),
    ]
    assert codes(done) == [(0, "before_heading"), (4, "total_row")]
    tabs = OF_ANOTHER_BANK.replace('"', "").replace(",", "\t")
    assert import_bank_file(engine, tabs.encode(), "carla").replayed == 3


# ---- One debit for a whole batch -----------------------------------------------------------------

ACCOUNT = {"holder": "Tongdui", "account_number": "1", "clearing_code": "102100099996", "country": "CN"}


@pytest.fixture
def exported(ledger: Ledger, engine: Engine) -> str:
    """The message id of a file with the payouts to LOTUS (17.70) and PINE (298.20)."""
    check_and_approve(engine, NOVEMBER, "bert")
    with engine.begin() as connection:
        for who in (HUB, ledger.participant_ids["LOTUS"], ledger.participant_ids["PINE"]):
            put_account(connection, who, ACCOUNT, "anna")
        payouts = read_payouts(connection, NOVEMBER)
        assert isinstance(payouts, Payouts)
        remember_file(connection, payouts, "anna")
        remember_file(connection, payouts, "anna")
    return payouts.message_id


@pytest.mark.parametrize("form", ["批量付款 {0}", "{1}", "{2}"])
def test_one_debit_for_a_whole_file_pays_all_its_payouts(
    exported: str, ledger: Ledger, engine: Engine, form: str
) -> None:
    text = form.format(exported, exported.upper(), exported.replace("-", " "))
    row = f"B1,2026-11-20,-315.90,{text}"
    done = sent(engine, row)
    assert [(one.bank_reference, one.direction, one.amount) for one in done.payments] == [
        ("B1/1", "out", 1_770),
        ("B1/2", "out", 29_820),
    ]
    assert (done.rows, done.matched, done.unmatched) == (1, 1, [])
    assert outstanding(engine) == {"JADE": -32_500, "LOTUS": 0, "PINE": 0}
    again = sent(engine, row)
    assert (again.matched, again.replayed, again.payments) == (0, 1, [])
    assert codes(sent(engine, row.replace("B1", "B2"))) == [(1, "batch_differs")], "it would pay them twice"
    returned = sent(engine, f"B3,2026-11-21,315.90,退汇 {exported}")
    assert [one.direction for one in returned.payments] == ["in", "in"]
    assert adds_up(engine)


def test_a_debit_that_is_not_the_whole_file_is_listed(exported: str, ledger: Ledger, engine: Engine) -> None:
    assert codes(sent(engine, f"B1,2026-11-20,-315.00,{exported}")) == [(1, "batch_differs")]
    # One transfer of it, told with the file it came in.
    done = sent(engine, f"B2,2026-11-20,-17.70,{exported} 2026-11-LOTUS-1")
    assert [(one.bank_reference, one.amount) for one in done.payments] == [("B2", 1_770)]
    refused = sent(engine, f"B3,2026-11-20,-315.90,{exported}")
    assert (codes(refused), refused.payments) == ([(1, "batch_differs")], [])
    assert outstanding(engine)["PINE"] == 29_820
