"""The lines of a statement as CSV: UTF-8 with a byte order mark, money in fen.

The names of the columns are those of the JSON. A text that a spreadsheet would take for a formula gets an
apostrophe in front of it.
"""

from typing import BinaryIO

from settlement.core.statement import DetailLine
from settlement.statement import Detail, Statement

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
#: Lines that are written at once.
_PORTION = 1_000


class CsvSheet:
    """Each line comes as the text that is also hashed."""

    def __init__(self, statement: Statement, out: BinaryIO) -> None:
        self._out = out
        self._waiting = [f"{BOM}{','.join(DetailLine._fields)}\r\n".encode()]

    def line(self, line: DetailLine, text: bytes) -> None:
        self._waiting.append(text)
        if len(self._waiting) >= _PORTION:
            self._write()

    def end(self, detail: Detail) -> None:
        self._write()

    def close(self) -> None:
        """`out` is its owner's to close."""

    def _write(self) -> None:
        self._out.write(b"".join(self._waiting))
        self._waiting.clear()
