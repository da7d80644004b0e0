"""The sheets beside the detail. Each total carries the value that was settled, so that a reader who sees its
formula come to something else knows that a cell was changed.
"""

from collections.abc import Sequence
from typing import Any

from clearing.core.amounts import rate_text
from clearing.core.calendar import period_name
from clearing.core.journal import LegKind
from settlement.core.liability import worth
from settlement.core.statement import CounterpartyRow, Direction, MerchantRow
from settlement.liabilities import NEVER, Liability
from settlement.present import statement_json
from settlement.query import StatementHeader
from settlement.render.book import Book, Cell, Column, filtered, number
from settlement.render.detail_columns import LETTERS
from settlement.render.labels import DIRECTIONS, KINDS, english_first
from settlement.render.printed import of_month, percent
from settlement.statement import Detail, Statement

_MATRIX = (
    Column("Counterparty 对方", 18),
    Column("Kind 类型", 20),
    Column("With others 往来笔数", 20, "count"),
    Column("Points with others 往来积分", 26, "count"),
    Column("Value with others 往来金额", 26, "money"),
    Column("Receivable in all 应收(含调整)", 30, "money"),
    Column("Payable in all 应付(含调整)", 28, "money"),
    Column("Fees, VAT included 服务费(含税)", 30, "money"),
)
_MERCHANTS = (
    Column("Merchant 商户", 18),
    Column("Kind 类型", 20),
    Column("Lines here 本店行数", 20, "count"),
    Column("of them exchanges 其中交换", 26, "count"),
    Column("Points here 本店积分", 20, "count"),
    Column("Value here 本店金额", 20, "money"),
    Column("Receivable here 本店应收", 24, "money"),
    Column("Payable here 本店应付", 22, "money"),
    Column("Fees here 本店服务费", 22, "money"),
)
_ROLL_FORWARD = (
    Column("Liability to members 会员负债", 44),
    Column("Points 积分", 18, "count"),
    Column("Stored value 储值", 18, "money"),
)
_MONTHS = (
    Column("Ends in 到期月", 44),
    Column("Points 积分", 18, "count"),
    Column("Stored value 储值", 18, "money"),
    Column("Value of the points 积分价值", 24, "money"),
)

_AMOUNTS = (
    Column("Amounts 金额", 40),
    Column("Settled 结算", 26, "money"),
    Column("From the matrix 按矩阵", 26, "money"),
    Column("From the detail 按明细", 26, "money"),
)

OWED_AT_THE_END = "Owed at the end 期末负债"
_NOTES = (
    "Net = receivable from exchanges - payable for exchanges - fees + rebates + adjustments"
    " + carried forward.",
    "净额 = 交换应收 - 交换应付 - 服务费 + 调整 + 返还 + 结转。",
    "Above zero the hub pays. 净额为正表示平台方付给成员。",
    "On the sheet Matrix, in all: from exchanges, and by adjustments. 往来表中“含调整”为交换与调整之和。",
)


def write_matrix(book: Book, sheet: Any, statement: Statement) -> None:
    book.head(sheet, _MATRIX)
    for row, part in enumerate(statement.matrix, 1):
        names = (statement.codes[part.counterparty_id], _named(part.kind.label))
        book.row(sheet, row, _MATRIX, [*names, *part[2:]])
    filtered(sheet, len(statement.matrix), _MATRIX)
    sums = _sums(statement.matrix, range(2, len(CounterpartyRow._fields)))
    book.total(sheet, len(statement.matrix) + 1, _MATRIX, sums)


def write_merchants(book: Book, sheet: Any, rows: Sequence[MerchantRow]) -> None:
    book.head(sheet, _MERCHANTS)
    for row, values in enumerate(rows, 1):
        book.row(sheet, row, _MERCHANTS, [values.merchant, _named(values.kind), *values[2:]])
    filtered(sheet, len(rows), _MERCHANTS)
    book.total(sheet, len(rows) + 1, _MERCHANTS, _sums(rows, range(2, len(MerchantRow._fields))))


