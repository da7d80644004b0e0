"""Statements: three formats of one data set that tie out with the settlement and with each other."""

import csv
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from sqlalchemy import Engine, select, text, update

from clearing.core.accounts import HUB
from clearing.ids import decode
from clearing.tables import legs, participants
from settlement import render
from settlement.close import close_period
from settlement.core.data_hash import csv_text
from settlement.query import StatementHeader, list_statements, read_statement
from settlement.render import FORMATS, xlsx
from settlement.statement import DoesNotTieOut, Statement, open_statement
from settlement.statement_lines import member_token, read_lines
from settlement.tables import statement_keys
from support.ledger import Ledger, shanghai

NOVEMBER, DECEMBER = 202611, 202612
CODES = ("JADE", "LOTUS", "PINE")


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


@pytest.fixture
def closed(ledger: Ledger, engine: Engine) -> Ledger:
    """The worked example, closed."""
    ledger.worked_example()
    close(engine, NOVEMBER, "2026-12-01 00:10")
    return ledger


def close(engine: Engine, number: int, at: str) -> None:
    with engine.begin() as connection:
        close_period(connection, number, at=shanghai(at), closed_by="tests")


def headers(engine: Engine, number: int = NOVEMBER) -> dict[str, StatementHeader]:
    with engine.connect() as connection:
        return {one.participant_code: one for one in list_statements(connection, period=number)}


def rendered(engine: Engine, format_: str, code: str, number: int = NOVEMBER) -> bytes:
    out = io.BytesIO()
    with engine.connect() as connection:
        statement = open_statement(connection, headers(engine, number)[code].id)
        assert statement is not None
        render.render(connection, statement, {format_: out})
    return out.getvalue()


def as_json(engine: Engine, code: str, number: int = NOVEMBER) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(rendered(engine, "json", code, number))
    return document


def as_csv(engine: Engine, code: str, number: int = NOVEMBER) -> list[dict[str, str]]:
    text = rendered(engine, "csv", code, number).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def as_xlsx(engine: Engine, code: str, *, formulas: bool = False, number: int = NOVEMBER) -> Any:
    content = rendered(engine, "xlsx", code, number)
    return openpyxl.load_workbook(io.BytesIO(content), data_only=not formulas)


def records(sheet: Any) -> list[dict[str, Any]]:
    """A sheet's rows by the English half of their headings."""
    heading, *rows = sheet.iter_rows(values_only=True)
    names = [" ".join(word for word in text.split() if word.isascii()) for text in heading]
    return [dict(zip(names, row, strict=True)) for row in rows]


def fen(yuan: float | int | None) -> int:
    return int((Decimal(repr(yuan or 0)) * 100).to_integral_exact())


def summary(book: Any) -> dict[str, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in book["Summary"].iter_rows(values_only=True) if row[0]}


def test_a_statement_has_a_number_a_period_and_the_settled_amounts(closed: Ledger, engine: Engine) -> None:
    lotus = headers(engine)["LOTUS"]
    assert lotus.number == "2026-11-LOTUS-1"
    assert (lotus.receivable, lotus.payable, lotus.fees, lotus.net) == (2_500, 0, 730, 1_770)
    with engine.connect() as connection:
        assert read_statement(connection, lotus.id) == lotus
        assert read_statement(connection, "stm_unknown") is None
        assert open_statement(connection, "stm_unknown") is None


def test_statements_are_listed_newest_first_and_in_portions(closed: Ledger, engine: Engine) -> None:
    closed.now = shanghai("2026-12-05 10:00")
    closed.book(closed.opens(closed.enrol("PINE"), "PINE", 1, "2027-01-01"))
    close(engine, DECEMBER, "2027-01-01 00:10")
    with engine.connect() as connection:
        everything = list_statements(connection)
        first = list_statements(connection, limit=4)
        rest = list_statements(connection, before=first[-1].id, limit=4)
        of_jade = list_statements(connection, participant_id=closed.participant_ids["JADE"])
    assert [one.period for one in everything] == [DECEMBER] * 3 + [NOVEMBER] * 3
    assert first + rest == everything
    assert [one.number for one in of_jade] == ["2026-12-JADE-1", "2026-11-JADE-1"]


