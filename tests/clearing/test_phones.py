"""One phone has one form, however it is written; what is not one phone is told apart."""

import pytest

from clearing.phones import NotAPhone, e164, is_phone, shown

#: That of the issue, as people, files and telephones write it.
WRITTEN = [
    "15400200002", "8615400200002", "+86 154-0020-0002", "008615400200002", "0086-154-0020-0002",
    "+86 (0)154 0020 0002", "+86（0）15400200002", "0154 0020 0002",
    "１５４００２００００２", "＋８６１５４００２００００２",
    "+86 0154 0020 0002", "(154) 0020.0002", " 154\u30000020\u00a00002 ", "154‐0020—0002",
    "\u202a+86 15400200002\u202c", "154\u200b00200002", "86 154 0020 0002",
]  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN)
def test_a_mobile_phone_has_one_form(written: str) -> None:
    assert e164(written) == "+8615400200002"
    assert e164(e164(written)) == e164(written)
    assert shown(e164(written)) == "15400200002"


OTHERS = [
    ("+861065551234", ["010-65551234", "01065551234", "(010) 6555 1234", "+86 10 6555 1234", "861065551234"]),
    ("+8657187654321", ["0571-87654321", "+86 (0)571 8765 4321", "0086 571 87654321"]),
    ("+864008001234", ["400-800-1234", "+86 400 800 1234"]),
    ("+85258000001", ["+852 5800 0001", "00852-5800-0001", "＋８５２ ５８００ ０００１"]),
    ("+442079460958", ["+44 20 7946 0958", "+44 (0)20 7946 0958", "0044 20 7946 0958"]),
    ("+390612345678", ["+39 06 1234 5678", "0039 06 12345678"]),
    ("+15400200002", ["+1 (540) 020-0002"]),
]


@pytest.mark.parametrize(("form", "written"), OTHERS)
def test_other_phones_have_one_form_each(form: str, written: list[str]) -> None:
    assert {e164(one) for one in written} == {form}
    assert shown(form) == form


NO_PHONES = {
    "15400200002.0": "decimal point", "1.54E+10": "decimal point", "1.54002e10": "decimal point",
    "15400200002.": "decimal point", "１５４００２００００２．０": "decimal point",
    "1540020000": "eleven digits", "154002000022": "eleven digits", "+86 1540020000": "eleven digits",
    "5800 0001": "area code", "65551234": "area code", "10086": "area code",
    "": "Must be", "+": "Must be", "call me": "Must be", "138x0000001": "Must be", "1-800-FLOWERS": "Must be",
    "1\x002345": "Must be", "15400200002 转 12": "Must be", "15400200002;ext=3": "Must be",
    "+86+8615400200002": "Must be", "1234": "area code", "1" * 21: "eleven digits", "+852 1": "whole",
    "+999 12345678": "whole",
    "13800000001/13900000001": "whole",
}  # fmt: skip


@pytest.mark.parametrize("text", NO_PHONES)
def test_what_is_not_one_phone_is_told_apart(text: str) -> None:
    with pytest.raises(NotAPhone, match=NO_PHONES[text]):
        e164(text)
    assert not is_phone(text)