def write_points(book: Book, sheet: Any, statement: Statement) -> None:
    """The roll-forward as a sum of signed rows, then what of the closing ends when, then breakage."""
    points, value = statement.points, statement.stored_value
    book.head(sheet, _ROLL_FORWARD)
    sheet.set_column(3, 3, _MONTHS[3].width)
    row = 0
    for row, (label, in_points, in_value) in enumerate(_signed(points, value), 1):
        book.row(sheet, row, _ROLL_FORWARD, [label, in_points, in_value])
    row += 1
    closings = {1: points.movement.closing, 2: value.movement.closing}
    book.total(sheet, row, _ROLL_FORWARD, closings)
    sheet.write_string(row, 0, OWED_AT_THE_END, book.totals["text"])
    row += 2
    for index, column in enumerate(_MONTHS):
        book.heading(sheet, row, index, column)
    first = row + 1
    months = _by_month(statement)
    for row, cells in enumerate(months, first):
        book.row(sheet, row, _MONTHS, cells)
    row = first + len(months)
    worths = sum(cell for *_, cell in months if isinstance(cell, int))
    book.total(sheet, row, _MONTHS, {**closings, 3: worths}, first)
    sheet.write_string(row, 0, OWED_AT_THE_END, book.totals["text"])
    row += 2
    point_value, breakage = statement.header.point_value, points.breakage
    facts: tuple[tuple[str, Cell, str], ...] = (
        ("Point value, fen per point 积分单价(分)", rate_text(point_value), "text"),
        ("Value of closing points 期末积分价值", worth(points.movement.closing, point_value), "money"),
        ("Breakage of the period, value 本期失效价值", worth(points.movement.expired, point_value), "money"),
        ("Points given to date 累计发放", breakage.given_to_date, "count"),
        ("Points expired to date 累计失效", breakage.expired_to_date, "count"),
        ("Breakage rate to date 累计失效率", percent(breakage.rate), "text"),
    )
    for index, (label, fact, style) in enumerate(facts, row):
        sheet.write_string(index, 0, label, book.label)
        if isinstance(fact, str):
            sheet.write_string(index, 1, fact, book.rate)
        else:
            book.cell(sheet, index, 1, fact, style)


def write_summary(
    book: Book, sheet: Any, statement: Statement, detail: Detail, detail_sheets: list[tuple[str, int]]
) -> None:
    """Who and when, then the amounts thrice: as settled, as the matrix adds up, as the lines add up."""
    sheet.fit_to_pages(1, 1)
    for index, column in enumerate(_AMOUNTS):
        sheet.set_column(index, index, column.width)
    header, facts = statement.header, statement_json(statement.header)
    sheet.write_string(0, 0, f"Statement 对账单 {header.number}", book.title)
    texts = (
        ("Statement 对账单号", header.number),
        ("Participant 成员", f"{header.participant_code} {header.participant_name}"),
        ("Registered name 注册名称", header.registered_name),
        ("Address 地址", header.address),
        ("Tax number 税号", header.tax_number),
        ("Hub 平台方", header.hub_name),
        ("Address of the hub 平台方地址", header.hub_address),
        ("Tax number of the hub 平台方税号", header.hub_tax_number),
        ("Period 清算周期", header.period_name),
        ("From 起", facts["starts_at"]),
        ("Until, not included 止(不含)", facts["ends_at"]),
        ("Issued 出具时间", facts["issued_at"]),
        ("Currency 币种", header.currency),
        ("VAT rate 税率", percent(header.vat_rate)),
        ("Due 付款到期日", facts["due_on"]),
        ("Payment reference 付款附言", header.payment_reference),
        ("Data hash 数据摘要", detail.data_hash),
    )
    row = 1
    for label, text in texts:
        if text is not None:
            row += 1
            book.fact(sheet, row, _AMOUNTS, label, text)
    net = row = _write_amounts(book, sheet, row + 2, statement, detail_sheets)
    row += 1
    for label, amount in (
        ("Fees less rebates 服务费减返还", statement.fees.gross),
        ("of which without VAT 其中不含税", statement.fees.net),
        ("of which VAT 其中税额", statement.fees.vat),
        *(
            (f"Rebate, rule {one.rule_id} ({_named(one.kind.label)}{month}) 规则返还", one.rebate)
            for one, month in ((row, of_month(row.of_period, header.period)) for row in statement.rebates)
        ),
    ):
        row += 1
        sheet.write_string(row, 0, label, book.label)
        sheet.write_number(row, 1, number(amount, "money"), book.styles["money"])
    row = _write_account(book, sheet, row + 2, header, net)
    for note in _NOTES:
        row += 1
        sheet.write_string(row + 1, 0, note)


