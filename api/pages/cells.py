"""Cells that say by themselves what they are: on a telephone a row of a table is a stack of them, and the
line of headings is not in sight.
"""

import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

#: Templates write `>` as such nowhere else in a tag.
_OPENING = re.compile(r"<(tr|td|th)((?:\s[^>]*)?)>")
_SPAN = re.compile(r'\scolspan="(\d+)"')


def labelled(rows: Markup, columns: Sequence[tuple[Any, str]]) -> Markup:
    """The rows of a table, each cell with its column's heading in `data-label`. A cell that goes over several
    columns has none. `columns` are (heading, class) pairs.
    """
    at = 0

    def label(found: re.Match[str]) -> str:
        nonlocal at
        tag, attributes = found.groups()
        if tag == "tr":
            at = 0
            return found[0]
        here = at
        span = _SPAN.search(attributes)
        at += int(span[1]) if span else 1
        heading = escape(columns[here][0]) if span is None and here < len(columns) else ""
        return f'<{tag}{attributes} data-label="{heading}">'

    return Markup(_OPENING.sub(label, rows))  # noqa: S704  as safe as what it was given