def test_json_holds_everything(closed: Ledger, engine: Engine) -> None:
    document = as_json(engine, "LOTUS")
    head = document["statement"]
    assert (head["fees"], head["fees_net"], head["fees_vat"], head["vat_rate"]) == (730, 689, 41, "0.06")
    assert document["matrix"] == [
        {
            "counterparty": "JADE",
            "kind": "visit",
            "count": 1,
            "points": 0,
            "amount": 68_000,
            "receivable": 0,
            "payable": 0,
            "fees": 680,
        },
        {
            "counterparty": "JADE",
            "kind": "redemption",
            "count": 1,
            "points": 2_500,
            "amount": 2_500,
            "receivable": 2_500,
            "payable": 0,
            "fees": 50,
        },
    ]
    kinds = [(line["line"], line["kind"], line["issuer"]) for line in document["detail"]]
    assert kinds == [
        (1, "opening", "LOTUS"),
        (2, "redemption", "LOTUS"),
        (3, "redemption", "JADE"),
        (4, "visit", "JADE"),
        (5, "issue", "LOTUS"),
    ]
    charged = document["detail"][2]
    assert charged["direction"] == "receivable"
    assert (charged["points"], charged["amount"], charged["obligation"]) == (2_500, 2_500, 2_500)
    assert (charged["fee_rate"], charged["fee"], charged["fee_payer"]) == ("0.02", 50, "LOTUS")
    assert (charged["reason"], charged["rule_version"], charged["prior_period"]) == ("exchange", 1, False)
    assert (charged["reference"], charged["merchant"]) == ("POS-1", "LOTUS-1")
    assert charged["occurred_at"] == "2026-11-15T10:00:03.000+08:00"
    assert charged["lots"].startswith("lot_")
    assert charged["lots"].endswith(":2500")
    assert decode("txn", charged["transaction"], 2) is not None
    assert document["points"] == {
        "opening": 0,
        "issued": 680,
        "opened": 1_500,
        "redeemed_own": 1_500,
        "redeemed_elsewhere": 0,
        "expired": 0,
        "adjusted": 0,
        "arrears": 0,
        "closing": 680,
        "closing_value": 680,
        "outstanding": [{"month": "2028-11", "points": 680, "value": 680}],
        "breakage": {
            "expired_value": 0,
            "given_to_date": 2_180,
            "expired_to_date": 0,
            "rate_to_date": "0.0000",
        },
    }
    assert document["lines"] == 5
    assert len(document["data_hash"]) == 64


def test_a_participant_sees_only_legs_that_concern_it(closed: Ledger, engine: Engine) -> None:
    for code in CODES:
        for line in as_json(engine, code)["detail"]:
            assert code in (line["issuer"], line["acceptor"])
    of_pine = as_json(engine, "PINE")["detail"]
    assert [(line["kind"], line["issuer"]) for line in of_pine] == [("spend", "JADE")]


def test_both_sides_of_each_pair_show_the_same(closed: Ledger, engine: Engine) -> None:
    def between(reader: str, other: str) -> list[tuple[Any, ...]]:
        keys = ("transaction", "kind", "issuer", "acceptor", "points", "amount", "obligation", "reason")
        return [
            tuple(line[key] for key in keys)
            for line in as_json(engine, reader)["detail"]
            if {line["issuer"], line["acceptor"]} == {reader, other}
        ]

    for one, other in (("JADE", "LOTUS"), ("JADE", "PINE"), ("LOTUS", "PINE")):
        assert between(one, other) == between(other, one)
    opposite = {"payable": "receivable", "receivable": "payable", "none": "none"}
    of_jade = {line["transaction"]: line["direction"] for line in as_json(engine, "JADE")["detail"]}
    for line in as_json(engine, "PINE")["detail"]:
        assert opposite[line["direction"]] == of_jade[line["transaction"]]


def test_a_member_has_one_token_for_each_reader(closed: Ledger, engine: Engine) -> None:
    tokens = {code: {line["member"] for line in as_json(engine, code)["detail"]} for code in CODES}
    assert all(len(found) == 1 for found in tokens.values())
    assert len(set.union(*tokens.values())) == len(CODES)
    assert member_token(b"a" * 16, 1001) != member_token(b"b" * 16, 1001)
    with engine.connect() as connection:
        assert len(connection.execute(select(statement_keys)).all()) == len(CODES)


