"""What was typed, pasted or scanned is what who did it sees of it."""

import pytest

from api.pages import typed


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("  6200 0001\n", "62000001"),
        ("６２００－０００１", "62000001"),
        ("6200–0001", "62000001"),
        ("6200\u20110001", "62000001"),
        ("ab-12", "ab12"),
        ("62\u200b00\u00ad00\ufeff01", "62000001"),
        ("\u202d62000001\u202c", "62000001"),
        ("6200\u00a00001\u3000", "62000001"),
        ("]C162000001\t", "62000001"),
        ("]A0*62000001*\r\n", "62000001"),
        ("*62000001*", "62000001"),
        ("＊62000001＊", "62000001"),
        ("】C162000001", "62000001"),
        ("］Ｃ1６２００0001", "62000001"),
        (" ]Q162000001\x1d", "62000001"),
        ("x²", "x²"),
        ("", ""),
        (None, ""),
    ],
)
def test_card_numbers_are_read_as_scanners_and_people_type_them(text: str | None, number: str) -> None:
    assert typed.card_number(text) == number


def test_a_line_is_what_is_seen_of_it() -> None:
    assert typed.line("\ufeff POS\u200b-1\t\n") == "POS-1"
    assert typed.line("Cafe\u0301\u3000Oak") == "Caf\u00e9 Oak"
    assert typed.line(None) == ""


def test_lines_stay_lines() -> None:
    assert typed.lines("\r\n one \r\n\r\n t\u200bwo\u00a0\r\n") == "one\n\ntwo"
    assert typed.lines(None) == ""


def test_a_name_to_log_in_with_is_of_ascii() -> None:
    assert typed.latin("ｌｉ．ｎａ\u3000") == "li.na"
