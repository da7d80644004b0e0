"""The body of a request: all of it, or none.

A body that ends before its `Content-Length`, or a chunked one without its last chunk, is an error on every
route, whoever reads it: a JSON body, a form, or a file that is read as a stream. What is in it decides how
much is booked, so a part of it must never be taken for the whole.
"""

import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Protocol

from flask import request
from werkzeug.exceptions import ClientDisconnected

from api.problems import HttpCode, Problem
from clearing.core.outcomes import Code

CHUNK_BYTES = 1 << 16
#: Of a body that is not a file.
BODY_BYTES_MAX = 1_000_000
#: A file whose length is not announced is in memory as a whole before anything is done with it.
UNANNOUNCED_BYTES_MAX = 32_000_000

_GRANIAN = "Granian"
_GZIP = ("gzip", "x-gzip")
_BODY = "tongdui.body"
#: zlib's number for data with the head and tail of gzip, which ends with its length and a checksum.
_WITH_GZIP_HEAD = 16 + zlib.MAX_WBITS


class _Stream(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def prepare() -> None:
    """Let whoever reads this request's body learn whether it is all there; raises Problem.

    To be called before anything reads it. Of a request without a body it costs two look-ups.
    """
    environ = request.environ
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if coding is not None and (environ.get("CONTENT_LENGTH") or coding.strip().lower() != "chunked"):
        raise Problem(
            Code.MALFORMED,
            "Send the body with Content-Length, or else with `Transfer-Encoding: chunked` alone.",
        )
    if environ.get("CONTENT_LENGTH"):
        # A server that says it ends the stream itself ends it where the connection breaks. Without that word
        # Werkzeug reads as far as the length, and raises ClientDisconnected before.
        environ.pop("wsgi.input_terminated", None)
    elif coding is not None and environ.get("SERVER_SOFTWARE") == _GRANIAN:
        environ["wsgi.input"] = _AtOnce(environ["wsgi.input"])
    if "HTTP_CONTENT_ENCODING" in environ:
        _is_zipped()


def is_chunked() -> bool:
    """Whether the body comes in chunks, its length unknown beforehand."""
    return "HTTP_TRANSFER_ENCODING" in request.environ


def whole_body(most: int) -> bytes:
    """The request's body of at most so many bytes, unzipped; it is read once.

    Raises Problem, and ClientDisconnected for one that ends too early.
    """
    environ = request.environ
    if _BODY not in environ:
        announced = environ.get("CONTENT_LENGTH") or "0"
        # Without a length there may be one all the same, if the server knows where it ends.
        unannounced = "wsgi.input_terminated" in environ and request.method not in ("GET", "HEAD")
        environ[_BODY] = _whole_body(most) if announced != "0" or unannounced else b""
    body: bytes = environ[_BODY]
    return body


def _whole_body(most: int) -> bytes:
    if (request.content_length or 0) > most:
        raise _too_large(most)
    # Of a body of unknown length no more is read than this; one byte more tells that there is more.
    request.max_content_length = most + 1
    data = request.get_data(cache=False)
    if _is_zipped():
        data = b"".join(_unzipped([data], most))
    if len(data) > most:
        raise _too_large(most)
    return data


def body_chunks(most: int) -> Iterator[bytes]:
    """The same as a stream of chunks, for files. What they are for must be given up if this raises."""
    if (request.content_length or 0) > most:
        raise _too_large(most)
    # With it Werkzeug tells of a broken connection, which a server may raise in its own way, also of chunks.
    request.max_content_length = most + 1
    return _unzipped(_read(most), most) if _is_zipped() else _read(most)


def _read(most: int) -> Iterator[bytes]:
    limit = min(most, UNANNOUNCED_BYTES_MAX) if is_chunked() else most
    received = 0
    while chunk := request.stream.read(CHUNK_BYTES):
        received += len(chunk)
        if received > limit:
            raise _too_large(limit)
        yield chunk


def _is_zipped() -> bool:
    """Whether the body is gzip; raises Problem for any other encoding."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return False
    if encoding not in _GZIP:
        raise Problem(
            HttpCode.UNSUPPORTED_MEDIA_TYPE,
            f"The body is encoded as {encoding[:40]!r}. Send it as it is, or with `Content-Encoding: gzip`.",
        )
    return True


def _unzipped(chunks: Iterable[bytes], most: int) -> Iterator[bytes]:
    """What was zipped, in pieces of a limited size: a small file may unfold to a very large one."""
    inflate = zlib.decompressobj(_WITH_GZIP_HEAD)
    unfolded = 0
    for chunk in chunks:
        if inflate.eof:
            raise _not_gzip("something stands behind its end")
        rest = chunk
        while True:
            try:
                piece = inflate.decompress(rest, CHUNK_BYTES)
            except zlib.error as error:
                raise _not_gzip(str(error)) from error
            unfolded += len(piece)
            if unfolded > most:
                raise _too_large(most)
            if piece:
                yield piece
            rest = inflate.unconsumed_tail
            if not rest and len(piece) < CHUNK_BYTES:
                break
        if inflate.unused_data:
            raise _not_gzip("something stands behind its end")
    if not inflate.eof:
        raise _not_gzip("it ends too early")


def _not_gzip(why: str) -> Problem:
    return Problem(
        Code.MALFORMED,
        f"The body says that it is gzip, and cannot be read as one gzip file: {why}. Nothing was done; zip it"
        " again, or send it as it is.",
    )


def _too_large(most: int) -> Problem:
    detail = f"A body has at most {most} bytes here, also when it is unzipped. Send less at a time."
    if is_chunked() and most == UNANNOUNCED_BYTES_MAX:
        detail = (
            f"A file whose length is not announced has at most {most} bytes. Send it with Content-Length, as"
            " `curl --data-binary @file` does."
        )
    return Problem(HttpCode.TOO_LARGE, detail)


class _AtOnce:
    """A chunked body under Granian, which tells of a broken one only to who reads it in one piece.

    To such a reader it gives nothing; who reads in pieces gets what came, and cannot see that the end is
    missing. An empty body is taken for a broken one: nobody sends it in chunks.
    """

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._content: BytesIO | None = None

    def read(self, size: int = -1, /) -> bytes:
        if self._content is None:
            self._content = BytesIO(self._stream.read())
            if not self._content.getbuffer().nbytes:
                raise ClientDisconnected
        return self._content.read(size)