@pytest.mark.parametrize("code", CODES)
def test_the_three_formats_tie_out_with_the_settlement(closed: Ledger, engine: Engine, code: str) -> None:
    header = headers(engine)[code]
    settled = {"receivable": header.receivable, "payable": header.payable, "fees": header.fees}

    document = as_json(engine, code)
    rows = as_csv(engine, code)
    book = as_xlsx(engine, code)
    detail = records(book["Detail"])

    def lines(direction: str) -> tuple[int, int, int]:
        return (
            sum(line["obligation"] for line in document["detail"] if line["direction"] == direction),
            sum(int(row["obligation"]) for row in rows if row["direction"] == direction),
            sum(fen(row["Obligation"]) for row in detail if row["Direction"].split()[0] == direction),
        )

    assert set(lines("receivable")) == {settled["receivable"]}
    assert set(lines("payable")) == {settled["payable"]}
    assert sum(line["fee"] for line in document["detail"]) == settled["fees"]
    assert sum(int(row["fee"]) for row in rows) == settled["fees"]
    assert sum(fen(row["Fee"]) for row in detail) == settled["fees"]
    assert len(document["detail"]) == len(rows) == len(detail) == document["lines"]

    *matrix, total = records(book["Matrix"])
    headings = {"receivable": "Receivable in all", "payable": "Payable in all", "fees": "Fees, VAT included"}
    for name, amount in settled.items():
        heading = headings[name]
        assert sum(fen(row[heading]) for row in matrix) == fen(total[heading]) == amount
        assert sum(row[name] for row in document["matrix"]) == amount
    facts = summary(book)
    assert facts["Data hash 数据摘要"][0] == document["data_hash"]
    for label, amount in (
        ("Receivable from exchanges 交换应收", header.receivable),
        ("Payable for exchanges 交换应付", header.payable),
        ("Fees, VAT included 服务费(含税)", header.fees),
        ("Net 净额", header.net),
    ):
        assert [fen(value) for value in facts[label]] == [amount] * 3


def test_the_workbook_can_be_checked_by_its_reader(closed: Ledger, engine: Engine) -> None:
    book = as_xlsx(engine, "LOTUS", formulas=True)
    assert book.sheetnames == ["Summary", "Matrix", "Detail", "Points", "Merchants"]
    for sheet in ("Matrix", "Detail", "Merchants"):
        assert book[sheet].freeze_panes == "A2"
        assert book[sheet].auto_filter.ref is not None
    facts = summary(book)
    assert facts["Receivable from exchanges 交换应收"][1:] == (
        '=SUMIF(Matrix!B2:B3,"<>adjustment 调整",Matrix!F2:F3)',
        "=SUMIFS('Detail'!O2:O6,'Detail'!P2:P6,\"receivable 应收\",'Detail'!H2:H6,\"<>adjustment 调整\")",
    )
    assert facts["Net 净额"][0] == "=B16-B17-B18+B19+B20+B21"
    assert facts["Fees, VAT included 服务费(含税)"][1:] == ("=SUM(Matrix!H2:H3)", "=SUM('Detail'!R2:R6)")
    assert book["Matrix"]["F4"].value == "=SUM(F2:F3)"
    detail = book["Detail"]
    assert (detail["O1"].value, detail["P1"].value, detail["R1"].value) == (
        "Obligation 应结金额",
        "Direction 方向",
        "Fee 服务费",
    )
    assert detail["B2"].data_type == "s"
    assert detail["O2"].number_format == "#,##0.00"
    assert detail["M2"].number_format == "#,##0"


