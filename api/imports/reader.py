"""Reading CSV and NDJSON as a stream of rows, in constant memory.

A row that cannot be read comes with its `fault`, and reading goes on behind it: see `tabular.rows`.
"""

import json
from collections.abc import Callable, Iterator
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

from clearing.core.texts import seen
from clearing.json_text import read_row
from tabular.cells import is_shortened, may_be_guarded, may_be_shortened, restored, unguarded
from tabular.encoding import Encoding, open_text
from tabular.rows import Lines, Record, read_records

#: Columns of our own list of refused rows: a corrected list can be sent back as it is.
IGNORED_COLUMNS = frozenset({"row", "code", "detail", "field"})
#: Where that list keeps, as it was sent, what could not be divided into columns.
LINE = "line"

BROKEN = "\N{REPLACEMENT CHARACTER}"


class Unreadable(Exception):
    """The file as a whole is not what it should be; the message says where and what to do."""


class Row(NamedTuple):
    """`number` counts data rows from 1; `line` is the line of the file, from 1, in which the row begins.

    `fault` says why the row could not be read, and in which `field`.
    """

    number: int
    line: int
    content: dict[str, Any]
    fault: str | None = None
    field: str | None = None


class Rows:
    """The rows of one file. `bytes_read` tells how far the reading has come."""

    def __init__(
        self,
        path: Path,
        media_type: str,
        encoding: Encoding,
        columns: frozenset[str],
        required: frozenset[str],
    ) -> None:
        self._path = path
        self._encoding = encoding
        self._read: Callable[[TextIOWrapper], Iterator[Row]]
        self._read = self._ndjson if "json" in media_type else self._csv
        self._columns = columns
        self._required = required
        self._file: BufferedReader | None = None

    @property
    def bytes_read(self) -> int:
        return self._file.tell() if self._file is not None and not self._file.closed else 0

    def __iter__(self) -> Iterator[Row]:
        """Raises Unreadable, before the first row, when nothing can be made of the file."""
        with self._path.open("rb") as self._file:
            yield from self._read(open_text(self._file, self._encoding))

    def _csv(self, text: TextIOWrapper) -> Iterator[Row]:
        records = read_records(text)
        header = next(records, None)
        if header is None:
            raise Unreadable("The file is empty; its first line must name the columns.")
        if header.fault is not None:
            raise Unreadable(f"The first line must name the columns. {header.fault}")
        names = [seen(name) for name in header.cells]
        # A spreadsheet ends the line with commas where columns to the right were used once.
        named = max((place for place, name in enumerate(names, 1) if name), default=len(names))
        columns = _Columns(self._check_header(names[:named]), len(names) - named, self._encoding)
        # A row without content has its number nevertheless: rows without a key are known by theirs.
        for number, record in enumerate(records, 1):
            row = columns.row(number, record)
            if row is not None:
                yield row

    def _check_header(self, names: list[str]) -> list[str]:
        known = self._columns | IGNORED_COLUMNS | {LINE}
        unknown = [name for name in names if name not in known]
        missing = sorted(self._required - set(names))
        twice = sorted({name for name in names if names.count(name) > 1})
        if unknown or missing or twice:
            faults = [
                f"{what} {', '.join(map(repr, which))}"
                for what, which in (("unknown:", unknown), ("missing:", missing), ("named twice:", twice))
                if which
            ]
            raise Unreadable(
                f"The first line must name the columns. {'; '.join(faults)[:500]}."
                f" Known columns: {', '.join(sorted(self._columns))}."
            )
        return names

    def _ndjson(self, text: TextIOWrapper) -> Iterator[Row]:
        lines, number = Lines(text), 0
        while (taken := lines.take()) is not None:
            line = taken.text
            if not line.strip():
                continue
            number += 1
            if taken.fault is not None:
                yield Row(number, taken.number, {LINE: line}, taken.fault)
                continue
            try:
                content = read_row(line)
            except (ValueError, RecursionError) as error:
                yield Row(number, taken.number, {LINE: line.strip()}, f"The line is not JSON: {_why(error)}")
                continue
            if not isinstance(content, dict):
                yield Row(number, taken.number, {LINE: line.strip()}, "The line must be a JSON object.")
                continue
            content = {name: value for name, value in content.items() if name not in IGNORED_COLUMNS}
            if not self._encoding.clean and BROKEN in line:
                field = next((name for name, value in content.items() if BROKEN in f"{name}{value}"), None)
                yield Row(number, taken.number, content, _broken(self._encoding), field)
                continue
            yield Row(number, taken.number, content)


class _Columns:
    """The columns of a CSV file: `names` in their order, and how many without a name stand behind them."""

    def __init__(self, names: list[str], unnamed: int, encoding: Encoding) -> None:
        self._names = names
        self._width_max = len(names) + unnamed
        self._encoding = encoding
        self._ignored = IGNORED_COLUMNS.intersection(names)
        self._is_list = self._ignored == IGNORED_COLUMNS
        # What was broken in a file is U+FFFD in our list of its rows, which is itself clean.
        self._may_be_broken = self._is_list or not encoding.clean

    def row(self, number: int, record: Record) -> Row | None:
        """The row of a record; None if there is nothing in it but commas."""
        if record.fault is not None:
            return Row(number, record.line, {LINE: record.text}, record.fault)
        cells, names, text = record.cells, self._names, record.text
        content = {name: value for name, cell in zip(names, cells, strict=False) if (value := cell.strip())}
        if self._ignored:
            content = {name: value for name, value in content.items() if name not in self._ignored}
        if not content and not any(map(str.strip, cells)):
            return None
        if len(cells) != len(names) and not self._fits(cells):
            return Row(number, record.line, {LINE: text}, _misfit(record.line, len(cells), len(names)))
        if may_be_guarded(text):
            content = {name: value for name, cell in content.items() if (value := unguarded(cell))}
        if self._is_list:
            content = {name: restored(cell) for name, cell in content.items()}
        line = content.pop(LINE, None)
        if line is not None and not content:
            return Row(
                number,
                record.line,
                {LINE: line},
                "Write what stands in the column line into the others.",
                LINE,
            )
        if self._may_be_broken and BROKEN in text:
            field = next((name for name, cell in content.items() if BROKEN in cell), None)
            return Row(number, record.line, content, _broken(self._encoding), field)
        if may_be_shortened(text):
            field = next((name for name, cell in content.items() if is_shortened(cell)), None)
            if field is not None:
                return Row(number, record.line, content, _shortened(content[field]), field)
        return Row(number, record.line, content)

    def _fits(self, cells: list[str]) -> bool:
        """Whether a row has a cell for each column, and nothing under those without a name."""
        width = len(self._names)
        return width < len(cells) <= self._width_max and not any(map(str.strip, cells[width:]))


def _why(error: Exception) -> str:
    """What is wrong with a line; the reader of JSON would count lines within it."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, at character {error.pos + 1} of it."
    return "It is nested too deeply." if isinstance(error, RecursionError) else f"{error}."


def _misfit(line: int, cells: int, names: int) -> str:
    return (
        f"Line {line} has {cells} cells and the first line names {names} columns. Write each value under its"
        " column; an empty one keeps its place between two separators."
    )


def _broken(encoding: Encoding) -> str:
    return (
        f"The row has a character that cannot be read as {encoding.name}. Write it anew and save the file as"
        " CSV UTF-8."
    )


def _shortened(cell: str) -> str:
    return (
        f"A spreadsheet has shortened a number to {cell}; its digits are lost. Make the column text, and put"
        " in the numbers again."
    )
