"""A statement as a document to print and to file: A4, in Chinese and English, with page numbers.

Everything that can be read is data for the template `statement.typ`, which only sets it; no text of a
participant or a till is ever read as markup. The same statement gives the same bytes.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import structlog
import typst

from clearing.core.accounts import HUB
from clearing.core.calendar import period_name
from settlement.core.liability import worth
from settlement.core.statement import CounterpartyRow, DetailLine, Direction, MerchantRow
from settlement.liabilities import NEVER
from settlement.query import StatementHeader
from settlement.render.labels import KINDS, chinese_first
from settlement.render.letters import FONTS, all_legible, code_point, fonts
from settlement.render.printed import bounded, count, money, of_month, percent, plain, signed
from settlement.statement import Detail, Statement

log = structlog.get_logger(__name__)

#: Beyond this a document serves nobody; the rest is in the workbook and in the CSV.
LINES_MAX = 1_000
#: Counterparties with a bar of their own; the smaller ones share the last.
BARS_MAX = 12

#: Places that are named for each letter that no font has.
PLACES_MAX = 5
#: The parts of the document that hold texts of others, by their names in its data.
_PARTS = {
    "title": "标题 title",
    "number": "单号 number",
    "payment_reference": "付款附言 reference",
    "hub": "平台方 hub",
    "participant": "成员 participant",
    "flows": "各方往来 flows",
    "matrix": "往来汇总 matrix",
    "merchants": "本方商户 merchants",
    "detail": "明细行 detail line",
}
_FOLDER = Path(__file__).parent
Rows = list[list[str]]


class PdfDocument:
    def __init__(self, statement: Statement, out: BinaryIO) -> None:
        self._statement = statement
        self._out = out
        self._lines: list[DetailLine] = []

    def line(self, line: DetailLine, text: bytes) -> None:
        if len(self._lines) < LINES_MAX:
            self._lines.append(line)

    def end(self, detail: Detail) -> None:
        header = self._statement.header
        compiler = typst.Compiler(
            input=_FOLDER / "statement.typ", root=_FOLDER, font_paths=_fonts(), ignore_system_fonts=True
        )
        data, missing = all_legible(_data(self._statement, detail, self._lines))
        data |= {"fonts": [font.family for font in fonts()], "missing": _missing(header, missing)}
        document = compiler.compile(
            format="pdf",
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            timestamp=header.issued_at.astimezone(UTC).replace(microsecond=0),
            # For a detail of a thousand lines they would be nine tenths of the file.
            pdf_tags=False,
        )
        assert isinstance(document, bytes), "a PDF is one file"
        self._out.write(document)

    def close(self) -> None:
        """`out` is its owner's to close."""


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    """Ours alone, so that a document does not depend on what else the machine has."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])


def _missing(header: StatementHeader, missing: dict[str, list[str]]) -> list[str]:
    """The letters that are printed as numbers, with the parts of the document in which they stand."""
    places: dict[str, dict[str, None]] = {}
    for where, letters in missing.items():
        part, _, rest = where.partition(" ")
        row = re.match(r"rows (\d+)", rest)
        line = f"{_PARTS[part]} {row[1]}" if row else _PARTS[part]
        for letter in letters:
            places.setdefault(letter, {})[line] = None
    if places:
        found = {code_point(letter): list(parts) for letter, parts in places.items()}
        log.warning("letters_without_font", statement=header.number, letters=found)
    return [f"{code_point(letter)}: {_few(list(parts))}" for letter, parts in places.items()]


def _few(places: list[str]) -> str:
    rest = len(places) - PLACES_MAX
    return ", ".join(places[:PLACES_MAX]) + (f" … +{rest}" if rest > 0 else "")


def _data(statement: Statement, detail: Detail, lines: Sequence[DetailLine]) -> dict[str, Any]:
    """All that the template prints, as text."""
    header = statement.header
    return {
        "title": f"对账单 Statement {header.number}",
        "number": header.number,
        "hash": detail.data_hash,
        "period": header.period_name,
        "days": f"{header.starts_at.astimezone(header.zone):%Y-%m-%d} – {_last_day(header)}",
        "issued_at": header.issued_at.astimezone(header.zone).strftime("%Y-%m-%d %H:%M"),
        "due_on": header.due_on.isoformat(),
        "payment_reference": header.payment_reference,
        "hub": _party(header.hub_name or "通兑平台 Tongdui", header.hub_address, header.hub_tax_number),
        "participant": _party(
            header.registered_name or header.participant_name,
            header.address,
            header.tax_number,
            header.participant_code,
        ),
        "outcome": _outcome(header.net),
        "net": {"parts": _net(header), "total": money(header.net)},
        "tax": _tax(statement),
        "account": {"parts": _account(header), "total": money(header.closing_balance)},
        "flows": _flows(statement),
        "matrix": _matrix(statement),
        "rebates": [
            [
                str(row.rule_id),
                _kind(row.kind.label) + of_month(row.of_period, header.period),
                *map(money, (row.volume, row.fees, row.rebate)),
            ]
            for row in statement.rebates
        ],
        "liability": _liability(statement),
        "merchants": _merchants(detail.tally.merchants),
        "detail": _detail(statement, lines),
    }


def _last_day(header: StatementHeader) -> date:
    """The period ends before `ends_at`, which in an ordinary month is the first instant of the next."""
    return (header.ends_at - timedelta(microseconds=1)).astimezone(header.zone).date()


def _party(name: str, address: str | None, tax_number: str | None, code: str | None = None) -> dict[str, Any]:
    lines = (("代码 Code", code), ("地址 Address", address), ("税号 Tax number", tax_number))
    return {"name": plain(name), "lines": [[label, plain(text)] for label, text in lines if text]}


def _outcome(net: int) -> dict[str, str]:
    if net > 0:
        zh, en = "平台方应付贵方", "The hub pays you"
    elif net < 0:
        zh, en = "贵方应付平台方", "You pay the hub"
    else:
        zh, en = "无需付款", "Nothing to pay"
    return {"zh": zh, "en": en, "amount": money(abs(net))}


def _net(header: StatementHeader) -> Rows:
    """With the sign with which each enters the net."""
    return [
        ["交换应收", "Receivable from exchanges", signed(header.receivable)],
        ["交换应付", "Payable for exchanges", signed(-header.payable)],
        ["服务费（含税）", "Fees, VAT included", signed(-header.fees)],
        ["返还", "Rebates", signed(header.rebates)],
        ["调整", "Adjustments", signed(header.adjustments)],
        ["结转", "Carried forward", signed(header.carried_forward)],
    ]


def _tax(statement: Statement) -> Rows:
    fees, rate = statement.fees, percent(statement.header.vat_rate)
    return [
        ["服务费减返还", "Fees less rebates", money(fees.gross)],
        ["其中不含税", "of which without VAT", money(fees.net)],
        [f"其中税额 {rate}", "of which VAT", money(fees.vat)],
    ]


def _account(header: StatementHeader) -> Rows:
    """What adds up to the closing balance. What was carried forward is in the net, and was open before."""
    return [
        ["期初未结", "Opening balance", money(header.opening_balance)],
        ["期间付款", "Payments since", signed(header.payments)],
        ["本期净额", "Net of this period", signed(header.net)],
        ["减：已含结转", "Less carried forward in it", signed(-header.carried_forward)],
    ]


class _Flow(NamedTuple):
    name: str
    receivable: int
    payable: int

    @property
    def size(self) -> int:
        return abs(self.receivable) + abs(self.payable)


def _flows(statement: Statement) -> list[dict[str, Any]]:
    """A bar each way for each counterparty, the largest first. Lengths are ten-thousandths of the longest,
    below zero where more was taken back than came.
    """
    found: dict[str, _Flow] = {}
    for row in statement.matrix:
        if row.counterparty_id != HUB:
            code = statement.codes[row.counterparty_id]
            before = found.get(code, _Flow(code, 0, 0))
            found[code] = _Flow(code, before.receivable + row.receivable, before.payable + row.payable)
    flows = sorted((one for one in found.values() if one.size), key=lambda one: (-one.size, one.name))
    if len(flows) > BARS_MAX:
        rest = flows[BARS_MAX - 1 :]
        name = f"其他 {len(rest)} 家 Others"
        others = _Flow(name, sum(one.receivable for one in rest), sum(one.payable for one in rest))
        flows = [*flows[: BARS_MAX - 1], others]
    longest = max((abs(amount) for one in flows for amount in one[1:]), default=0) or 1
    return [
        {
            "name": bounded(one.name, 24),
            "receivable": money(one.receivable),
            "payable": money(one.payable),
            "incoming": one.receivable * 10_000 // longest,
            "outgoing": one.payable * 10_000 // longest,
        }
        for one in flows
    ]


def _matrix(statement: Statement) -> dict[str, Any]:
    rows = [
        [
            _code(statement.codes[row.counterparty_id]),
            _kind(row.kind.label),
            count(row.exchanges),
            count(row.points),
        ]
        + [money(amount) for amount in (row.amount, row.receivable, row.payable, row.fees)]
        for row in statement.matrix
    ]
    sums = _sums(statement.matrix, CounterpartyRow)
    return {"rows": rows, "total": ["合计 Total", "", *map(count, sums[:2]), *map(money, sums[2:])]}


def _merchants(found: Sequence[MerchantRow]) -> dict[str, Any]:
    rows = [
        [_code(row.merchant), _kind(row.kind), count(row.lines), count(row.exchanges), count(row.points)]
        + [money(amount) for amount in (row.amount, row.receivable, row.payable, row.fees)]
        for row in found
    ]
    sums = _sums(found, MerchantRow)
    return {"rows": rows, "total": ["合计 Total", "", *map(count, sums[:3]), *map(money, sums[3:])]}


def _sums(rows: Sequence[tuple[Any, ...]], kind: type[CounterpartyRow | MerchantRow]) -> list[int]:
    """Of every column but the first two."""
    return [sum(row[index] for row in rows) for index in range(2, len(kind._fields))]


def _code(code: str) -> str:
    """In the place that a table has for it beside its figures."""
    return bounded(code, 20)


def _liability(statement: Statement) -> dict[str, Any]:
    points, value = statement.points.movement, statement.stored_value.movement
    point_value, breakage = statement.header.point_value, statement.points.breakage
    in_points = {one.month: one.quantity for one in statement.points.months}
    in_value = {one.month: one.quantity for one in statement.stored_value.months}
    ends = sorted(in_points | in_value, key=lambda month: (month == NEVER, month))
    return {
        "parts": [
            ["期初负债", "Owed at the beginning", count(points.opening), money(value.opening)],
            ["发放、充值", "Issued, sold", count(points.issued), money(value.issued)],
            ["期初转入", "Brought in", count(points.opened), money(value.opened)],
            ["本系统使用", "Used at own", count(-points.used_own), money(-value.used_own)],
            ["他方使用", "Used elsewhere", count(-points.used_elsewhere), money(-value.used_elsewhere)],
            ["失效", "Expired (breakage)", count(-points.expired), money(-value.expired)],
            ["人工调整", "Adjusted by hand", count(points.adjusted), ""],
            ["欠分增减", "Arrears", count(points.arrears), ""],
        ],
        "points": count(points.closing),
        "stored_value": money(value.closing),
        "months": [
            [_month(month), count(in_points.get(month, 0)), money(in_value.get(month, 0))]
            for month in _at_most(ends)
        ]
        + _later(ends, in_points, in_value),
        "facts": [
            ["期末积分价值", "Value of closing points", money(worth(points.closing, point_value))],
            ["本期失效价值", "Breakage, value", money(worth(points.expired, point_value))],
            ["累计失效率", "Breakage to date", percent(breakage.rate)],
        ],
    }


_MONTHS_MAX = 14


def _at_most(ends: Sequence[int]) -> Sequence[int]:
    return ends if len(ends) <= _MONTHS_MAX else ends[: _MONTHS_MAX - 1]


def _later(ends: Sequence[int], points: dict[int, int], value: dict[int, int]) -> Rows:
    """The months for which there is no room, together."""
    rest = ends[len(_at_most(ends)) :]
    if not rest:
        return []
    sums = (sum(part.get(month, 0) for month in rest) for part in (points, value))
    in_points, in_value = sums
    return [["更晚及永不 later, never", count(in_points), money(in_value)]]


def _kind(label: str) -> str:
    return chinese_first(label, KINDS)


def _month(month: int) -> str:
    return "永不 never" if month == NEVER else period_name(month)


def _note(lines: int) -> str:
    if lines <= LINES_MAX:
        return f"共 {lines:,} 行。 {lines:,} lines."
    return (
        f"前 {LINES_MAX:,} 行，共 {lines:,} 行；全部见同号的 xlsx 与 csv 文件。"
        f" The first {LINES_MAX:,} of {lines:,} lines; all are in the xlsx and csv files of the same number."
    )


def _detail(statement: Statement, lines: Sequence[DetailLine]) -> dict[str, Any]:
    """The lines; with their totals, if they are all there."""
    header = statement.header
    owed = header.receivable - header.payable + header.adjustments
    total = ["", "合计 Total", *[""] * 9, money(owed), money(header.fees)]
    return {
        "note": _note(statement.lines),
        "rows": [_line(line) for line in lines],
        "total": total if len(lines) == statement.lines else None,
    }


def _line(line: DetailLine) -> list[str]:
    """Booked to the minute; the obligation with the sign it has for the reader. Beside the kind, whether it
    undoes something, and whether it belongs to a period before.
    """
    obligation = -line.obligation if line.direction == Direction.PAYABLE else line.obligation
    return [
        str(line.line),
        line.booked_at[:16].replace("T", " "),
        line.transaction,
        bounded(line.reference or "", 18),
        bounded(line.merchant or "", 20),
        _kind(line.kind) + (" 冲正" if line.reverses else "") + (" 前期" if line.prior_period else ""),
        bounded(line.issuer, 12),
        bounded(line.acceptor, 12),
        line.member,
        count(line.points),
        money(line.amount),
        money(obligation) if obligation else "",
        money(line.fee) if line.fee else "",
    ]