def test_the_account_is_a_sum_that_its_reader_can_follow(closed: Ledger, engine: Engine) -> None:
    """Only with the net and what was carried forward in it does it come to the closing balance."""
    shown, formulas = (summary(as_xlsx(engine, "JADE", formulas=one))["Closing balance 期末未结"][0]
                       for one in (False, True))  # fmt: skip
    assert fen(shown) == -32_500
    assert re.fullmatch(r"=SUM\(B\d+:B\d+\)", formulas)
    sheet = as_xlsx(engine, "JADE", formulas=True)["Summary"]
    first, last = (int(row) for row in re.findall(r"B(\d+)", formulas))
    assert [sheet[f"A{row}"].value.partition(" ")[0] for row in range(first, last + 1)] == [
        "Opening", "Payments", "Net", "Less",
    ]  # fmt: skip
    values = as_xlsx(engine, "JADE")["Summary"]
    assert sum(fen(values[f"B{row}"].value) for row in range(first, last + 1)) == -32_500
    net, carried = (sheet[f"B{row}"].value.lstrip("=-") for row in (last - 1, last))
    assert sheet[net.replace("B", "A")].value == "Net 净额"
    assert sheet[carried.replace("B", "A")].value == "Carried forward 结转"


def test_a_long_name_takes_more_lines_instead_of_a_smaller_page(closed: Ledger, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(participants).values(registered_name="上海国际酒店管理" * 12))
    close(engine, DECEMBER, "2027-01-01 00:10")
    sheet = as_xlsx(engine, "JADE", number=DECEMBER)["Summary"]
    [row] = [cell.row for cell in sheet["B"] if str(cell.value).startswith("上海")]
    assert f"B{row}:D{row}" in map(str, sheet.merged_cells.ranges)
    assert sheet[f"B{row}"].alignment.wrap_text
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.page_setup.fitToHeight is None, "one page, which is not written down; 0 would be any number"
    assert sheet.row_dimensions[row].height == 3 * 16, "192 widths of a figure on 78"


def test_the_detail_prints_on_two_pages_side_by_side(closed: Ledger, engine: Engine) -> None:
    setup = as_xlsx(engine, "JADE")["Detail"]
    assert (setup.page_setup.fitToWidth, setup.print_title_cols, setup.print_title_rows) == (
        2,
        "$A:$A",
        "$1:$1",
    )


def test_merchants_add_up_to_the_lines_at_own_merchants(closed: Ledger, engine: Engine) -> None:
    document = as_json(engine, "LOTUS")
    at_own = [line for line in document["detail"] if line["acceptor"] == "LOTUS" and line["merchant"]]
    for name, key in (("points", "points"), ("amount", "amount"), ("fees", "fee")):
        assert sum(row[name] for row in document["merchants"]) == sum(line[key] for line in at_own)
    assert sum(row["lines"] for row in document["merchants"]) == len(at_own)
    *rows, total = records(as_xlsx(engine, "LOTUS")["Merchants"])
    assert [(row["Merchant"], row["Kind"]) for row in rows] == [
        ("LOTUS-1", "issue 发放"),
        ("LOTUS-1", "redemption 兑换"),
        ("LOTUS-1", "visit 到访"),
    ]
    assert fen(total["Fees here"]) == 730


@pytest.mark.parametrize("format_", FORMATS)
def test_a_statement_made_again_has_the_same_bytes(closed: Ledger, engine: Engine, format_: str) -> None:
    first = rendered(engine, format_, "LOTUS")
    closed.now = shanghai("2026-12-05 10:00")
    closed.book(closed.pays_cash(closed.enrol("JADE"), "LOTUS", 5_000))
    assert rendered(engine, format_, "LOTUS") == first


def test_csv_opens_in_a_spreadsheet_and_carries_no_formula(closed: Ledger, engine: Engine) -> None:
    assert rendered(engine, "csv", "LOTUS").startswith(b"\xef\xbb\xbfline,transaction,reference,")
    visit = next(row for row in as_csv(engine, "LOTUS") if row["kind"] == "visit")
    assert visit["reference"] == "'=1+1"
    book = as_xlsx(engine, "LOTUS")
    assert [row["Reference"] for row in records(book["Detail"]) if row["Kind"] == "visit 到访"] == ["=1+1"]
    sheet = as_xlsx(engine, "LOTUS", formulas=True)["Detail"]
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\tx", "\rx"])
def test_each_beginning_of_a_formula_is_neutralised(text: str) -> None:
    [[read]] = csv.reader([csv_text(text)])
    assert read == f"'{text}"
    assert csv_text("a=1") == "a=1"


