"""The list of refused rows as CSV: each as it was sent, with what is wrong. Mended, it can be sent back.

What cannot be shown in the columns, such as a row with a cell too few, stands in the column `line` as it was
sent; it is refused again until somebody has written it into the columns.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from api.imports import store
from api.imports.kinds import KINDS
from api.imports.reader import IGNORED_COLUMNS, LINE
from tabular.writing import csv_lines

PERSONAL = frozenset({"name", "phone"})
HEAD = ("row", "code", "detail", "field")
assert set(HEAD) == IGNORED_COLUMNS, "or the list could not be sent back as it is"


def refused_csv(connection: Connection, found: store.Import, *, in_clear: bool = True) -> Iterator[str]:
    """The lines of the list, streamed; only the first line if nothing was refused.

    Names and phones are left out unless `in_clear`: they are for who sent them.
    """
    columns = KINDS[found.upload.kind].columns

    def rows() -> Iterator[list[str]]:
        yield [*HEAD, *columns, LINE]
        for refusal in store.refusals(connection, found.id):
            content = _in_columns(refusal["content"], columns)
            shown = visible(content, found.upload.kind, in_clear)
            values = [*(refusal[name] for name in HEAD), *map(shown.get, (*columns, LINE))]
            yield list(map(_cell, values))

    return csv_lines(rows())


def visible(content: Mapping[str, Any], kind: str, in_clear: bool) -> dict[str, Any]:
    """What of a refused row is to be seen. A row in one piece may name somebody anywhere."""
    if in_clear:
        return dict(content)
    open_to_all = frozenset(KINDS[kind].columns) - PERSONAL
    return {name: value for name, value in content.items() if name in open_to_all}


def _in_columns(content: Mapping[str, Any], columns: tuple[str, ...]) -> Mapping[str, Any]:
    """By column; in one piece where a name has none, or nobody would see what was wrong with it."""
    if content.keys() <= {*columns} or content.keys() == {LINE}:
        return content
    return {LINE: json.dumps(content, ensure_ascii=False)}


def _cell(value: Any) -> str:
    """A value as the cell that is read as the same value."""
    match value:
        case None:
            return ""
        case str():
            return value
    return json.dumps(value, ensure_ascii=False)
