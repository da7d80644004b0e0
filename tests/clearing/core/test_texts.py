"""What is kept of a text, and which characters it must not have."""

import unicodedata

import pytest

from clearing.core.texts import Fault, read_line, read_remark, seen, sought, unwrapped

#: Signs of Arabic, Syriac, Kaithi and Egyptian scribes, which format what follows and can be seen themselves.
SEEN_FORMATS = {
    *range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440),
}  # fmt: skip


def is_noncharacter(code_point: int) -> bool:
    return 0xFDD0 <= code_point <= 0xFDEF or code_point & 0xFFFE == 0xFFFE


def test_a_line_has_no_control_no_half_no_noncharacter_and_nothing_that_cannot_be_seen() -> None:
    for code_point in range(0x110000):
        letter = chr(code_point)
        category = unicodedata.category(letter)
        unfit = category in ("Cc", "Cs", "Zl", "Zp") or is_noncharacter(code_point)
        unseen = category == "Cf" and code_point not in SEEN_FORMATS
        found = read_line(f"a{letter}b")
        if unfit or unseen:
            assert found == Fault(letter, 2, unseen), hex(code_point)
        elif isinstance(found, Fault):
            # What is left are signs without room: fillers, selectors of a variant, and places kept for such.
            assert found.unseen, hex(code_point)
            assert category in ("Mn", "Lo", "So", "Cn"), hex(code_point)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("POS-1", "POS-1"),
        ("  POS-1 ", "POS-1"),
        ("\u3000POS-1\u00a0", "POS-1"),
        ("POS\u00a01", "POS 1"),
        ("张\u3000三", "张 三"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("\u212bngstro\u0308m", "\u00c5ngstr\u00f6m"),
        ("", ""),
        (" \u2003\u3000", ""),
        ("𠮷野家", "𠮷野家"),
    ],
)
def test_two_spellings_of_one_line_are_one(sent: str, kept: str) -> None:
    assert read_line(sent) == kept
    assert read_line(kept) == kept


@pytest.mark.parametrize(
    ("sent", "code", "place"),
    [
        ("POS\u200b-1", "U+200B", 4),
        ("\ufeffPOS-1", "U+FEFF", 1),
        ("玉\ufe00石", "U+FE00", 2),
        ("玉\U000e0100石", "U+E0100", 2),
        ("JADE\x00", "U+0000", 5),
        ("a\nb", "U+000A", 2),
        ("a\ufffeb", "U+FFFE", 2),
        ("a\ud800", "U+D800", 2),
        ("a\u2029b", "U+2029", 2),
    ],
)
def test_a_fault_names_the_character_and_its_place(sent: str, code: str, place: int) -> None:
    found = read_line(sent)
    assert isinstance(found, Fault)
    assert (found.code, found.place) == (code, place)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("late\r\ncheck-out\n\n(told by phone)", "late check-out (told by phone)"),
        ("a\tb", "a b"),
        ("\u200bwrong\u00ad till\ufeff", "wrong till"),
        ("one\u2028two", "one two"),
        ("\n", ""),
    ],
)
def test_a_remark_is_one_line_without_what_cannot_be_seen(sent: str, kept: str) -> None:
    assert read_remark(sent) == kept


@pytest.mark.parametrize("letter", ["\x00", "\x1b", "\x9f", "\ufffe", "\U0001ffff", "\ufdd0", "\ud800"])
def test_a_remark_has_no_control_character_either(letter: str) -> None:
    assert read_remark(f"a\u200b\n\n{letter}b{letter}") == Fault(letter, 5, unseen=False)


def test_what_was_pasted_is_what_is_seen_of_it() -> None:
    assert seen("\u200e POS\u200b-1\t\r\n") == "POS-1"
    # What is not merely unseen is left for who reads it, to be refused.
    assert seen("a\x07\ufffe") == "a\x07\ufffe"
    assert isinstance(read_line(seen("a\x07")), Fault)


def test_what_is_looked_for_has_no_character_that_no_text_has() -> None:
    assert sought("\x00 POS\ufffe-1\x07\u200b\t") == "POS-1"
    assert not isinstance(read_line(sought("a\x00\ud800b")), Fault)


@pytest.mark.parametrize(
    ("scanned", "number"),
    [
        ("]C16200000000000001", "6200000000000001"),
        ("]A0*6200000000000001*", "6200000000000001"),
        ("]Q36200000000000001", "6200000000000001"),
        ("*6200000000000001*", "6200000000000001"),
        ("6200000000000001", "6200000000000001"),
        ("*6200", "*6200"),
        ("]6200000000000001", "]6200000000000001"),
        ("**", "**"),
        ("", ""),
    ],
)
def test_what_scanners_put_around_a_number_is_not_part_of_it(scanned: str, number: str) -> None:
    assert unwrapped(scanned) == number