def _write_amounts(
    book: Book, sheet: Any, row: int, statement: Statement, detail_sheets: list[tuple[str, int]]
) -> int:
    """Returns the last row written."""
    for index, column in enumerate(_AMOUNTS):
        book.heading(sheet, row, index, column)
    header, money = statement.header, book.styles["money"]
    first = row + 2
    amounts = _amounts(header, _InMatrix(len(statement.matrix)), _InDetail(detail_sheets))
    for label, amount, _, from_matrix, from_detail in amounts:
        row += 1
        value = number(amount, "money")
        sheet.write_string(row, 0, label, book.label)
        sheet.write_number(row, 1, value, money)
        # Of what stands in neither, the settled amount.
        sheet.write_formula(row, 2, f"={from_matrix or f'B{row + 1}'}", money, value)
        sheet.write_formula(row, 3, f"={from_detail or f'B{row + 1}'}", money, value)
    row += 1
    sheet.write_string(row, 0, "Net 净额", book.label)
    for index, letter in enumerate("BCD", 1):
        signed = (f"{one[2]}{letter}{place}" for place, one in enumerate(amounts, first))
        formula = "=" + "".join(signed).removeprefix("+")
        sheet.write_formula(row, index, formula, book.totals["money"], number(header.net, "money"))
    return row


def _write_account(book: Book, sheet: Any, row: int, header: StatementHeader, net: int) -> int:
    """What was open before, and what is now; `net`: the row of the net, above which stands what was carried
    forward, which was open before and is in the net. Returns the last row written.
    """
    money = book.styles["money"]
    for label, amount, formula in (
        ("Opening balance 期初未结", header.opening_balance, None),
        ("Payments since 期间付款", header.payments, None),
        ("Net of this period 本期净额", header.net, f"=B{net + 1}"),
        ("Less carried forward in it 减：已含结转", -header.carried_forward, f"=-B{net}"),
    ):
        sheet.write_string(row, 0, label, book.label)
        if formula is None:
            sheet.write_number(row, 1, number(amount, "money"), money)
        else:
            sheet.write_formula(row, 1, formula, money, number(amount, "money"))
        row += 1
    sheet.write_string(row, 0, "Closing balance 期末未结", book.label)
    closing = number(header.closing_balance, "money")
    sheet.write_formula(row, 1, f"=SUM(B{row - 3}:B{row})", book.totals["money"], closing)
    return row


def _amounts(
    header: StatementHeader, matrix: "_InMatrix", detail: "_InDetail"
) -> list[tuple[str, int, str, str | None, str | None]]:
    """What the net is made of: label, fen, its sign in the net, and formulas that add it up elsewhere."""
    receivable, payable = Direction.RECEIVABLE, Direction.PAYABLE
    return [
        (
            "Receivable from exchanges 交换应收",
            header.receivable,
            "+",
            matrix.sum("F", adjusted=False),
            detail.sum(receivable, adjusted=False),
        ),
        (
            "Payable for exchanges 交换应付",
            header.payable,
            "-",
            matrix.sum("G", adjusted=False),
            detail.sum(payable, adjusted=False),
        ),
        ("Fees, VAT included 服务费(含税)", header.fees, "-", matrix.all("H"), detail.fees),
        (
            "Adjustments 调整",
            header.adjustments,
            "+",
            f"{matrix.sum('F', adjusted=True)}-{matrix.sum('G', adjusted=True)}",
            f"{detail.sum(receivable, adjusted=True)}-({detail.sum(payable, adjusted=True)})",
        ),
        ("Rebates 返还", header.rebates, "+", None, None),
        ("Carried forward 结转", header.carried_forward, "+", None, None),
    ]


