"""Payment references: what a payer quotes so that money is matched to the net it pays.

A structured creditor reference (ISO 11649), `RF` and two check digits before the period and the participant's
number: banks carry it unchanged, and one that was mistyped is noticed.
"""

import re
from typing import NamedTuple

from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

_REFERENCE = re.compile(r"RF(?: ?[0-9]){13,20}")
_PERIOD_DIGITS = 6


class NetReference(NamedTuple):
    """The net that a reference names."""

    period: int
    participant_id: int


def reference_of(period: int, participant_id: int) -> str:
    """`RF8320261100001` for participant 1 in November 2026."""
    body = f"{period:06d}{participant_id:05d}"
    return f"RF{mod_97_10.calc_check_digits(f'{body}RF')}{body}"


def references_in(text: str) -> set[NetReference]:
    """The nets that a remittance text names by good references; spaces within one and small letters do not
    matter, and one whose check digits are wrong is passed over.
    """
    found = set()
    for match in _REFERENCE.finditer(text.upper()):
        reference = _longest_valid(match.group().replace(" ", ""))
        if reference is not None:
            body = reference[4:]
            found.add(NetReference(int(body[:_PERIOD_DIGITS]), int(body[_PERIOD_DIGITS:])))
    return found


def _longest_valid(digits: str) -> str | None:
    """The longest good reference that the text begins with: other numbers may follow it after a space."""
    for end in range(len(digits), 2 + 2 + _PERIOD_DIGITS + 4, -1):
        if iso11649.is_valid(digits[:end]):
            return digits[:end]
    return None
