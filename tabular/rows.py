"""Which lines of a CSV file are one row. A row that cannot be read is given up alone, and reading goes on.

A row is a line, unless a quote that is opened in it is closed in a later one: what stands between quotes is
one cell, whatever it looks like. A quote that is not closed within `LINES_MAX` lines and `CHARACTERS_MAX`
characters, or behind which no delimiter follows, was not meant as one: its line alone cannot be read, and the
next row begins with the next line. So a stray quote costs one row, and none of those that come after it.
"""

import csv
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, TextIO

#: A row has at most so many characters, which is also the most that the csv module takes in one cell.
CHARACTERS_MAX = 131_072
#: A cell between quotes goes over at most so many lines.
LINES_MAX = 50
#: What cells are divided by: the first of these that is in the first line. Spreadsheets save tabs as "Unicode
#: text", and semicolons where the comma is for decimals.
DELIMITERS = (",", "\t", ";")
#: What is kept of a row that is longer.
CHARACTERS_KEPT = 1000


class TextLine(NamedTuple):
    """A line with its end and its number, from 1; or the beginning of one with the `fault` of its length."""

    number: int
    text: str
    fault: str | None = None


class Record(NamedTuple):
    """A row with its cells, or with the `fault` for which it has none.

    `line` is the number of its first line in the file, from 1; `text` the row as it stands there, without its
    line end, or the beginning of one that is too long.
    """

    line: int
    text: str
    cells: list[str]
    fault: str | None = None


class Lines:
    """The lines of a text, each with its number; any may be taken back to be read again.

    No more than `CHARACTERS_MAX` characters of a line are in memory; what is beyond them is passed over.
    """

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._again: deque[TextLine] = deque()
        self._number = 0

    def take(self) -> TextLine | None:
        """The next line; None at the end of the text."""
        if self._again:
            return self._again.popleft()
        text = self._text.readline(CHARACTERS_MAX + 1)
        if not text:
            return None
        self._number += 1
        if len(text) <= CHARACTERS_MAX:
            return TextLine(self._number, text)
        more = text
        while len(more) > CHARACTERS_MAX and more[-1] not in "\r\n":
            more = self._text.readline(CHARACTERS_MAX + 1)
        return TextLine(self._number, text[:CHARACTERS_KEPT] + "…", _too_long(self._number))

    def take_back(self, lines: list[TextLine]) -> None:
        self._again.extendleft(reversed(lines))


def read_records(text: TextIO, delimiter: str | None = None) -> Iterator[Record]:
    """The rows of a CSV file, opened with newline="". Lines with nothing in them are no rows.

    `delimiter`: one of DELIMITERS; None for the one that the first line tells.
    """
    lines = Lines(text)
    while (line := lines.take()) is not None:
        bare = line.text.rstrip("\r\n")
        if not bare:
            continue
        if delimiter is None:
            delimiter = next((one for one in DELIMITERS if one in bare), DELIMITERS[0])
        if line.fault is not None:
            yield Record(line.number, bare, [], line.fault)
        elif '"' not in bare:
            yield Record(line.number, bare, bare.split(delimiter))
        else:
            yield _quoted(lines, line, delimiter)


def _too_long(line: int) -> str:
    return f"Line {line} has more than {CHARACTERS_MAX} characters."


def _quoted(lines: Lines, first: TextLine, delimiter: str) -> Record:
    """The row that begins with a line in which there are quotes."""
    more: list[TextLine] = []

    def feed() -> Iterator[str]:
        yield first.text
        characters = len(first.text)
        while len(more) < LINES_MAX - 1 and (line := lines.take()) is not None:
            more.append(line)
            characters += len(line.text)
            if line.fault is not None or characters > CHARACTERS_MAX:
                return
            yield line.text

    try:
        cells = next(csv.reader(feed(), delimiter=delimiter, strict=True))
    except csv.Error:
        lines.take_back(more)
        return Record(first.number, first.text.rstrip("\r\n"), [], _stray_quote(first.number))
    text = "".join(line.text for line in (first, *more)).rstrip("\r\n")
    if any(_is_a_row(line.text, len(cells), delimiter) for line in more):
        # Posted, it would be one row with the quantity of the first, and the others would be lost.
        return Record(first.number, text, [], _swallowed(first.number, more[-1].number))
    return Record(first.number, text, cells)


def _is_a_row(line: str, cells: int, delimiter: str) -> bool:
    """Whether a line that stands between quotes looks like a row of its own."""
    return cells > 1 and '"' not in line and line.count(delimiter) == cells - 1


def _stray_quote(line: int) -> str:
    return (
        f"Line {line} has a quotation mark that does not belong there, or that is not closed. Take it out, or"
        " write the cell between quotation marks and each one in it twice."
    )


def _swallowed(first: int, last: int) -> str:
    return (
        f"A quotation mark opened in line {first} is closed in line {last} only, and between them are lines"
        " that look like rows. Take the quotation mark out and send these rows again."
    )
