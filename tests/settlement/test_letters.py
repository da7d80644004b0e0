"""Every letter is printed by a font that has it, or told: no empty boxes."""

import io
import json
from hashlib import sha256

import pytest
from pypdf import PdfReader
from structlog.testing import capture_logs

from settlement.render import letters
from settlement.render.letters import FONTS, all_legible, fonts, legible, without_font
from support.made_up import LINE, made_up

#: Letters of names of people, places and firms, and the font that has them.
NAMES = [
    ("𠮷野家", "RareHanziA"),
    ("㛃䶮喆犇龘", "NotoSansSC"),
    ("𤭢𪛖酒店", "RareHanziB"),
    ("𪚥", "RareHanziA"),
    ("神﨑", "NotoSansSC"),
    ("Łódź Ağrı Đà Nẵng", "NotoSans-"),
    ("Гостиница Ξενοδοχείο", "NotoSans-"),
    ("서울 호텔", "NotoSansKR"),
    ("東京ホテルあおい", "NotoSansSC"),
    ("โรงแรม", "NotoSansThai"),
    ("ئۈرۈمچى", "NotoSansArabic"),
    ("བོད་ལྗོངས", "NotoSerifTibetan"),
    ("ꆈꌠ", "NotoSansYi"),
    ("ᠮᠣᠩᠭᠣᠯ", "NotoSansMongolian"),
    ("होटल", "NotoSans-"),
    ("😀🏨", "NotoEmoji"),
]


def test_each_font_is_the_one_that_was_made_with_its_list() -> None:
    assert {path.name for path in FONTS.glob("*.ttf")} == {
        "NotoSansSC-Bold.ttf",
        *(one.file for one in fonts()),
    }
    assert [
        one.file for one in fonts() if sha256((FONTS / one.file).read_bytes()).hexdigest() != one.sha256
    ] == []
    made_by = (FONTS.parents[2] / ".ci/fonts").read_text()
    assert "coverage.json" in made_by


@pytest.mark.parametrize(("name", "font"), NAMES)
def test_a_name_is_set_in_a_font_that_has_its_letters(name: str, font: str) -> None:
    assert without_font(name) == []
    document = PdfReader(
        io.BytesIO(made_up(header=lambda one: one._replace(registered_name=name)).file("pdf"))
    )
    used = {str(one["/BaseFont"]) for page in document.pages for one in _fonts(page)}
    assert any(font.rstrip("-") in one for one in used), used
    first = "".join(document.pages[0].extract_text().split())
    assert "本文件的字库没有" not in first
    if name.isprintable() and font.startswith(("Rare", "NotoSansSC")):
        assert "".join(name.split()) in first


def _fonts(page) -> list:  # type: ignore[no-untyped-def]
    return [one.get_object() for one in page["/Resources"]["/Font"].values()]


def test_a_letter_of_no_font_is_printed_as_its_number_and_told() -> None:
    """In the name, and once more on a line; the log says where, too."""
    lines = [
        LINE._replace(reference="\U0002ebf0-1"),
        LINE._replace(line=2, merchant="店\U0002ebf0\U0002ebf0"),
    ]
    made = made_up(lines, header=lambda one: one._replace(registered_name="上海\U0002ebf0\U0003134a酒店"))
    with capture_logs() as logs:
        pages = PdfReader(io.BytesIO(made.file("pdf"))).pages
    first, last = ("".join(page.extract_text().split()) for page in (pages[0], pages[-1]))
    assert "上海〔U+2EBF0〕〔U+3134A〕酒店" in first
    assert (
        "U+2EBF0:成员participant,本方商户merchants2,明细行detailline1,明细行detailline2;U+3134A:成员participant"
        in first
    )
    assert "〔U+2EBF0〕-1" in last and "店〔U+2EBF0〕〔U+2EBF0〕" in last
    [told] = [one for one in logs if one["event"] == "letters_without_font"]
    assert told["statement"] == "2026-11-JADE-1"
    assert set(told["letters"]) == {"U+2EBF0", "U+3134A"}


def test_noncharacters_of_before_they_were_refused_are_told() -> None:
    """And what was stored then does not stop the statement."""
    made = made_up([LINE._replace(reference="a\ufffe\x07b")])
    assert "a〔U+FFFE〕" in "".join(PdfReader(io.BytesIO(made.file("pdf"))).pages[-1].extract_text().split())


def test_what_is_not_drawn_needs_no_glyph() -> None:
    for text in ("a\u200b\u2060b", "葛\U000e0100", "☎\ufe0e", "\u3000\u2003"):
        assert without_font(text) == [], ascii(text)
    assert legible("plain ASCII") == "plain ASCII"


def test_texts_are_looked_for_however_deep_they_stand() -> None:
    data = {"a": ["x", {"b": "\U0002ebf0"}], "n": 7, "c": None}
    assert all_legible(data) == (
        {"a": ["x", {"b": "〔U+2EBF0〕"}], "n": 7, "c": None},
        {"a 2 b": ["\U0002ebf0"]},
    )


def test_spans_of_the_list_are_in_order_and_apart() -> None:
    for font in json.loads((FONTS / "coverage.json").read_text()):
        edges = [edge for span in font["has"] for edge in span]
        assert edges == sorted(edges), font["file"]
        assert all(first <= last for first, last in font["has"])
    starts, ends = letters._spans()
    assert all(end + 1 < start for end, start in zip(ends, starts[1:], strict=False))