@pytest.mark.parametrize("reference", ["\\N", "\\.", '"', 'a,"b",\\', "two\nlines\r", "\t积分", " ", "''"])
def test_a_reference_comes_as_it_was_given(ledger: Ledger, engine: Engine, reference: str) -> None:
    ledger.book(ledger.pays_cash(ledger.enrol("JADE"), "LOTUS", 5_000, reference=reference))
    close(engine, NOVEMBER, "2026-12-01 00:10")
    # The visit, and the points given for it.
    assert [line["reference"] for line in as_json(engine, "LOTUS")["detail"]] == [reference] * 2


def test_a_line_names_the_lots_in_the_order_in_which_they_were_used(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    ends = [f"2027-{month:02}-01" for month in range(12, 0, -1)]
    ledger.book(*(ledger.opens(wang, "JADE", 10 + n, end) for n, end in enumerate(ends)))
    ledger.book(ledger.redeems(wang, "LOTUS", 150))
    close(engine, NOVEMBER, "2026-12-01 00:10")
    *opened, used = as_json(engine, "JADE")["detail"]
    lots = [lot.split(":") for lot in used["lots"].split()]
    # The first to end are used first, and the last one in part.
    assert [int(quantity) for _, quantity in lots] == [21, 20, 19, 18, 17, 16, 15, 14, 10]
    assert [lot for lot, _ in lots] == [line["lots"].split(":")[0] for line in opened[: -len(lots) - 1 : -1]]


def test_a_transaction_may_be_idle_while_its_lines_are_taken(closed: Ledger, engine: Engine) -> None:
    def allowed() -> str:
        found: str = connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
        return found

    header = headers(engine)["LOTUS"]
    with engine.connect() as connection:
        usual = allowed()
        lines = read_lines(connection, header, expected=0)
        first = next(lines)
        assert (usual, allowed()) == ("1min", "0")
        assert [first.line, *(line.line for line in lines)] == list(range(1, 6))
        connection.rollback()
        assert allowed() == usual


def test_late_transactions_are_flagged(closed: Ledger, engine: Engine) -> None:
    wang = "JADE-1001"
    closed.now = shanghai("2026-12-05 10:00")
    closed.book(closed.pays_cash(wang, "LOTUS", 1_000, occurred="2026-11-30 12:00"))
    closed.book(closed.pays_cash(wang, "LOTUS", 2_000))
    close(engine, DECEMBER, "2027-01-01 00:10")
    visits = [line for line in as_json(engine, "JADE", DECEMBER)["detail"] if line["kind"] == "visit"]
    assert [(line["amount"], line["prior_period"]) for line in visits] == [(1_000, True), (2_000, False)]
    assert visits[0]["occurred_at"] == "2026-11-30T12:00:00.000+08:00"


def test_a_load_elsewhere_is_owed_by_the_desk(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    ledger.book(ledger.loads(wang, "PINE", 20_000, issuer="JADE"))
    close(engine, NOVEMBER, "2026-12-01 00:10")
    [of_pine], [of_jade] = as_json(engine, "PINE")["detail"], as_json(engine, "JADE")["detail"]
    assert (of_pine["direction"], of_jade["direction"]) == ("payable", "receivable")
    assert of_jade["reason"] == "no_fee_rule"
    assert of_jade["lots"].endswith(":20000")
    assert headers(engine)["PINE"].net == -20_000


@pytest.mark.parametrize("format_", FORMATS)
def test_an_empty_statement_is_a_statement(ledger: Ledger, engine: Engine, format_: str) -> None:
    ledger.book(ledger.opens(ledger.enrol("JADE"), "JADE", 1, "2027-01-01"))
    close(engine, NOVEMBER, "2026-12-01 00:10")
    assert rendered(engine, format_, "PINE")
    assert as_json(engine, "PINE")["detail"] == []
    assert as_csv(engine, "PINE") == []
    assert summary(as_xlsx(engine, "PINE"))["Net 净额"] == (0, 0, 0)


@pytest.mark.parametrize("format_", FORMATS)
def test_lines_that_are_not_what_was_settled_make_no_statement(
    closed: Ledger, engine: Engine, format_: str
) -> None:
    with engine.begin() as connection:
        connection.execute(update(legs).where(legs.c.obligation == 2_500).values(obligation=2_499))
    with pytest.raises(DoesNotTieOut, match="2026-11-LOTUS-1"):
        rendered(engine, format_, "LOTUS")


def test_a_long_detail_continues_on_another_sheet(
    closed: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx, "LINES_PER_SHEET", 2)
    book = as_xlsx(engine, "LOTUS", formulas=True)
    assert book.sheetnames == ["Summary", "Matrix", "Detail", "Points", "Merchants", "Detail 2", "Detail 3"]
    assert [book[name].max_row for name in ("Detail", "Detail 2", "Detail 3")] == [3, 3, 2]
    assert summary(book)["Fees, VAT included 服务费(含税)"][2] == (
        "=SUM('Detail'!R2:R3)+SUM('Detail 2'!R2:R3)+SUM('Detail 3'!R2:R2)"
    )


def test_many_lines_make_the_same_workbook_as_few(
    closed: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def values() -> dict[str, list[tuple[Any, ...]]]:
        book = as_xlsx(engine, "LOTUS", formulas=True)
        return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}

    few = values()
    monkeypatch.setattr(xlsx, "LINES_IN_MEMORY", 0)
    assert values() == few
    assert len(few["Detail"]) == 6


def test_progress_counts_every_line(closed: Ledger, engine: Engine) -> None:
    counted: list[int] = []
    with engine.connect() as connection:
        statement = open_statement(connection, headers(engine)["LOTUS"].id)
        assert isinstance(statement, Statement)
        render.render(connection, statement, {"csv": io.BytesIO()}, counted.append)
    assert sum(counted) == 5
    assert render.filename(statement.header, "xlsx") == "2026-11-LOTUS-1.xlsx"


def test_adjustments_stand_apart_from_exchanges_and_tie_out(closed: Ledger, engine: Engine) -> None:
    ids = closed.participant_ids
    closed.now = shanghai("2026-12-05 10:00")
    closed.book(
        closed.adjusts(ids["LOTUS"], ids["PINE"], 400),
        closed.adjusts(ids["PINE"], ids["LOTUS"], 1_000),
        closed.adjusts(ids["PINE"], HUB, 250),
    )
    closed.book(closed.spends("JADE-1001", "PINE", 2_000))
    close(engine, DECEMBER, "2027-01-01 00:10")
    pine = headers(engine, DECEMBER)["PINE"]
    # The hub's part of it is a fee, with tax; 12 fen are of the spend.
    assert (pine.receivable, pine.payable, pine.fees, pine.adjustments) == (2_000, 0, 262, -600)
    assert pine.net == 2_000 - 262 - 600
    document = as_json(engine, "PINE", DECEMBER)
    assert [row["kind"] for row in document["matrix"]] == ["adjustment", "spend", "adjustment"]
    facts = summary(as_xlsx(engine, "PINE", number=DECEMBER))
    assert [fen(value) for value in facts["Adjustments 调整"]] == [-600] * 3
    formulas = summary(as_xlsx(engine, "PINE", number=DECEMBER, formulas=True))
    assert formulas["Adjustments 调整"][1] == (
        '=SUMIF(Matrix!B2:B4,"adjustment 调整",Matrix!F2:F4)'
        '-SUMIF(Matrix!B2:B4,"adjustment 调整",Matrix!G2:G4)'
    )


def test_the_account_goes_on_from_statement_to_statement(closed: Ledger, engine: Engine) -> None:
    closed.now = shanghai("2026-12-05 10:00")
    closed.book(closed.spends("JADE-1001", "PINE", 2_000))
    close(engine, DECEMBER, "2027-01-01 00:10")
    first, second = headers(engine)["PINE"], headers(engine, DECEMBER)["PINE"]
    assert (first.opening_balance, first.payments, first.closing_balance) == (0, 0, 29_820)
    assert (second.opening_balance, second.payments) == (29_820, 0)
    assert second.closing_balance == 29_820 + second.net
    assert first.due_on.isoformat() == "2026-12-11"
    assert first.payment_reference != second.payment_reference
