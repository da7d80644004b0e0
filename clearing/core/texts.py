"""What is done with a text that somebody sends, types, pastes or scans: one judgement for every way in.

Three kinds of characters cannot be seen. Control characters, halves of characters and what Unicode says is no
character at all have no place in XML, PDF and sheets, and are refused everywhere. What takes no room (a
zero-width space, a soft hyphen, a mark that turns the direction of reading) makes two texts that look alike
differ: in a name, a reference, a code or a card's number it is refused, in a remark it is dropped. Spaces are
of one kind, none of them at the ends, and a letter that can be written in two ways is written in one (NFC).
"""

import re
import unicodedata
from typing import NamedTuple

_CONTROLS = "\x00-\x1f\x7f-\x9f"
#: Lines and paragraphs have ends of their own, which end no line elsewhere.
_SEPARATORS = "\u2028\u2029"
_HALVES = "\ud800-\udfff"
#: Never a character: 32 in the middle, and the last two of each of the 17 planes.
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr(plane | last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
#: What Unicode lets a reader ignore (Default_Ignorable_Code_Point), annotations, and a pattern of no dots.
_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
#: All spaces but the usual one.
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"

_UNFIT = re.compile(f"[{_CONTROLS}{_SEPARATORS}{_HALVES}{_NONCHARACTERS}]")
_HIDDEN = re.compile(f"[{_UNSEEN}]")
_FAULTY = re.compile(f"[{_CONTROLS}{_SEPARATORS}{_HALVES}{_NONCHARACTERS}{_UNSEEN}]")
_SPACE = re.compile(f"[{_SPACES}]")
#: Ends of lines and cells: what separates words, and is all that some scanners and sheets add to a text.
_BREAKS = re.compile(f"[\t\n\x0b\x0c\r\x85{_SEPARATORS}]+")

#: Which symbology a bar code is of, as scanners can be set to say in front of it (ISO/IEC 15424): `]C1`.
_SYMBOLOGY = re.compile(r"\][A-Za-z][A-Za-z0-9]")


class Fault(NamedTuple):
    """The first character that a text must not have: its place from 1, and whether it is only unseen."""

    letter: str
    place: int
    unseen: bool

    @property
    def code(self) -> str:
        """`U+200B`"""
        return f"U+{ord(self.letter):04X}"


def read_line(text: str) -> str | Fault:
    """A name, a reference, a code, a number: as it is kept, which may be empty; or what is wrong with it."""
    if text.isascii():
        # Nearly all are: a posting has several.
        return text.strip(" ") if text.isprintable() else _fault(text)
    if _FAULTY.search(text) is not None:
        return _fault(text)
    return _one_way(text)


def read_remark(text: str) -> str | Fault:
    """Free text, which only people read: on one line and without what is unseen; or what is wrong with it."""
    found = _UNFIT.search(_HIDDEN.sub("", _BREAKS.sub(" ", text)))
    if found is not None:
        return Fault(found[0], text.index(found[0]) + 1, unseen=False)
    return seen(text)


def seen(text: str) -> str:
    """What the person who typed, pasted or scanned this sees of it, which is all that is meant.

    Characters that have no place in any text are left in, for `read_line` to refuse.
    """
    return _one_way(_HIDDEN.sub("", _BREAKS.sub(" ", text)))


def sought(text: str) -> str:
    """As `seen`, for what is only looked for: no text has the characters that are left out here, too."""
    return seen(_UNFIT.sub("", _BREAKS.sub(" ", text)))


def unwrapped(text: str) -> str:
    """A card's number without what scanners put around it: `]C16200…`, or `*6200…*` of Code 39.

    No card's number has these characters.
    """
    if text.startswith("]") and (found := _SYMBOLOGY.match(text)) is not None:
        text = text[found.end() :]
    if len(text) > 2 and text[0] == text[-1] == "*":
        text = text[1:-1]
    return text


def _one_way(text: str) -> str:
    return unicodedata.normalize("NFC", _SPACE.sub(" ", text)).strip(" ")


def _fault(text: str) -> Fault:
    found = _FAULTY.search(text)
    assert found is not None, "what is not printable in ASCII is a control character"
    return Fault(found[0], found.start() + 1, _HIDDEN.match(found[0]) is not None)
