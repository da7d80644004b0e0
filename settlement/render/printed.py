"""Values as they are printed on paper."""

import re
from decimal import Decimal

from clearing.core.amounts import rate_text
from clearing.core.calendar import period_name

#: Characters that turn the direction of writing round what follows, and so could make a text lie.
_TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: So many characters without a place to break a line would run out of their column.
_UNBROKEN = re.compile(r"[!-~]{24}(?=[!-~])")
_ZERO_WIDTH_SPACE = "\u200b"


def money(fen: int) -> str:
    """`-1234567` → `-12,345.67`"""
    yuan, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{yuan:,}.{rest:02}"


def signed(fen: int) -> str:
    """As `money`, with a plus above zero."""
    return f"+{money(fen)}" if fen > 0 else money(fen)


def count(number: int) -> str:
    return f"{number:,}"


def percent(rate: Decimal) -> str:
    """`0.06` → `6%`, with as many decimals as it has."""
    return f"{rate_text(rate * 100)}%"


def of_month(month: int, period: int) -> str:
    """` · 2026-11` where it is another month than the statement's own."""
    return "" if month == period else f" · {period_name(month)}"


def plain(text: str) -> str:
    """A text of somebody else's that reads from left to right and can be broken into lines."""
    return _UNBROKEN.sub(lambda run: run.group() + _ZERO_WIDTH_SPACE, _TURNING.sub("", text))


def bounded(text: str, most: int) -> str:
    """At most so many characters, with … for what is left out."""
    text = _TURNING.sub("", text)
    return text if len(text) <= most else f"{text[: most - 1]}…"
