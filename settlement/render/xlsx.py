"""A statement as a workbook for people: one sheet for each part, money in yuan, totals that are formulas.

Each total carries the value that was settled, so that a reader who sees the formula come to something else
knows that a cell was changed. Texts are written as texts: an id stays an id and a formula stays harmless.
"""

from collections.abc import Callable, Sequence
from datetime import UTC
from decimal import Decimal
from typing import Any, BinaryIO, NamedTuple

import xlsxwriter
from sqlalchemy import Connection

from clearing.core.amounts import rate_text
from clearing.core.journal import LegKind
from settlement.core.statement import CounterpartyRow, DetailLine, Direction, MerchantRow
from settlement.present import statement_json
from settlement.render.progress import reported
from settlement.statement import Detail, Statement

#: A sheet holds 1,048,576 rows; what goes beyond continues on a sheet of its own.
LINES_PER_SHEET = 1_000_000

_WIDE = 36
_ADJUSTMENT = LegKind.ADJUSTMENT.label

Cell = str | int | bool | None


class _Column(NamedTuple):
    heading: str
    width: int
    style: str = "text"


_MATRIX = (
    _Column("Counterparty 对方", 18),
    _Column("Kind 类型", 14),
    _Column("Count 笔数", 12, "count"),
    _Column("Points 积分", 14, "count"),
    _Column("Amount 金额", 16, "money"),
    _Column("Receivable 应收", 16, "money"),
    _Column("Payable 应付", 16, "money"),
    _Column("Fees 服务费", 16, "money"),
)
_MERCHANTS = (
    _Column("Merchant 商户", 18),
    _Column("Kind 类型", 14),
    _Column("Lines 行数", 12, "count"),
    _Column("Exchanges 交换", 16, "count"),
    _Column("Points 积分", 14, "count"),
    _Column("Amount 金额", 16, "money"),
    _Column("Receivable 应收", 16, "money"),
    _Column("Payable 应付", 16, "money"),
    _Column("Fees 服务费", 16, "money"),
)
_DETAIL = {
    "line": _Column("Line 行号", 10, "count"),
    "transaction": _Column("Transaction 交易号", 34),
    "reference": _Column("Reference 商户单号", 20),
    "occurred_at": _Column("Occurred 发生时间", 32),
    "booked_at": _Column("Booked 入账时间", 30),
    "merchant": _Column("Merchant 商户", 16),
    "transaction_kind": _Column("Transaction kind 交易类型", 24),
    "kind": _Column("Kind 类型", 14),
    "issuer": _Column("Issuer 发行方", 14),
    "acceptor": _Column("Acceptor 受理方", 16),
    "member": _Column("Member 会员", 18),
    "lots": _Column("Lots 批次", 40),
    "points": _Column("Points 积分", 14, "count"),
    "amount": _Column("Amount 金额", 16, "money"),
    "obligation": _Column("Obligation 应结金额", 20, "money"),
    "direction": _Column("Direction 方向", 16),
    "fee_rate": _Column("Fee rate 费率", 14),
    "fee": _Column("Fee 服务费", 14, "money"),
    "fee_payer": _Column("Fee payer 付费方", 18),
    "rule_version": _Column("Rule version 规则版本", 22, "count"),
    "reason": _Column("Reason 原因", 16),
    "prior_period": _Column("Prior period 前期", 18),
    "reverses": _Column("Reverses 冲正原交易", 36),
}
_DETAIL_LETTERS = {name: chr(ord("A") + index) for index, name in enumerate(_DETAIL)}


