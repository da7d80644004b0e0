"""A statement as a workbook for people: one sheet for each part, money in yuan, totals that are formulas.

Texts are written as texts: an id stays an id and a formula stays harmless.
"""

from datetime import UTC
from typing import Any, BinaryIO

import xlsxwriter

from settlement.core.statement import DetailLine
from settlement.render.book import Book, filtered
from settlement.render.detail_columns import DETAIL
from settlement.render.labels import COLUMNS, english_first
from settlement.render.sheets import write_matrix, write_merchants, write_points, write_summary
from settlement.statement import Detail, Statement

#: A sheet holds 1,048,576 rows; what goes beyond continues on a sheet of its own.
LINES_PER_SHEET = 1_000_000
#: A few megabytes. Texts are then listed once in the workbook instead of standing in their cells.
LINES_IN_MEMORY = 1_000


class Workbook:
    def __init__(self, statement: Statement, out: BinaryIO) -> None:
        self._statement = statement
        # Many lines go to the disk as they come: kept in memory, a million would take gigabytes. Few are
        # spared the files, which take longer to make and remove than all the rest.
        mode = "constant_memory" if statement.lines > LINES_IN_MEMORY else "in_memory"
        self._workbook = xlsxwriter.Workbook(out, {mode: True})
        header = statement.header
        self._workbook.set_properties(
            {
                "title": f"Statement 对账单 {header.number}",
                "company": header.registered_name or header.participant_name,
                # The bytes must not depend on when they are made.
                "created": header.issued_at.astimezone(UTC).replace(tzinfo=None),
            }
        )
        self._book = Book(self._workbook)
        self._summary = self._book.sheet("Summary")
        self._matrix = self._book.sheet("Matrix")
        self._columns = [DETAIL[name] for name in DetailLine._fields]
        self._labels = [COLUMNS.get(name) for name in DetailLine._fields]
        self._details: list[_DetailSheet] = []
        self._more()
        self._points = self._book.sheet("Points")
        self._merchants = self._book.sheet("Merchants")

    def line(self, line: DetailLine, text: bytes) -> None:
        sheet = self._details[-1]
        if sheet.rows == LINES_PER_SHEET:
            sheet = self._more()
        sheet.rows += 1
        book, row = self._book, sheet.rows
        for index, value in enumerate(line):
            labels = self._labels[index]
            shown = value if labels is None else english_first(str(value), labels)
            book.cell(sheet.sheet, row, index, shown, self._columns[index].style)

    def end(self, detail: Detail) -> None:
        for one in self._details:
            filtered(one.sheet, one.rows, self._columns)
        write_matrix(self._book, self._matrix, self._statement)
        write_points(self._book, self._points, self._statement)
        write_merchants(self._book, self._merchants, detail.tally.merchants)
        ends = [(one.name, one.rows + 1) for one in self._details]
        write_summary(self._book, self._summary, self._statement, detail, ends)
        self._workbook.close()

    def close(self) -> None:
        """Only this removes XlsxWriter's temporary files."""
        if not self._workbook.fileclosed:
            self._workbook.close()

    def _more(self) -> "_DetailSheet":
        """The next sheet of lines: `Detail`, `Detail 2`, …"""
        name = f"Detail {len(self._details) + 1}" if self._details else "Detail"
        # All columns on one page could not be read; the line's number stands on each.
        sheet = self._book.sheet(name, pages=2)
        sheet.repeat_columns(0)
        self._book.head(sheet, self._columns)
        self._details.append(_DetailSheet(name, sheet))
        return self._details[-1]


class _DetailSheet:
    """`rows`: how many lines it has so far."""

    def __init__(self, name: str, sheet: Any) -> None:
        self.name = name
        self.sheet = sheet
        self.rows = 0
