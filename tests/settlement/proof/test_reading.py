"""A JSON document read piece by piece: each name once, and nothing behind it."""

from io import BytesIO
from typing import Any

import pytest

from settlement.proof.reading import Unreadable, pieces

STATEMENT = b'{"number": "2026-11-JADE-1", "detail": [{"line": 1}, {"line": 2}], "data_hash": "00"}'


def read(content: bytes) -> list[tuple[str, Any]]:
    return [(piece.name, piece.value) for piece in pieces(BytesIO(content), "detail")]


@pytest.mark.parametrize("end", [b"", b"\n", b" \r\n\t"])
def test_a_document_is_read_to_its_end(end: bytes) -> None:
    assert read(STATEMENT + end)[-1] == ("data_hash", "00")


@pytest.mark.parametrize("behind", [b"x", b"{}", b"]", b"\0", b"\n" + STATEMENT, b"\xff", b"\n\n1"])
def test_whatever_stands_behind_the_document_is_an_error(behind: bytes) -> None:
    with pytest.raises(Unreadable, match="behind the end of the statement"):
        read(STATEMENT + behind)


@pytest.mark.parametrize("twice", [b'{"a": 1, "a": 1}', b'{"detail": [{"line": 1, "line": 2}]}'])
def test_a_name_that_comes_twice_is_an_error(twice: bytes) -> None:
    with pytest.raises(Unreadable, match="comes twice"):
        read(twice)


@pytest.mark.parametrize("length", [1, 40, len(STATEMENT) - 1])
def test_a_document_that_was_cut_is_an_error(length: int) -> None:
    with pytest.raises(Unreadable, match="ends before"):
        read(STATEMENT[:length])
