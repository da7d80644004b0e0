"""What is wrong with a bank account as somebody has entered it: whole values, existing countries, good codes.

A bank rejects a payment file for one bad character or pays a stranger for one wrong digit, so both are found
where they are typed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pycountry
from stdnum import bic, iban
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_10

from clearing.core import texts

CLEARING_CODE = re.compile("[A-Z0-9]{1,35}")
ACCOUNT_NUMBER = re.compile("[A-Za-z0-9-]{1,34}")
#: The number of a branch in the Chinese payment system: class and bank, city, branch, and a check digit.
CNAPS = re.compile("[1-9][0-9]{11}")
CHINA = "CN"
#: In bank codes, though no country of ISO 3166.
_KOSOVO = "XK"
_NAMES = ("holder", "bank_name", "street", "postal_code", "town")


class Fault(NamedTuple):
    """`field`: the name of the value at fault; `detail`: a sentence."""

    field: str
    detail: str


def account_faults(values: Mapping[str, Any]) -> list[Fault]:
    """All that is wrong with the columns of a bank account; no value is changed."""
    return list(_faults(values))


def canonical(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same account as it is kept: names without blanks around them, IBAN and BIC without any."""
    changed = {
        name: value.strip() if isinstance(value, str) and name in _NAMES else value
        for name, value in values.items()
    }
    for name, kind in (("iban", iban), ("bic", bic)):
        if changed.get(name) is not None and kind.is_valid(changed[name]):
            changed[name] = kind.compact(changed[name])
    return changed


def _faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    for name in _NAMES:
        text = values.get(name)
        if text is None:
            continue
        if not text.strip():
            yield Fault(name, "Must not be blank.")
        read = texts.read_line(text)
        if isinstance(read, texts.Fault):
            yield Fault(
                name,
                f"Has a character that cannot be seen or printed (U+{ord(read.letter):04X}); type it again"
                " instead of pasting it.",
            )
    country = values.get("country")
    if country is not None and not _exists(country):
        yield Fault("country", "There is no such country; write its two letters of ISO 3166, such as CN.")
    yield from _account(values)
    yield from _bank(values)


def _account(values: Mapping[str, Any]) -> Iterator[Fault]:
    account, number = values.get("iban"), values.get("account_number")
    if (account is None) == (number is None):
        yield Fault("iban", "Give iban or account_number, and not both.")
        return
    if number is not None and not ACCOUNT_NUMBER.fullmatch(number):
        yield Fault("account_number", "Must be 1 to 34 letters, digits and hyphens, and nothing else.")
    if account is not None:
        try:
            iban.validate(account)
        except ValidationError:
            yield Fault(
                "iban", "Is not a good IBAN: a character of it is wrong, or one is missing or too many."
            )


def _bank(values: Mapping[str, Any]) -> Iterator[Fault]:
    code, clearing = values.get("bic"), values.get("clearing_code")
    if code is None and clearing is None:
        yield Fault("bic", "Give bic or clearing_code.")
    if code is not None:
        try:
            letters = bic.validate(code)
        except ValidationError:
            yield Fault("bic", "Is not a good BIC: it has 8 or 11 letters and digits, such as COBADEFFXXX.")
        else:
            if letters[4:6] != _KOSOVO and not _exists(letters[4:6]):
                yield Fault("bic", "Is not a good BIC: its fifth and sixth letters are no country.")
    if clearing is None:
        return
    if values.get("country") == CHINA:
        # The check is ISO 7064 MOD 11,10, see docs/decisions/0032.
        if not CNAPS.fullmatch(clearing):
            yield Fault("clearing_code", "Must be a CNAPS code of 12 digits, such as 102100099996.")
        elif not mod_11_10.is_valid(clearing):
            yield Fault(
                "clearing_code",
                "The check digit of this CNAPS code is wrong; compare it with the bank's letter.",
            )
    elif not CLEARING_CODE.fullmatch(clearing):
        yield Fault("clearing_code", "Must be 1 to 35 capital letters and digits, and nothing else.")


def _exists(country: str) -> bool:
    return bool(re.fullmatch("[A-Z]{2}", country)) and pycountry.countries.get(alpha_2=country) is not None
