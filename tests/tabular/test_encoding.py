"""Which characters the bytes of a file are."""

import io

import pytest

from tabular import encoding
from tabular.encoding import GB18030, UTF_8, UTF_16, Encoding, NotText, decode, find_encoding, open_text

TEXT = "participant,name\nJADE,王小明\nJADE,李镕\nLOTUS,José\n"
HEAD = b"participant,name\n"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (TEXT.encode(), UTF_8),
        (TEXT.encode("utf-8-sig"), UTF_8),
        (TEXT.encode("utf-16"), UTF_16),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), UTF_16),
        (TEXT.encode("gb18030"), GB18030),
        (TEXT.encode("ascii", "ignore"), UTF_8),
        (b"", UTF_8),
    ],
)
def test_what_spreadsheets_and_tills_save_is_read_as_it_was_written(content: bytes, found: Encoding) -> None:
    text, told = decode(content)
    assert told == found
    assert text in (TEXT, TEXT.encode("ascii", "ignore").decode(), "")
    assert open_text(io.BytesIO(content), found).read() == text


@pytest.mark.parametrize("name", ["堃喆", "朱镕基", "𠮷野", "王"])
def test_rare_characters_are_as_good_as_others(name: str) -> None:
    """Hanzi that GB 2312 does not have are in many a name, which may be the only Chinese of a file."""
    content = HEAD + f"JADE,{name}\n".encode("gb18030")
    assert decode(content) == (f"participant,name\nJADE,{name}\n", GB18030)


def test_the_end_of_a_file_counts_as_its_beginning_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces may end within a character, and the only Chinese name may stand in the last line."""
    monkeypatch.setattr(encoding, "CHUNK_BYTES", 64)
    rows = "JADE,Zhao\n" * 500
    assert find_encoding(io.BytesIO((rows + "JADE,王小明\n" + "JADE,é王\n" * 50).encode())) == UTF_8
    assert find_encoding(io.BytesIO((rows + "JADE,王小明\n").encode("gb18030"))) == GB18030


@pytest.mark.parametrize(
    ("content", "name"),
    [
        # A name that an old till cut in the middle of a character.
        (TEXT.encode("gb18030") + b"JADE,\xcd\xf5\xd0\n", "GB18030"),
        # A row from another file, put into one of UTF-8.
        (TEXT.encode() + "JADE,王小明\n".encode("gb18030"), "UTF-8"),
        # Letters with accents of Western Europe: GB18030 would make rare hanzi of them without a word.
        (HEAD + "JADE,Müller\nJADE,Bär\nJADE,Schlüssel\n".encode("latin-1"), "UTF-8"),
        (TEXT.encode("utf-16") + b"\x00", "UTF-16"),
        (b"\xef\xbb\xbf" + HEAD + "王小明\n".encode("gb18030"), "UTF-8"),
    ],
)
def test_a_file_with_broken_characters_is_what_most_of_it_is(content: bytes, name: str) -> None:
    found = find_encoding(io.BytesIO(content))
    assert (found.name, found.clean) == (name, False)
    text, _ = decode(content)
    assert "\ufffd" in text
    assert text.splitlines()[0] == "participant,name"


def test_a_broken_character_takes_no_comma_quote_or_line_end_with_it() -> None:
    for after in (b",", b'"', b"\n", b"\r\n"):
        text, _ = decode(TEXT.encode("gb18030") + b"JADE,\xd0" + after)
        assert text.endswith("JADE,\ufffd" + after.decode())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "workbook"),
        (TEXT.encode("utf-16-le"), "byte order mark"),
        (TEXT.encode("utf-16-be"), "byte order mark"),
        (TEXT.encode("utf-32"), "byte order mark"),
    ],
)
def test_what_is_not_such_text_is_refused_with_what_to_do(content: bytes, told: str) -> None:
    with pytest.raises(NotText, match=told) as refused:
        find_encoding(io.BytesIO(content))
    assert "Save it as CSV UTF-8" in str(refused.value)
