"""What people type, paste and scan into a field: what they see of it is all that they mean.

So a page understands what a call is refused for: a program can send what it means, but a person cannot take
away what nobody sees. Numbers are read in `api.pages.numbers`.
"""

import re
from collections.abc import Mapping

from clearing.core.texts import seen, sought, unwrapped

#: Letters, digits and signs of double width, as Chinese keyboards give them.
WIDE: Mapping[int, str] = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}

#: A Chinese keyboard in which a scanner types `]` makes another bracket of it.
_BRACKET = {0x3010: "[", 0x3011: "]"}
#: A card's number holds letters and digits; people, printers and scanners put these between and behind them.
_BETWEEN = re.compile("[\\s\x00-\x1f\x7f\u2010-\u2015\u2212-]+")


def line(text: str | None) -> str:
    """One line, without what cannot be seen and spaces at the ends; empty for nothing."""
    return seen(text or "")


def wanted(text: str | None) -> str:
    """What is looked for in a list."""
    return sought(text or "")


def lines(text: str | None) -> str:
    """Of a field with several lines; empty ones are left in between."""
    return "\n".join(seen(one) for one in (text or "").strip().splitlines())


def latin(text: str | None) -> str:
    """A name or code that has ASCII only: `ｌｉ．ｎａ` → `li.na`."""
    return sought(text or "").translate(WIDE)


def card_number(text: str | None) -> str:
    """`６２００ 0000-0001` or `]C1620000000001` and a Tab → `620000000001`; empty for nothing."""
    return _BETWEEN.sub("", unwrapped(latin(text).translate(_BRACKET)))
