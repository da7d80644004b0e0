"""Which characters the bytes of a file are: one decoder for every file that people send.

UTF-8 with or without a byte order mark, UTF-16 with one (what spreadsheets call "Unicode text"), and GB18030
(what a Chinese spreadsheet calls "CSV"). The whole file is read before it is decided, in constant memory.

A file may hold a few broken characters: old systems cut names in the middle of one. It is then still read in
the encoding that most of its lines are in, and `clean` is False: what cannot be read comes as U+FFFD.
"""

import codecs
import io
from typing import BinaryIO, NamedTuple

CHUNK_BYTES = 1 << 20

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_GZIP = b"\x1f\x8b"
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


class Encoding(NamedTuple):
    """`name` is told to people, `codec` is Python's; `clean`: every byte can be read in it."""

    name: str
    codec: str
    clean: bool = True


UTF_8 = Encoding("UTF-8", "utf-8-sig")
UTF_16 = Encoding("UTF-16", "utf-16")
GB18030 = Encoding("GB18030", "gb18030")


class NotText(ValueError):
    """The file is not text in an encoding that is read here; the message says what to do."""


def find_encoding(file: BinaryIO) -> Encoding:
    """The encoding of a file that can be sought in; it is left at its beginning. Raises NotText."""
    file.seek(0)
    head = file.read(8)
    if head.startswith(_WORKBOOKS):
        raise NotText("This is a workbook, not text. Save it as CSV UTF-8 in the spreadsheet and send that.")
    if head.startswith(_GZIP):
        raise NotText("This is a gzip file. Unpack it first, or send it with `Content-Encoding: gzip`.")
    if head.startswith(_UTF_32_MARKS) or b"\0" in head[:2]:
        raise NotText(
            "The file is neither UTF-8, UTF-16 with a byte order mark, nor GB18030. Save it as CSV UTF-8."
        )
    try:
        if head.startswith(_UTF_16_MARKS):
            return UTF_16._replace(clean=_is_clean(file, UTF_16.codec))
        if _is_clean(file, UTF_8.codec):
            return UTF_8
        return UTF_8._replace(clean=False) if head.startswith(codecs.BOM_UTF8) else _by_lines(file)
    finally:
        file.seek(0)


def decode(content: bytes) -> tuple[str, Encoding]:
    """The text of a file in memory, without a byte order mark, and its encoding. Raises NotText."""
    encoding = find_encoding(io.BytesIO(content))
    return content.decode(encoding.codec, "replace"), encoding


def open_text(file: BinaryIO, encoding: Encoding) -> io.TextIOWrapper:
    """The file as text with its line ends as they are. Broken characters come as U+FFFD."""
    return io.TextIOWrapper(file, encoding.codec, errors="replace", newline="")


def _is_clean(file: BinaryIO, codec: str) -> bool:
    """Whether all of the file can be read in that encoding."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        while chunk := file.read(CHUNK_BYTES):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _by_lines(file: BinaryIO) -> Encoding:
    """What most of the lines that are not plain ASCII are in. A line end is part of no character."""
    in_utf_8 = in_gb18030 = broken = 0
    file.seek(0)
    for line in iter(lambda: file.readline(CHUNK_BYTES), b""):
        if line.isascii():
            continue
        if _is_utf_8(line):
            in_utf_8 += 1
        elif _is_chinese(line):
            in_gb18030 += 1
        else:
            broken += 1
    if in_gb18030 > in_utf_8:
        # By chance a pair of bytes is a character in both; such a line can be read in either.
        return GB18030._replace(clean=not broken and _is_clean(file, GB18030.codec))
    return UTF_8._replace(clean=False)


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(line: bytes) -> bool:
    """Whether it is GB18030 that somebody may have written.

    Nearly any two bytes are some character of it, also a letter with an accent in another encoding and the
    plain letter behind it; but the second byte of most characters that people write is no plain letter.
    """
    try:
        text = line.decode(GB18030.codec)
    except UnicodeDecodeError:
        return False
    foreign = [character.encode(GB18030.codec) for character in text if not character.isascii()]
    return 2 * sum(len(one) > 2 or one[1] >= 0x80 for one in foreign) >= len(foreign)
