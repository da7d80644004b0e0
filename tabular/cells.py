"""What spreadsheets do to the cells of a file, and what is done about it.

A cell that begins like a formula would be run by the spreadsheet that opens the file, so it gets an
apostrophe in front; that is taken off again where such a file comes back. A long number is shown, and saved,
as 8.80E+15: its digits are gone, and whoever sent it has to be told. Programs that know this write ="8800…",
a formula whose value is the text.
"""

import re

#: How a spreadsheet knows a formula. Apostrophes before it are part of it: one more is put in front, one is
#: taken off, and the cell is what it was.
_FORMULA = re.compile("'*[=+\\-@\t\r]")
_NEUTRAL = re.compile("'+[=+\\-@\t\r]")
_GUARDED = re.compile('="([^"]*)"')
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{1,3}")


def neutralised(text: str) -> str:
    """The text as a cell that no spreadsheet runs."""
    return f"'{text}" if _FORMULA.match(text) else text


def restored(cell: str) -> str:
    """The text that `neutralised` has made this cell of."""
    return cell[1:] if _NEUTRAL.match(cell) else cell


def may_be_guarded(row: str) -> bool:
    """Whether any cell of the row may be: cheaper than to ask for each."""
    return '="' in row


def unguarded(cell: str) -> str:
    """`="0042"` → `0042`, as a spreadsheet reads it; any other cell as it is."""
    found = _GUARDED.fullmatch(cell)
    return cell if found is None else found[1].strip()


def may_be_shortened(row: str) -> bool:
    """Whether any cell of the row may be: cheaper than to ask for each."""
    return "E+" in row or "e+" in row


def is_shortened(cell: str) -> bool:
    """Whether a spreadsheet took an account or card number for a quantity, as in 8.80E+15."""
    return _SHORTENED.fullmatch(cell) is not None
