"""Bank statements as CSV, read: where the heading is, what stands above it, and what each row says.

Nothing is looked up and nothing recorded here. What is no transfer, or could mean several things, is listed.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from clearing.core.texts import seen
from settlement.core.balance import PaymentDirection
from settlement.core.bank_cells import (
    Unreadable,
    is_yuan,
    read_amount,
    read_day,
    read_kind,
    read_reference,
    read_sides,
    read_sign,
)
from settlement.core.bank_columns import Columns, Faulty, Role, is_total, read_heading, readable
from settlement.judging import out_of_bounds, rounded
from tabular.cells import unguarded
from tabular.rows import DELIMITERS, read_records

#: As rows are listed; by which names files have them is in `settlement.core.bank_columns`.
COLUMNS = ("bank_reference", "paid_on", "amount_yuan", "text")
#: The heading is among so many lines: banks set titles and the account above it.
HEADING_WITHIN = 60

BEFORE_HEADING = "before_heading"
TOTAL_ROW = "total_row"
MALFORMED = "malformed"


class NotABankFile(ValueError):
    """It cannot be read as CSV, or lacks columns; says what to do."""


class Source(NamedTuple):
    """A row as it stands in the file. `row` counts from 1 below the heading and is 0 above it.

    One that cannot be divided into cells has a `fault`, and is a single cell.
    """

    row: int
    line: int
    cells: Sequence[str]
    fault: str | None = None


class Line(NamedTuple):
    """What a row says: `amount` in fen, below zero if it was paid out; `text` is the remittance text."""

    source: Source
    bank_reference: str
    paid_at: datetime
    amount: int
    text: str


class Unmatched(NamedTuple):
    """A row not put on record, and why. `content`: its cells by COLUMNS."""

    row: int
    line: int
    code: str
    detail: str
    content: Mapping[str, str]


class Sheet(NamedTuple):
    """`above`: the lines above the heading, `rows`: those below it, with something in them."""

    columns: Columns
    above: Sequence[Source]
    rows: Sequence[Source]

    def listed(self, source: Source, code: str, detail: str) -> Unmatched:
        if source.row and source.fault is None:
            content = _content(source.cells, self.columns)
        else:
            text = " ".join(cell.strip() for cell in source.cells if cell.strip())
            content = dict.fromkeys(COLUMNS, "") | {"text": text}
        return Unmatched(source.row, source.line, code, detail, content)

    def titles(self) -> list[Unmatched]:
        """The lines above the heading."""
        detail = "It stands above the heading, so it was not read. Nothing is to be done if it is a title."
        return [self.listed(one, BEFORE_HEADING, detail) for one in self.above]

    def said(self, source: Source, zone: ZoneInfo) -> Line | Unmatched:
        """What a row says, or why it is listed."""
        if source.fault is not None:
            return self.listed(source, MALFORMED, source.fault)
        cells, width = list(source.cells), self.columns.width
        content = _content(cells, self.columns)
        if is_total(content["bank_reference"]) or (
            any(map(is_total, cells)) and not _is_day(content["paid_on"], zone)
        ):
            detail = "It is a total of the bank's and no transfer; nothing is to be done."
            return self.listed(source, TOTAL_ROW, detail)
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            detail = f"The row has {len(cells)} cells and the heading names {width}; mend the row."
            return self.listed(source, MALFORMED, detail)
        try:
            reference = read_reference(content["bank_reference"])
            refusal = rounded(reference)
            if refusal is None:
                paid_at = read_day(content["paid_on"], zone)
                refusal = out_of_bounds(paid_at)
            if refusal is not None:
                return self.listed(source, refusal.code.value, refusal.detail)
            return Line(source, reference, paid_at, _amount(cells, self.columns), seen(content["text"]))
        except Unreadable as error:
            return self.listed(source, MALFORMED, str(error))


def read_sheet(text: str, rows_max: int) -> Sheet:
    """All lines with something in them, sorted out. Raises NotABankFile."""
    if not text.strip():
        raise NotABankFile("The file is empty; its first line must name the columns.")
    faults: list[Faulty] = []
    for delimiter in DELIMITERS:
        lines = list(_lines(text, delimiter, rows_max))
        for place, one in enumerate(lines[:HEADING_WITHIN]):
            columns = read_heading(one.cells)
            if isinstance(columns, Faulty):
                faults.append(columns)
                continue
            rows = [row._replace(row=number) for number, row in enumerate(lines[place + 1 :], 1)]
            if len(rows) > rows_max:
                raise NotABankFile(_too_long(rows_max))
            return Sheet(columns, lines[:place], rows)
    raise NotABankFile(_no_heading(faults))


def _lines(text: str, delimiter: str, rows_max: int) -> Iterator[Source]:
    found = 0
    for record in read_records(io.StringIO(text, newline=""), delimiter):
        cells = [unguarded(cell.strip()) for cell in record.cells] if record.fault is None else [record.text]
        if not any(cell.strip() for cell in cells):
            continue
        found += 1
        if found > rows_max + HEADING_WITHIN:
            raise NotABankFile(_too_long(rows_max))
        yield Source(0, record.line, cells, record.fault)


def _too_long(rows_max: int) -> str:
    return f"A bank file has at most {rows_max} rows; split it."


def _no_heading(faults: Sequence[Faulty]) -> str:
    twice = next((one.twice for one in faults if one.twice), None)
    if twice is not None:
        return f"{twice}. Leave one of them, and send the file again; nothing was recorded."
    best = max(faults, key=lambda one: one.found, default=None)
    missing = ", ".join(best.missing if best is not None and best.found else COLUMNS)
    return (
        f"The first line must name the columns {', '.join(COLUMNS)}. Missing: {missing}. Names of banks"
        " will do, such as 交易流水号, 交易日期, 借方发生额, 贷方发生额 and 摘要."
    )


def _of(role: Role, cells: Sequence[str], columns: Columns) -> list[str]:
    """What a row has in the columns of a role, without what is empty."""
    found = [cells[place].strip() for place in columns.places.get(role, ()) if place < len(cells)]
    return [cell for cell in found if cell]


def _content(cells: Sequence[str], columns: Columns) -> dict[str, str]:
    """The cells of a row by our columns, as they stand there; several texts one after another."""
    debit, credit = _of(Role.DEBIT, cells, columns), _of(Role.CREDIT, cells, columns)
    sides = " ".join([*(f"-{cell}" for cell in debit), *credit])
    return {
        "bank_reference": "".join(_of(Role.REFERENCE, cells, columns)),
        "paid_on": "".join(_of(Role.DATE, cells, columns)),
        "amount_yuan": "".join(_of(Role.AMOUNT, cells, columns)) or sides,
        "text": "; ".join(dict.fromkeys(_of(Role.TEXT, cells, columns))),
    }


def _amount(cells: Sequence[str], columns: Columns) -> int:
    """Fen, signed as `Line.amount`. Raises Unreadable."""

    def cell(role: Role) -> str:
        return "".join(_of(role, cells, columns))

    if not is_yuan(cell(Role.CURRENCY)):
        raise Unreadable(
            f"It is in {readable(cell(Role.CURRENCY))!r}, and nets are in yuan; record it by hand."
        )
    by_side = Role.DEBIT in columns.places
    fen = read_sides(cell(Role.DEBIT), cell(Role.CREDIT)) if by_side else read_amount(cell(Role.AMOUNT))
    signed = by_side or fen < 0
    if Role.SIGN in columns.places:
        direction, agrees = read_sign(cell(Role.SIGN)), by_side
    elif (kind := read_kind(cell(Role.KIND))) is not None:
        direction, agrees = kind, True
    else:
        return fen
    out = direction is PaymentDirection.OUT
    if signed and not (agrees and out == (fen < 0)):
        raise Unreadable(
            "The amount and the column of debit or credit do not say the same; look at the bank's statement."
        )
    return -abs(fen) if out else fen


def _is_day(cell: str, zone: ZoneInfo) -> bool:
    try:
        read_day(cell, zone)
    except Unreadable:
        return False
    return True
