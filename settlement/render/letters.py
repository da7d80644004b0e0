"""Which letters the fonts of this package have, and what is printed in place of one that none of them has.

A letter without a glyph would be an empty box, which nobody can read and nobody notices. It is printed as its
number, `〔U+2A6D6〕`, and told.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import category

FONTS = Path(__file__).parent / "fonts"
#: Formatting, spaces and ends of lines need no glyph; nor does what only chooses between forms of a letter.
_NOT_DRAWN = frozenset({"Cf", "Zs", "Zl", "Zp"})
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


class Font(NamedTuple):
    """A file of FONTS. `has`: the first and the last numbers of the letters that it has, in order."""

    file: str
    family: str
    sha256: str
    has: tuple[tuple[int, int], ...]


@lru_cache(maxsize=1)
def fonts() -> tuple[Font, ...]:
    """In the order in which they are tried for a letter."""
    found = json.loads((FONTS / "coverage.json").read_text(encoding="ascii"))
    return tuple(
        Font(one["file"], one["family"], one["sha256"], tuple(map(tuple, one["has"]))) for one in found
    )


def without_font(text: str) -> list[str]:
    """The letters of the text that no font has, each once, in their order."""
    return [] if text.isascii() else [one for one in dict.fromkeys(text) if not _is_had(one)]


def legible(text: str) -> str:
    """The text with numbers for the letters that no font has."""
    for letter in without_font(text):
        text = text.replace(letter, numbered(letter))
    return text


def numbered(letter: str) -> str:
    """`〔U+2A6D6〕`"""
    return f"〔{code_point(letter)}〕"


def code_point(letter: str) -> str:
    return f"U+{ord(letter):04X}"


def all_legible(data: Any, where: str = "") -> tuple[Any, dict[str, list[str]]]:
    """Lists, mappings and texts with `legible` texts; and the letters that no font has, by where they stand:
    the names of mappings, from the outermost, and the numbers of what is in lists, from 1.
    """
    missing: dict[str, list[str]] = {}

    def walk(value: Any, place: str) -> Any:
        if isinstance(value, str):
            if not value.isascii() and (letters := without_font(value)):
                missing.setdefault(place, []).extend(letters)
                return legible(value)
            return value
        if isinstance(value, Mapping):
            return {key: walk(one, f"{place} {key}".lstrip()) for key, one in value.items()}
        if isinstance(value, list):
            return [walk(one, f"{place} {number}".lstrip()) for number, one in enumerate(value, 1)]
        return value

    return walk(data, where), missing


@lru_cache(maxsize=1)
def _spans() -> tuple[list[int], list[int]]:
    """The letters of all fonts together: where spans begin, and where they end."""
    spans = sorted(span for font in fonts() for span in font.has)
    starts: list[int] = []
    ends: list[int] = []
    for first, last in spans:
        if ends and first <= ends[-1] + 1:
            ends[-1] = max(ends[-1], last)
        else:
            starts.append(first)
            ends.append(last)
    return starts, ends


@lru_cache(maxsize=4_096)
def _is_had(letter: str) -> bool:
    starts, ends = _spans()
    index = bisect_right(starts, ord(letter)) - 1
    if index >= 0 and ord(letter) <= ends[index]:
        return True
    return category(letter) in _NOT_DRAWN or bool(_SELECTORS.match(letter))
