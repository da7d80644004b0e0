"""The lines of a statement as CSV: UTF-8 with a byte order mark, money in fen.

The names of the columns are those of the JSON. A text that a spreadsheet would take for a formula gets an
apostrophe in front of it.
"""

import csv
import io
from collections.abc import Callable
from typing import BinaryIO

from sqlalchemy import Connection

from settlement.core.statement import DetailLine
from settlement.render.progress import reported
from settlement.statement import Detail, Statement

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(
    connection: Connection, statement: Statement, out: BinaryIO, progress: Callable[[int], None] | None
) -> None:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
    try:
        text.write(BOM)
        rows = csv.writer(text)
        rows.writerow(DetailLine._fields)
        for line in reported(Detail(connection, statement), progress):
            rows.writerow([_cell(value) for value in line])
    finally:
        text.detach()  # flushes, and leaves `out` open to its owner


def _cell(value: str | int | bool | None) -> str | int:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
