"""Where an import stopped that an earlier version began: that version counted rows, and in another way.

Rows of nothing but commas were rows to it, a cell went over as many lines as it liked, and what costs one row
now ended the file. So its rows are counted once more in its own way. What begins behind the line at which
they end was not looked at, and is read in the way of now: no row is posted twice or passed over, and what the
earlier version counted stays counted.
"""

import csv
import io
from itertools import islice
from pathlib import Path


def line_reached(path: Path, media_type: str, rows: int) -> int:
    """The number of the last line, from 1, of as many rows as an earlier version had done."""
    with path.open("rb") as file:
        text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
        if "json" in media_type:
            numbers = (number for number, line in enumerate(text, 1) if line.strip())
            return next(islice(numbers, rows - 1, None))
        records = csv.reader(text, strict=True)
        next(records)
        next(islice(filter(None, records), rows - 1, None))
        return records.line_num
