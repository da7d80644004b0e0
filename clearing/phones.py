"""Phones in one form, E.164, before they are compared: `+8615400200002`, however the number was written.

That nobody enrols another's member rests on it. A number without a country's code is one of mainland China.
"""

import re
import unicodedata

import phonenumbers
from phonenumbers import NumberParseException, ValidationResult

#: By which rules members' phones are compared now. Rows that were hashed by others are hashed anew.
FORM = 1
REGION = "CN"

_WRITTEN = re.compile(r"\+?[0-9()\s./-]+")
#: What a spreadsheet makes of a phone that it takes for a number: 15400200002.0, 1.54002E+10.
_DECIMAL = re.compile(r"[0-9]+\.[0-9]*|[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]+")
_MAINLAND = re.compile(r"(?:\+?86|0086)?0?(1[3-9][0-9]{9})")
_BESIDES = re.compile(r"[()\s./-]+")
#: `+44 (0)20 …`: the zero is dialled within the country only.
_TRUNK = re.compile(r"^(\+|00)([0-9]{1,3})[\s.-]*\(0\)")
#: Countries in which a leading zero is a part of the number.
_ZERO_STAYS = frozenset({"39", "378", "379"})
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−ー"), "-")


class NotAPhone(ValueError):
    """It cannot be read as one phone; the text says what to do."""


def e164(text: str) -> str:
    """The phone as `+`, the country's code and the number. Raises NotAPhone.

    Carriers get new ranges more often than libraries are renewed, and `154…` is in none of them: a number of
    mainland China is taken by its length and first digits, any other if its length is a possible one.
    """
    plain = _plain(text)
    if _DECIMAL.fullmatch(plain):
        raise NotAPhone(
            "This phone has a decimal point or an exponent, as spreadsheets write numbers. Format the column"
            " as text and enter the phone anew."
        )
    if not _WRITTEN.fullmatch(plain):
        raise NotAPhone("Must be a phone number: digits, with + and the country's code if it is not Chinese.")
    digits = _BESIDES.sub("", plain)
    if mainland := _MAINLAND.fullmatch(digits):
        return f"+86{mainland[1]}"
    return _by_library(_without_trunk(plain))


def is_phone(text: str) -> bool:
    try:
        e164(text)
    except NotAPhone:
        return False
    return True


def shown(phone: str) -> str:
    """As it is written in its country: a mobile number of mainland China without +86, any other as it is."""
    found = _MAINLAND.fullmatch(phone)
    return found[1] if found else phone


def _plain(text: str) -> str:
    """Letters of double width as single ones, dashes as hyphens, without what cannot be seen."""
    folded = unicodedata.normalize("NFKC", text).translate(_DASHES)
    return "".join(one for one in folded if unicodedata.category(one) != "Cf").strip()


def _without_trunk(plain: str) -> str:
    found = _TRUNK.match(plain)
    if found is None:
        return plain
    zero = "0" if found[2] in _ZERO_STAYS else ""
    return f"+{found[2]}{zero}{plain[found.end() :]}"


def _by_library(plain: str) -> str:
    try:
        number = phonenumbers.parse(plain, REGION)
    except NumberParseException as error:
        raise _not_possible() from error
    if number.country_code == 86:
        # The library leaves the zero of the trunk where it does not know the area.
        number.italian_leading_zero = None
        number.number_of_leading_zeros = None
        _check_mainland(str(number.national_number))
    match phonenumbers.is_possible_number_with_reason(number):
        case ValidationResult.IS_POSSIBLE:
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    raise _not_possible()


def _check_mainland(digits: str) -> None:
    """An area's code and a number have ten digits or more; only 10, Beijing's, begins with a one."""
    if len(digits) < 10:
        raise NotAPhone("This phone lacks its area code, so it is not one phone only. Write it in full.")
    if digits[0] == "1" and digits[1] != "0" and len(digits) != 11:
        raise NotAPhone(f"A mobile phone of mainland China has eleven digits, and this has {len(digits)}.")


def _not_possible() -> NotAPhone:
    return NotAPhone(
        "This is not a whole phone number. Write all its digits, with + and the country's code if it is not"
        " Chinese."
    )
