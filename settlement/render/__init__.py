"""A statement as a file. All formats are made from the one data set, line by line, in constant memory.

Making a statement again gives the same bytes: nothing in it depends on when or where it is made.
"""

from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection

from settlement.render import csv_, json_, xlsx
from settlement.statement import Statement

Progress = Callable[[int], None]
Renderer = Callable[[Connection, Statement, BinaryIO, Progress | None], None]


class Format(NamedTuple):
    """`extension` is also the name by which the format is asked for."""

    extension: str
    media_type: str
    renderer: Renderer


FORMATS = {
    one.extension: one
    for one in (
        Format("json", "application/json", json_.render),
        Format("csv", "text/csv; charset=utf-8", csv_.render),
        Format("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsx.render),
    )
}


def render(
    format_: str,
    connection: Connection,
    statement: Statement,
    out: BinaryIO,
    progress: Progress | None = None,
) -> None:
    """Write the statement to `out`, which need not be seekable, in one of FORMATS.

    `progress` is called with the number of lines written since its last call. Raises KeyError for an
    unknown format and DoesNotTieOut (`settlement.statement`) if the lines are not what was settled; what
    has been written by then is no statement.
    """
    FORMATS[format_].renderer(connection, statement, out, progress)


def filename(statement: Statement, format_: str) -> str:
    """`2026-11-JADE-1.xlsx`"""
    return f"{statement.header.number}.{FORMATS[format_].extension}"
