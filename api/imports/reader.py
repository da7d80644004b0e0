"""Reading CSV and NDJSON as a stream of rows, in constant memory."""

import csv
from collections.abc import Callable, Iterator
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

from clearing.json_text import read_row

#: Columns of our own list of refused rows: a corrected list can be sent back as it is.
IGNORED_COLUMNS = frozenset({"row", "code", "detail", "field"})

LINE_CHARACTERS_MAX = 1_000_000


class Unreadable(Exception):
    """The file as a whole is not what it should be; the message says where and what to do."""


class Row(NamedTuple):
    """`number` counts data rows from 1. `fault` says why the row could not be read, where it could not."""

    number: int
    content: dict[str, Any]
    fault: str | None = None


class Rows:
    """The rows of one file. `bytes_read` tells how far the reading has come."""

    def __init__(
        self, path: Path, media_type: str, columns: frozenset[str], required: frozenset[str]
    ) -> None:
        self._path = path
        self._read: Callable[[TextIOWrapper], Iterator[Row]]
        self._read = self._ndjson if "json" in media_type else self._csv
        self._columns = columns
        self._required = required
        self._file: BufferedReader | None = None

    @property
    def bytes_read(self) -> int:
        return self._file.tell() if self._file is not None and not self._file.closed else 0

    def __iter__(self) -> Iterator[Row]:
        """Raises Unreadable when nothing more can be made of the file."""
        with self._path.open("rb") as self._file:
            # A byte that is not UTF-8 is kept as a broken character: its row is refused, not the file.
            text = TextIOWrapper(self._file, encoding="utf-8-sig", errors="surrogateescape", newline="")
            yield from self._read(text)

    def _csv(self, text: TextIOWrapper) -> Iterator[Row]:
        lines = csv.reader(text, strict=True)
        try:
            header = next(lines, None)
            if header is None:
                raise Unreadable("The file is empty; its first line must name the columns.")
            names = self._check_header([name.strip() for name in header])
            number = 0
            for cells in lines:
                if not cells:
                    continue
                number += 1
                yield _csv_row(number, names, cells)
        except csv.Error as error:
            raise Unreadable(
                f"Line {lines.line_num} is not CSV ({error}). The rows before it are done; mend the file and"
                " send it again."
            ) from error

    def _check_header(self, names: list[str]) -> list[str]:
        known = self._columns | IGNORED_COLUMNS
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
        number = 0
        while line := text.readline(LINE_CHARACTERS_MAX):
            if not line.strip():
                continue
            number += 1
            if len(line) == LINE_CHARACTERS_MAX:
                raise Unreadable(f"Row {number} is longer than {LINE_CHARACTERS_MAX} characters.")
            try:
                content = read_row(line)
            except (ValueError, RecursionError) as error:
                yield Row(number, {"line": line.strip()[:1000]}, f"The line is not JSON: {error}")
                continue
            if not isinstance(content, dict):
                yield Row(number, {"line": line.strip()[:1000]}, "The line must be a JSON object.")
                continue
            yield Row(number, {name: value for name, value in content.items() if name not in IGNORED_COLUMNS})


def _csv_row(number: int, names: list[str], cells: list[str]) -> Row:
    content = {
        name: cell.strip()
        for name, cell in zip(names, cells, strict=False)
        if cell.strip() and name not in IGNORED_COLUMNS
    }
    if len(cells) > len(names):
        return Row(number, content, f"The row has {len(cells)} cells and the first line names {len(names)}.")
    return Row(number, content)
