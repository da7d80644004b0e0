"""The workbook's styles, and how values become cells: money as yuan, ids as text, totals as formulas."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from unicodedata import east_asian_width

Cell = str | int | bool | None

_NUMBERS = {"text": "@", "count": "#,##0", "money": "#,##0.00"}
#: The height of a row with one line of text, in points.
_LINE_HEIGHT = 16


class Column(NamedTuple):
    """`style`: text, count, or money given in fen."""

    heading: str
    width: int
    style: str = "text"


class Book:
    """A workbook of XlsxWriter's (which has no types) and the styles of its cells."""

    def __init__(self, workbook: Any) -> None:
        self.workbook = workbook
        head = {"bold": True, "bottom": 1, "bg_color": "#E8EEF4"}
        #: By whether what stands below is a number.
        self.headings = {
            False: workbook.add_format(head),
            True: workbook.add_format(head | {"align": "right"}),
        }
        self.label = workbook.add_format({"bold": True})
        self.label_above = workbook.add_format({"bold": True, "valign": "top"})
        self.title = workbook.add_format({"bold": True, "font_size": 14})
        self.wrapped = workbook.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        self.rate = workbook.add_format({"num_format": "@", "align": "right"})
        self.styles = {
            name: workbook.add_format({"num_format": format_}) for name, format_ in _NUMBERS.items()
        }
        self.totals = {
            name: workbook.add_format({"bold": True, "top": 1, "num_format": format_})
            for name, format_ in _NUMBERS.items()
        }

    def sheet(self, name: str, pages: int = 1) -> Any:
        """A new sheet that prints on A4 across, its columns on one page, or on so many side by side."""
        sheet = self.workbook.add_worksheet(name)
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.fit_to_pages(pages, 0)
        sheet.set_footer("&L&F  &A&R&P / &N")
        return sheet

    def head(self, sheet: Any, columns: Sequence[Column]) -> None:
        for index, column in enumerate(columns):
            sheet.set_column(index, index, column.width)
            self.heading(sheet, 0, index, column)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)

    def heading(self, sheet: Any, row: int, index: int, column: Column) -> None:
        sheet.write_string(row, index, column.heading, self.headings[column.style != "text"])

    def cell(self, sheet: Any, row: int, column: int, value: Cell, style: str) -> None:
        """One value: a text as text, money given in fen as yuan, nothing for None."""
        if value is None:
            return
        if isinstance(value, bool):
            value = "yes 是" if value else "no 否"
        if isinstance(value, str):
            sheet.write_string(row, column, value, self.styles["text"])
        else:
            sheet.write_number(row, column, number(value, style), self.styles[style])

    def row(self, sheet: Any, row: int, columns: Sequence[Column], values: Sequence[Cell]) -> None:
        for index, value in enumerate(values):
            self.cell(sheet, row, index, value, columns[index].style)

    def fact(self, sheet: Any, row: int, columns: Sequence[Column], label: str, text: str) -> None:
        """A label, and a text over all the other columns, on as many lines as it takes.

        A row that holds joined cells does not find its height by itself.
        """
        width = sum(column.width for column in columns[1:])
        lines = -(-_printed_width(text) // width)
        if lines <= 1:
            sheet.write_string(row, 0, label, self.label)
            sheet.write_string(row, 1, text, self.styles["text"])
            return
        sheet.set_row(row, lines * _LINE_HEIGHT)
        sheet.write_string(row, 0, label, self.label_above)
        sheet.merge_range(row, 1, row, len(columns) - 1, "", self.wrapped)
        sheet.write_string(row, 1, text, self.wrapped)

    def total(
        self, sheet: Any, row: int, columns: Sequence[Column], sums: Mapping[int, int], first: int = 1
    ) -> None:
        """SUM formulas under the rows `first` to `row` - 1 (from 0), each with the value it must have."""
        for index, column in enumerate(columns):
            if index not in sums:
                sheet.write_string(row, index, "Total 合计" if index == 0 else "", self.totals["text"])
                continue
            letter = column_letter(index)
            formula = f"=SUM({letter}{first + 1}:{letter}{row})" if row > first else "=0"
            value = number(sums[index], column.style)
            sheet.write_formula(row, index, formula, self.totals[column.style], value)


def number(value: int, style: str) -> int | Decimal:
    """What is written as the cell's number. Yuan is a decimal with two places, written digit by digit.

    A workbook keeps numbers as doubles; up to 90 trillion yuan the nearest double shows the same fen.
    """
    return Decimal(value).scaleb(-2) if style == "money" else value


def _printed_width(text: str) -> int:
    """In the widths of a figure; a Chinese character takes two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def column_letter(index: int) -> str:
    return chr(ord("A") + index)


def filtered(sheet: Any, last_row: int, columns: Sequence[Column]) -> None:
    sheet.autofilter(0, 0, last_row, len(columns) - 1)