def render(
    connection: Connection, statement: Statement, out: BinaryIO, progress: Callable[[int], None] | None
) -> None:
    header = statement.header
    # Without constant_memory a million lines would take gigabytes; with it each sheet is written top down.
    with xlsxwriter.Workbook(out, {"constant_memory": True}) as workbook:
        workbook.set_properties(
            {
                "title": f"Statement 对账单 {header.number}",
                "company": header.participant_name,
                # The bytes must not depend on when they are made.
                "created": header.issued_at.astimezone(UTC).replace(tzinfo=None),
            }
        )
        book = _Book(workbook)
        summary = workbook.add_worksheet("Summary")
        matrix = workbook.add_worksheet("Matrix")
        first_detail = workbook.add_worksheet("Detail")
        merchants = workbook.add_worksheet("Merchants")
        for sheet in (summary, matrix, first_detail, merchants):
            _fit_for_printing(sheet)
        detail = Detail(connection, statement)
        detail_sheets = _write_detail(book, first_detail, detail, progress)
        _write_matrix(book, matrix, statement)
        _write_merchants(book, merchants, detail.tally.merchants)
        _write_summary(book, summary, statement, detail, detail_sheets)


def _fit_for_printing(sheet: Any) -> None:
    """A4 across, every column on one page."""
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


class _Book:
    """The workbook's cell styles, and how values become cells."""

    def __init__(self, workbook: Any) -> None:
        self.workbook = workbook
        self.heading = workbook.add_format({"bold": True, "bottom": 1, "bg_color": "#E8EEF4"})
        self.label = workbook.add_format({"bold": True})
        self.styles = {
            "text": workbook.add_format({"num_format": "@"}),
            "count": workbook.add_format({"num_format": "#,##0"}),
            "money": workbook.add_format({"num_format": "#,##0.00"}),
        }
        self.totals = {
            name: workbook.add_format({"bold": True, "top": 1, "num_format": number_format})
            for name, number_format in (("text", "@"), ("count", "#,##0"), ("money", "#,##0.00"))
        }

    def head(self, sheet: Any, columns: Sequence[_Column]) -> None:
        for index, column in enumerate(columns):
            sheet.set_column(index, index, column.width)
            sheet.write_string(0, index, column.heading, self.heading)
        sheet.freeze_panes(1, 0)

    def cell(self, sheet: Any, row: int, column: int, value: Cell, style: str) -> None:
        """One value: a text as text, money given in fen as yuan, nothing for None."""
        if value is None:
            return
        if isinstance(value, bool):
            value = "yes 是" if value else "no 否"
        if isinstance(value, str):
            sheet.write_string(row, column, value, self.styles["text"])
        else:
            sheet.write_number(row, column, _number(value, style), self.styles[style])

    def total(self, sheet: Any, row: int, columns: Sequence[_Column], sums: dict[int, int]) -> None:
        """A row of SUM formulas under the rows 2 to `row`, each with the value it must have."""
        for index, column in enumerate(columns):
            if index not in sums:
                sheet.write_string(row, index, "Total 合计" if index == 0 else "", self.totals["text"])
                continue
            letter = chr(ord("A") + index)
            formula = f"=SUM({letter}2:{letter}{max(row, 2)})" if row > 1 else "=0"
            value = _number(sums[index], column.style)
            sheet.write_formula(row, index, formula, self.totals[column.style], value)


def _number(value: int, style: str) -> int | Decimal:
    """What is written as the cell's number. Yuan is a decimal with two places, written digit by digit.

    A workbook keeps numbers as doubles; up to 90 trillion yuan the nearest double shows the same fen.
    """
    return Decimal(value).scaleb(-2) if style == "money" else value


def _write_detail(
    book: _Book, sheet: Any, detail: Detail, progress: Callable[[int], None] | None
) -> list[tuple[str, int]]:
    """Write the lines; returns each sheet's name and the number of its last row."""
    columns = [_DETAIL[name] for name in DetailLine._fields]
    sheets = [("Detail", 1)]
    book.head(sheet, columns)
    row = 0
    for line in reported(detail, progress):
        if row == LINES_PER_SHEET:
            _filter(sheet, row, columns)
            sheets.append((f"Detail {len(sheets) + 1}", 1))
            sheet = book.workbook.add_worksheet(sheets[-1][0])
            _fit_for_printing(sheet)
            book.head(sheet, columns)
            row = 0
        row += 1
        sheets[-1] = (sheets[-1][0], row + 1)
        for index, value in enumerate(line):
            book.cell(sheet, row, index, value, columns[index].style)
    _filter(sheet, row, columns)
    return sheets


