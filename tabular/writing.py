"""CSV that spreadsheets open as it is meant, and programs read as well."""

import csv
import io
from collections.abc import Iterable, Iterator

from tabular.cells import neutralised

#: Without it a spreadsheet takes UTF-8 for the encoding of the country it was made for.
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def csv_lines(rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The file in pieces, a row each; the byte order mark comes with the first."""
    text = io.StringIO()
    writer = csv.writer(text)
    text.write(BYTE_ORDER_MARK)
    for row in rows:
        writer.writerow(map(neutralised, row))
        yield text.getvalue()
        text.seek(0)
        text.truncate()
