"""Payment references: what a payer quotes so that money is matched to the net it pays.

A structured creditor reference (ISO 11649), `RF` and two check digits before the period and the participant's
number: banks carry it unchanged, and one that was mistyped is noticed.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

from settlement.core.bank_cells import YEARS
from settlement.core.bank_columns import readable

#: Banks set blanks and hyphens between the digits, and break lines.
_BETWEEN = "[ \N{HYPHEN}-\N{HORIZONTAL BAR}\N{MINUS SIGN}-]{0,3}"
_REFERENCE = re.compile(f"RF(?:{_BETWEEN}[0-9]){{13,20}}")
_CREDITOR = re.compile(f"(?<![A-Z0-9])RF(?:{_BETWEEN}[0-9]){{2}}(?:{_BETWEEN}[A-Z0-9]){{1,21}}")
_MESSAGE = re.compile(f"(?<![A-Z0-9])TD([0-9]{{6}}){_BETWEEN}([0-9A-F]{{16}})(?![A-Z0-9])")
_STATEMENT = re.compile("[0-9]{4}-[0-9]{2}-[A-Z0-9][A-Z0-9_-]{0,31}-[0-9]+")
_CHECKED = 2 + 2
_PERIOD_DIGITS = 6
_PARTICIPANT_DIGITS = 5


class NetReference(NamedTuple):
    """The net that a reference names."""

    period: int
    participant_id: int


def reference_of(period: int, participant_id: int) -> str:
    """`RF8320261100001` for participant 1 in November 2026."""
    body = f"{period:06d}{participant_id:05d}"
    return f"RF{mod_97_10.calc_check_digits(f'{body}RF')}{body}"


def references_in(text: str) -> set[NetReference]:
    """The nets that a remittance text names by good references.

    Blanks and hyphens within one, full-width and small letters do not matter. One whose check digits are
    wrong is passed over, and so is one with more digits right behind it.
    """
    found = set()
    for candidate in _candidates(_REFERENCE, text, str.isdigit):
        net = _net(candidate)
        if net is not None and iso11649.is_valid(candidate):
            found.add(net)
    return found


def has_foreign_reference(text: str) -> bool:
    """Whether the text names a good creditor reference that is none of ours: somebody else's invoice."""
    return any(
        iso11649.is_valid(candidate) and _net(candidate) is None
        for candidate in _candidates(_CREDITOR, text, str.isalnum)
    )


def statement_numbers_in(text: str) -> set[str]:
    """What looks like the number of a statement, as `2026-11-JADE-1`, in capitals."""
    return set(_STATEMENT.findall(readable(text).upper()))


def messages_in(text: str) -> set[str]:
    """The payment files that a text names by their message ids, as `TD202611-0123456789abcdef`."""
    return {f"TD{match[1]}-{match[2].lower()}" for match in _MESSAGE.finditer(readable(text).upper())}


def _candidates(pattern: re.Pattern[str], text: str, goes_on: Callable[[str], bool]) -> Iterator[str]:
    """What may be a reference: each match, cut wherever it can end, as other numbers may follow it.

    `goes_on`: whether a letter that stands right behind is of the same number.
    """
    plain = readable(text).upper()
    for match in pattern.finditer(plain):
        letters = ""
        for place in range(match.start(), match.end()):
            if not (plain[place].isascii() and plain[place].isalnum()):
                continue
            letters += plain[place]
            behind = plain[place + 1 : place + 2]
            if not (behind.isascii() and goes_on(behind)):
                yield letters


def _net(reference: str) -> NetReference | None:
    """What a reference of our form names, whether its check digits are good or not."""
    body = reference[_CHECKED:]
    period, participant = body[:_PERIOD_DIGITS], body[_PERIOD_DIGITS:]
    if not body.isdigit() or len(participant) < _PARTICIPANT_DIGITS:
        return None
    if len(participant) > _PARTICIPANT_DIGITS and participant.startswith("0"):
        return None  # we would not have written it so
    if int(period) // 100 not in YEARS or not 1 <= int(period) % 100 <= 12:
        return None
    return NetReference(int(period), int(participant))
