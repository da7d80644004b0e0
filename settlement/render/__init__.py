"""A statement as files. All formats are made in one pass over one data set, line by line, in constant memory.

Making a statement again gives the same bytes: nothing in it depends on when or where it is made.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection

from settlement.query import StatementHeader
from settlement.render.beancount import BeancountFile
from settlement.render.csv_ import CsvSheet
from settlement.render.json_ import JsonDocument
from settlement.render.pdf import PdfDocument
from settlement.render.progress import reported
from settlement.render.sink import Apart, Sink
from settlement.render.xlsx import Workbook
from settlement.statement import Detail, Statement

#: Counts up when the same statement would be written in other bytes than before.
VERSION = 3

Progress = Callable[[int], None]
#: Told the name of a format that cannot be made, and why.
Failed = Callable[[str, Exception], None]


class Format(NamedTuple):
    """`extension` is also the name by which the format is asked for."""

    extension: str
    media_type: str
    begin: Callable[[Statement, BinaryIO], Sink]


FORMATS = {
    one.extension: one
    for one in (
        Format("json", "application/json", JsonDocument),
        Format("csv", "text/csv; charset=utf-8", CsvSheet),
        Format("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Workbook),
        Format("pdf", "application/pdf", PdfDocument),
        Format("beancount", "text/plain; charset=utf-8", BeancountFile),
    )
}


def render(
    connection: Connection,
    statement: Statement,
    files: Mapping[str, BinaryIO],
    progress: Progress | None = None,
    failed: Failed | None = None,
) -> None:
    """Write the statement to each of `files`, by the name of its format in FORMATS; none need be seekable.

    `progress` is called with the number of lines written since its last call. Raises KeyError for an
    unknown format and DoesNotTieOut (`settlement.statement`) if the lines are not what was settled; what
    has been written by then is no statement.

    With `failed`, a format that raises something else is given up and told, once, and the others go on; what
    has been written of it is no file. Without it, the fault is raised.
    """
    detail = Detail(connection, statement)
    with ExitStack() as ends:
        sinks: list[Sink] = [
            FORMATS[format_].begin(statement, out)
            if failed is None
            else Apart(partial(FORMATS[format_].begin, statement, out), partial(failed, format_))
            for format_, out in files.items()
        ]
        for sink in sinks:
            ends.callback(sink.close)
        for line, text in reported(detail, progress):
            for sink in sinks:
                sink.line(line, text)
        for sink in sinks:
            sink.end(detail)


def filename(header: StatementHeader, format_: str) -> str:
    """`2026-11-JADE-1.xlsx`"""
    return f"{header.number}.{FORMATS[format_].extension}"
