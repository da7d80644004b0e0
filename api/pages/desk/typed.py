"""What people and scanners type, read as what it means. Chinese input may give letters of double width."""

import re
import unicodedata

_POINTS = re.compile(r"[0-9]{1,15}")
_YUAN = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,2}))?")
_BESIDES = str.maketrans("", "", " ,，¥￥元_")
#: A card's number holds letters and digits; people and printers put these between them.
_BETWEEN = re.compile(r"[\s-]+")


def card_number(text: str | None) -> str:
    """`６２００ 0000-0001` → `620000000001`; empty for nothing."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", text or ""))


def points(text: str | None) -> int | None:
    """`4,000` → 4000; None for nothing. Raises ValueError for what is no whole number."""
    plain = _plain(text)
    if not plain:
        return None
    if not _POINTS.fullmatch(plain):
        raise ValueError(text)
    return int(plain)


def fen(text: str | None) -> int | None:
    """`¥1,234.5` → 123450; None for nothing. Raises ValueError for what is no amount in yuan and fen."""
    plain = _plain(text)
    if not plain:
        return None
    found = _YUAN.fullmatch(plain)
    if found is None:
        raise ValueError(text)
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _plain(text: str | None) -> str:
    return unicodedata.normalize("NFKC", text or "").translate(_BESIDES)