def _write_matrix(book: _Book, sheet: Any, statement: Statement) -> None:
    book.head(sheet, _MATRIX)
    for row, part in enumerate(statement.matrix, 1):
        cells: list[Cell] = [statement.codes[part.counterparty_id], part.kind.label, *part[2:]]
        for index, value in enumerate(cells):
            book.cell(sheet, row, index, value, _MATRIX[index].style)
    _filter(sheet, len(statement.matrix), _MATRIX)
    sums = _sums(statement.matrix, range(2, len(CounterpartyRow._fields)))
    book.total(sheet, len(statement.matrix) + 1, _MATRIX, sums)


def _write_merchants(book: _Book, sheet: Any, rows: Sequence[MerchantRow]) -> None:
    book.head(sheet, _MERCHANTS)
    for row, values in enumerate(rows, 1):
        cells: list[Cell] = [*values]
        for index, value in enumerate(cells):
            book.cell(sheet, row, index, value, _MERCHANTS[index].style)
    _filter(sheet, len(rows), _MERCHANTS)
    book.total(sheet, len(rows) + 1, _MERCHANTS, _sums(rows, range(2, len(MerchantRow._fields))))


def _write_summary(
    book: _Book, sheet: Any, statement: Statement, detail: Detail, detail_sheets: list[tuple[str, int]]
) -> None:
    """Facts, then the amounts thrice: as settled, as the matrix adds up, as the lines add up."""
    sheet.set_column(0, 0, _WIDE)
    sheet.set_column(1, 3, 26)
    header, facts = statement.header, statement_json(statement.header)
    texts = (
        ("Statement 对账单号", header.number),
        ("Participant 成员", f"{header.participant_code} {header.participant_name}"),
        ("Period 清算周期", header.period_name),
        ("From 起", facts["starts_at"]),
        ("Until, not included 止(不含)", facts["ends_at"]),
        ("Issued 出具时间", facts["issued_at"]),
        ("Currency 币种", header.currency),
        ("VAT rate 税率", rate_text(header.vat_rate)),
        ("Due 付款到期日", facts["due_on"]),
        ("Payment reference 付款附言", header.payment_reference),
        ("Data hash 数据摘要", detail.data_hash),
    )
    for row, (label, value) in enumerate(texts):
        sheet.write_string(row, 0, label, book.label)
        sheet.write_string(row, 1, value, book.styles["text"])
    row = len(texts) + 1
    for index, heading in enumerate(
        ("Amounts 金额", "Settled 结算", "From the matrix 按矩阵", "From the detail 按明细")
    ):
        sheet.write_string(row, index, heading, book.heading)
    matrix_end = max(len(statement.matrix) + 1, 2)

    def in_matrix(column: str, adjusted: bool) -> str:
        sign = "" if adjusted else "<>"
        rows = f"2:{{0}}{matrix_end}"
        kinds, summed = f"B{rows.format('B')}", f"{column}{rows.format(column)}"
        return f'SUMIF(Matrix!{kinds},"{sign}{_ADJUSTMENT}",Matrix!{summed})'

    def in_detail(direction: Direction, adjusted: bool) -> str:
        return _sum_if(detail_sheets, direction, adjusted=adjusted)

    settled = "=B{row}"
    amounts = (
        (
            "Receivable 应收",
            header.receivable,
            f"={in_matrix('F', False)}",
            f"={in_detail(Direction.RECEIVABLE, False)}",
        ),
        (
            "Payable 应付",
            header.payable,
            f"={in_matrix('G', False)}",
            f"={in_detail(Direction.PAYABLE, False)}",
        ),
        (
            "Fees, VAT included 服务费(含税)",
            header.fees,
            f"=SUM(Matrix!H2:H{matrix_end})",
            _sum_fees(detail_sheets),
        ),
        (
            "Adjustments 调整",
            header.adjustments,
            f"={in_matrix('F', True)}-{in_matrix('G', True)}",
            f"={in_detail(Direction.RECEIVABLE, True)}-({in_detail(Direction.PAYABLE, True)})",
        ),
        # Of these two neither matrix nor detail knows anything.
        ("Rebates 返还", header.rebates, settled, settled),
        ("Carried forward 结转", header.carried_forward, settled, settled),
    )
    money = book.styles["money"]
    first = row + 2
    for label, amount, from_matrix, from_detail in amounts:
        row += 1
        value = _number(amount, "money")
        sheet.write_string(row, 0, label, book.label)
        sheet.write_number(row, 1, value, money)
        sheet.write_formula(row, 2, from_matrix.format(row=row + 1), money, value)
        sheet.write_formula(row, 3, from_detail.format(row=row + 1), money, value)
    row += 1
    sheet.write_string(row, 0, "Net 净额", book.label)
    for index, letter in enumerate("BCD", 1):
        signed = zip("+--+++", range(first, first + len(amounts)), strict=True)
        formula = "=" + "".join(f"{sign}{letter}{place}" for sign, place in signed).removeprefix("+")
        sheet.write_formula(row, index, formula, book.totals["money"], _number(header.net, "money"))
    for label, amount in (
        ("Fees less rebates, net 服务费减返还(不含税)", statement.fees.net),
        ("VAT in them 税额", statement.fees.vat),
        ("Opening balance 期初未结", header.opening_balance),
        ("Payments since 期间付款", header.payments),
        ("Closing balance 期末未结", header.closing_balance),
        *(
            (f"Rebate, rule {one.rule_id} ({one.kind.label}) 规则返还", one.rebate)
            for one in statement.rebates
        ),
    ):
        row += 1
        sheet.write_string(row, 0, label, book.label)
        sheet.write_number(row, 1, _number(amount, "money"), money)
    row += 1
    points = detail.tally.points
    for label, quantity in (
        ("Points issued 发放积分", points.issued),
        ("Points brought in 期初转入积分", points.opened),
        ("Points redeemed at own 本系统兑换", points.redeemed_own),
        ("Points redeemed elsewhere 他方兑换", points.redeemed_elsewhere),
        ("Points expired 失效", points.expired),
        ("Points adjusted 调整", points.adjusted),
    ):
        row += 1
        sheet.write_string(row, 0, label, book.label)
        sheet.write_number(row, 1, quantity, book.styles["count"])
    row += 2
    note = "Net is positive when the hub pays the participant. 净额为正表示平台方付给成员。"
    sheet.write_string(row, 0, note)


def _sum_if(sheets: list[tuple[str, int]], direction: Direction, *, adjusted: bool) -> str:
    """The obligations in that direction: of adjustments by hand, or of everything else."""
    which = f"{'' if adjusted else '<>'}{_ADJUSTMENT}"
    parts = []
    for name, last in sheets:

        def column(field: str, name: str = name, last: int = last) -> str:
            letter = _DETAIL_LETTERS[field]
            return f"'{name}'!{letter}2:{letter}{max(last, 2)}"

        criteria = f'{column("direction")},"{direction.value}",{column("kind")},"{which}"'
        parts.append(f"SUMIFS({column('obligation')},{criteria})")
    return "+".join(parts)


def _sum_fees(sheets: list[tuple[str, int]]) -> str:
    fee = _DETAIL_LETTERS["fee"]
    return "=" + "+".join(f"SUM('{name}'!{fee}2:{fee}{max(last, 2)})" for name, last in sheets)


def _sums(rows: Sequence[Any], columns: range) -> dict[int, int]:
    return {index: sum(row[index] for row in rows) for index in columns}


def _filter(sheet: Any, last_row: int, columns: Sequence[_Column]) -> None:
    sheet.autofilter(0, 0, last_row, len(columns) - 1)
