"""Numbers that people type, read as what they mean, or refused with what to write instead.

A comma, or a space, groups three digits; decimals stand after a point. `12,50` may be twelve and a half or
twelve hundred and fifty, so who typed it is asked. Chinese keyboards give digits and signs of double width,
and `。` where the point is; these mean nothing else in a number.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext

from api.pages.typed import WIDE
from clearing.core.amounts import rate_text
from clearing.core.texts import seen

YUAN_DIGITS_MAX = 13
WHOLE_DIGITS_MAX = 15
RATE_DIGITS_MAX = 9
RATE_DECIMALS_MAX = 12

#: As escapes, as many look alike: full stops for the point, dashes for the minus, the two yuan signs.
_SIGNS: Mapping[int, str] = {
    **WIDE,
    **dict.fromkeys(map(ord, "\u3002\uff61"), "."),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63"), "-"),
    ord("\uffe5"): "\u00a5",
}
_MONEY = re.compile("(?:\u00a5 ?)?(.*?)(?: ?\u5143)?")
_NUMBER = re.compile(r"([+-]?)([0-9][0-9, ]*)(?:\.([0-9]+))?")
#: Groups of three after one to three digits, with one kind of separator; nobody groups after a zero.
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]{0,2}(?: [0-9]{3})+")
#: A comma that may have been meant for the point.
_DECIMAL_COMMA = re.compile(r"([+-]?[0-9]+),([0-9]{1,2})|([+-]?0+),([0-9]+)")

_NO_YUAN = lazy_gettext("Write an amount in yuan, such as 1234.50.")
_NOT_WHOLE = lazy_gettext("Write a whole number.")


class NotRead(ValueError):
    """What was typed is not of the kind that the field takes; the message is for the reader."""


def fen(text: str) -> int:
    """`1,234.50`, `¥1234.5` or `12元` → fen. Raises NotRead."""
    money = _MONEY.fullmatch(_plain(text))
    _, whole, decimals = _read(money[1] if money else "", _NO_YUAN, signed=False)
    if len(decimals) > 2:
        raise NotRead(lazy_gettext("Yuan have at most two decimals; write it as 1234.50."))
    if len(whole) > YUAN_DIGITS_MAX:
        raise NotRead(_NO_YUAN)
    return int(whole) * 100 + int(decimals.ljust(2, "0"))


def whole(text: str, *, signed: bool = True) -> int:
    """`4,000` → 4000; `signed`: it may be below zero. Raises NotRead."""
    sign, digits, decimals = _read(_plain(text), _NOT_WHOLE, signed=signed)
    if decimals or len(digits) > WHOLE_DIGITS_MAX:
        raise NotRead(_NOT_WHOLE)
    return -int(digits) if sign == "-" else int(digits)


def percentage(text: str) -> str:
    """`0.6` or `0.6%` → `"0.006"`. Raises NotRead."""
    plain = _plain(text).removesuffix("%").rstrip(" ")
    return rate_text(Decimal(_rate(plain, lazy_gettext("Write a percentage, such as 0.6."))) / 100)


def decimal(text: str) -> str:
    """A decimal number, as the API takes it. Raises NotRead."""
    return _rate(_plain(text), lazy_gettext("Write a number, such as 1.5."))


def _rate(plain: str, wrong: Any) -> str:
    """Rates are small: a comma in one is far more often meant for a point than for thousands."""
    if "," in plain or " " in plain:
        _refuse(plain, wrong)
        raise NotRead(lazy_gettext("Write it without commas and spaces; decimals stand after a point: 1.5."))
    _, whole, decimals = _read(plain, wrong, signed=False)
    if len(whole) > RATE_DIGITS_MAX or len(decimals) > RATE_DECIMALS_MAX:
        raise NotRead(wrong)
    return f"{whole}.{decimals}" if decimals else whole


def _read(plain: str, wrong: Any, *, signed: bool) -> tuple[str, str, str]:
    """Sign, digits and decimals. Raises NotRead: `wrong`, or what is the matter with its commas."""
    found = _NUMBER.fullmatch(plain)
    if found is None or (found[1] and not signed):
        raise NotRead(wrong)
    sign, whole, decimals = found[1], found[2], found[3] or ""
    if not whole.isdigit():
        if not _GROUPED.fullmatch(whole):
            _refuse(plain, wrong)
            raise NotRead(
                lazy_gettext("Commas and spaces group three digits, as in 12,345; write it without them.")
            )
        whole = whole.replace(",", "").replace(" ", "")
    return sign, whole, decimals


def _refuse(plain: str, wrong: Any) -> None:
    """Raises NotRead for a comma that may have been meant for the point, and says how it is written."""
    meant = _DECIMAL_COMMA.fullmatch(plain)
    if meant is None:
        return
    if wrong is _NOT_WHOLE:
        raise NotRead(wrong)
    raise NotRead(
        lazy_gettext(
            "A comma groups three digits, and decimals stand after a point: write %(number)s.",
            number=plain.replace(",", "."),
        )
    )


def _plain(text: str) -> str:
    return seen(text).translate(_SIGNS)
