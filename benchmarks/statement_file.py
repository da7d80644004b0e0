"""`python -m benchmarks.statement_file URL STATEMENT FORMAT ours|bare FILE`: writes one file and tells about
it.

Prints `{"lines": …, "seconds": …, "peak_mb": …}`. A process of its own, so that its memory is that of the
work. `bare` is what nobody can do without: the same values, read beforehand, written by the library alone.
"""

import csv
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import xlsxwriter
from sqlalchemy import Connection

from database import make_engine
from settlement.core.statement import DetailLine
from settlement.render import render
from settlement.statement import Detail, Statement, open_statement


def main(url: str, statement_id: str, format_: str, who: str, file: str) -> None:
    engine = make_engine(url, pool_size=1, application_name="benchmarks")
    with engine.connect() as connection:
        statement = open_statement(connection, statement_id)
        assert statement is not None, statement_id
        write = _ours(connection, statement) if who == "ours" else _bare(connection, statement)
        began = time.perf_counter()
        write(format_, Path(file))
        seconds = time.perf_counter() - began
    engine.dispose()
    print(json.dumps({"lines": statement.lines, "seconds": seconds, "peak_mb": _peak_mb()}))


def _peak_mb() -> float:
    """Of this program alone: what getrusage tells begins with the memory of the process that started it."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None, "not on Linux"
    return int(found[1]) / 1024


def _ours(connection: Connection, statement: Statement) -> Callable[[str, Path], None]:
    def write(format_: str, path: Path) -> None:
        with path.open("wb") as out:
            render(connection, statement, {format_: out})

    return write


def _bare(connection: Connection, statement: Statement) -> Callable[[str, Path], None]:
    lines = [line for line, _ in Detail(connection, statement)]
    # Writing takes longer than a transaction may be idle.
    connection.rollback()

    def write(format_: str, path: Path) -> None:
        (_bare_xlsx if format_ == "xlsx" else _bare_csv)(lines, path)

    return write


def _bare_csv(lines: Sequence[DetailLine], path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(DetailLine._fields)
        rows.writerows(lines)


def _bare_xlsx(lines: Sequence[DetailLine], path: Path) -> None:
    """Each value by the method of its type, with one of two formats."""
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as workbook:
        text = workbook.add_format({"num_format": "@"})
        number = workbook.add_format({"num_format": "#,##0"})
        sheet = workbook.add_worksheet()
        for row, line in enumerate(lines):
            for column, value in enumerate(line):
                if isinstance(value, bool):
                    sheet.write_boolean(row, column, value)
                elif isinstance(value, int):
                    sheet.write_number(row, column, value, number)
                elif value is not None:
                    sheet.write_string(row, column, value, text)


if __name__ == "__main__":
    main(*sys.argv[1:])