class _InMatrix:
    """Formulas over the matrix, of so many rows."""

    def __init__(self, rows: int) -> None:
        self._end = max(rows + 1, 2)

    def all(self, column: str) -> str:
        return f"SUM(Matrix!{column}2:{column}{self._end})"

    def sum(self, column: str, *, adjusted: bool) -> str:
        """Of adjustments by hand, or of everything else."""
        kinds = f'Matrix!B2:B{self._end},"{_kind(adjusted)}"'
        return f"SUMIF({kinds},Matrix!{column}2:{column}{self._end})"


class _InDetail:
    """Formulas over the sheets of lines: their names and the numbers of their last rows."""

    def __init__(self, sheets: list[tuple[str, int]]) -> None:
        self._sheets = sheets

    @property
    def fees(self) -> str:
        return "+".join(f"SUM({self._column(sheet, 'fee')})" for sheet in self._sheets)

    def sum(self, direction: Direction, *, adjusted: bool) -> str:
        """The obligations in that direction: of adjustments by hand, or of everything else."""
        return "+".join(
            f"SUMIFS({self._column(sheet, 'obligation')},"
            f'{self._column(sheet, "direction")},"{english_first(direction.value, DIRECTIONS)}",'
            f'{self._column(sheet, "kind")},"{_kind(adjusted)}")'
            for sheet in self._sheets
        )

    def _column(self, sheet: tuple[str, int], field: str) -> str:
        name, last = sheet
        letter = LETTERS[field]
        return f"'{name}'!{letter}2:{letter}{max(last, 2)}"


def _kind(adjusted: bool) -> str:
    return f"{'' if adjusted else '<>'}{_named(LegKind.ADJUSTMENT.label)}"


def _named(kind: str) -> str:
    return english_first(kind, KINDS)


def _signed(points: Liability, value: Liability) -> list[tuple[str, int, int | None]]:
    """The parts of the roll-forward, so that they add up to the closing. None: there is no such thing."""
    of_points, of_value = points.movement, value.movement
    return [
        ("Owed at the beginning 期初负债", of_points.opening, of_value.opening),
        ("Issued, sold 发放、充值", of_points.issued, of_value.issued),
        ("Brought in 期初转入", of_points.opened, of_value.opened),
        ("Used at own merchants 本系统使用", -of_points.used_own, -of_value.used_own),
        ("Used elsewhere 他方使用", -of_points.used_elsewhere, -of_value.used_elsewhere),
        ("Expired (breakage) 失效", -of_points.expired, -of_value.expired),
        ("Adjusted by hand 人工调整", of_points.adjusted, None),
        ("Arrears incurred less paid 欠分增减", of_points.arrears, None),
    ]


def _by_month(statement: Statement) -> list[list[Cell]]:
    """Month, points, stored value, worth of the points; what never ends comes last."""
    points = {one.month: one.quantity for one in statement.points.months}
    value = {one.month: one.quantity for one in statement.stored_value.months}
    return [
        [
            "never 永不" if month == NEVER else period_name(month),
            points.get(month, 0),
            value.get(month, 0),
            worth(points.get(month, 0), statement.header.point_value),
        ]
        for month in sorted(points | value, key=lambda month: (month == NEVER, month))
    ]


def _sums(rows: Sequence[Any], columns: range) -> dict[int, int]:
    return {index: sum(row[index] for row in rows) for index in columns}
