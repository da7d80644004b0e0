"""Bodies of requests: all of it or none, unzipped within limits, and one document with nothing behind it.

Most of it against the application; what the server hands on of a broken connection, with sockets.
"""

import gzip
import json
import socket
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from api.bodies import BODY_BYTES_MAX
from clearing.core.commands import Scope
from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import WANG, Alliance
from support.api import Caller, code, good, problem, refused, wait_for_import
from support.people import make_user, reader
from support.served import Running, eventually, free_port, started

MEMBERS = "participant,name\nJADE,Zhao\nJADE,Qian\n"
ROUTES = [
    ("POST", "/v1/members", {"participant": "JADE", "name": "Zhao"}),
    ("POST", "/v1/periods/2026-11/close", {"early": True}),
    ("POST", "/v1/periods/2026-11/approve", {}),
    ("PUT", "/v1/alliance", {"grace_days": 31}),
    ("PATCH", "/v1/participants/JADE", {"name": "Jade"}),
    ("DELETE", "/v1/api-keys/none", {}),
    ("POST", "/v1/adjustments/adj_1/approve", {}),
    ("GET", "/v1/alliance", {}),
]


def sent(caller: Caller, method: str, path: str, data: bytes, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {caller.key}", "Idempotency-Key": str(uuid4())}
    headers |= more.pop("headers", {})
    more.setdefault("content_type", "application/json")
    return caller.client.open(path, method=method, data=data, headers=headers, **more)


def cut(data: bytes, announced: int) -> dict[str, Any]:
    """A body of which the server has less than was announced; it says that it ends the stream itself."""
    environ = {"wsgi.input": BytesIO(data), "CONTENT_LENGTH": str(announced), "wsgi.input_terminated": True}
    return {"environ_overrides": environ}


def place(alliance: Alliance, points: int = 2000) -> str:
    body = {"card": WANG, "merchant": "LOTUS-1", "points": points, "capture": False}
    return str(good(alliance.merchant("LOTUS-1").post("/v1/redemptions", body))["hold"])


def adds_up(alliance: Alliance) -> None:
    with frozen(alliance.services.engine) as connection:
        assert list(verify(connection)) == []


# ---- A body that was cut ----


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
@pytest.mark.parametrize("kept", [0, 1, 1.0])
def test_a_body_shorter_than_announced_is_refused_on_every_route(
    shared: Alliance, method: str, path: str, body: dict[str, Any], kept: float
) -> None:
    whole = json.dumps(body).encode()
    part = whole if isinstance(kept, float) else whole[:kept]
    found = refused(sent(shared.operator, method, path, b"", **cut(part, len(whole) + 1)))
    assert "ended before it was complete" in found["detail"]


def test_a_lost_body_captures_nothing_and_the_hold_stays(alliance: Alliance) -> None:
    hold, desk = place(alliance), alliance.merchant("LOTUS-1")
    whole = json.dumps({"points": 1800}).encode()
    for part in (b"", whole[:-1], whole):
        found = refused(sent(desk, "POST", f"/v1/holds/{hold}/capture", b"", **cut(part, len(whole) + 2)))
        assert "nothing was done" in found["detail"]
    assert good(desk.get(f"/v1/holds/{hold}"))["status"] == "held"
    captured = good(desk.post(f"/v1/holds/{hold}/capture", {"points": 1800}))
    assert captured["captured"] == 1800
    adds_up(alliance)


def test_all_of_it_is_said_explicitly(alliance: Alliance) -> None:
    hold, desk = place(alliance), alliance.merchant("LOTUS-1")
    path = f"/v1/holds/{hold}/capture"
    for nothing in (b"", b"\xef\xbb\xbf", b" "):
        found = refused(sent(desk, "POST", path, nothing))
        assert "body" in found["detail"]
    assert "`{}`" in refused(sent(desk, "POST", path, b""))["detail"]
    assert good(desk.get(f"/v1/holds/{hold}"))["status"] == "held"
    assert good(sent(desk, "POST", path, b"{}"))["captured"] == 2000
    other = place(alliance, 100)
    # Of a release there is no part.
    assert good(sent(desk, "POST", f"/v1/holds/{other}/void", b""))["status"] == "voided"
    booked = good(desk.post("/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "points": 10}))
    refused(sent(desk, "POST", f"/v1/transactions/{booked['id']}/reversals", b""))
    adds_up(alliance)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("path", ["/v1/imports?kind=members", "/v1/bank-files"])
def test_a_file_that_was_cut_is_not_taken_in(shared: Alliance, path: str) -> None:
    data = MEMBERS.encode()
    more = cut(data[:-4], len(data)) | {"content_type": "text/csv"}
    assert "nothing was done" in refused(sent(shared.operator, "POST", path, b"", **more))["detail"]
    assert not list(shared.services.files.glob("*"))


@pytest.mark.parametrize("field", ["quantity", "idempotency_key"])
def test_a_form_that_was_cut_does_nothing(alliance: Alliance, field: str) -> None:
    hold = place(alliance)
    with alliance.services.engine.begin() as connection:
        make_user(connection, "lotus", Scope.MERCHANT, "LOTUS-1")
    clerk = reader(alliance, "lotus")
    path = f"/desk/holds/{hold}/capture"
    fields = {"csrf_token": clerk.token("/desk/"), "idempotency_key": "k", "quantity": "1800"}
    last = {field: fields.pop(field)}
    form = urlencode(fields | last).encode()
    more = cut(form[:-2], len(form)) | {"content_type": "application/x-www-form-urlencoded"}
    answer = clerk.client.post(path, headers={"Accept": "text/html", "Accept-Language": "en"}, **more)
    assert answer.status_code == 400
    assert "nothing was done" in answer.text
    assert good(alliance.merchant("LOTUS-1").get(f"/v1/holds/{hold}"))["status"] == "held"


@pytest.mark.parametrize(("header", "status"), [("Transfer-Encoding", 400), ("Content-Encoding", 415)])
def test_a_form_comes_as_browsers_send_it(shared: Alliance, header: str, status: int) -> None:
    answer = shared.app.test_client().post(
        "/login", data=b"name=x", headers={header: "chunked" if status == 400 else "gzip"},
        environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert answer.status_code == status


class Broken:
    """The stream of a server that raises where a chunked body breaks off, as gunicorn's does."""

    def __init__(self, data: bytes) -> None:
        self.data = BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        if found := self.data.read(size):
            return found
        raise OSError("no more chunks")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("path", ["/v1/members", "/v1/imports?kind=members", "/v1/bank-files"])
def test_a_server_may_raise_where_a_body_breaks_off(shared: Alliance, path: str) -> None:
    environ = {"wsgi.input": Broken(MEMBERS.encode()), "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    content_type = "application/json" if path == "/v1/members" else "text/csv"
    answer = sent(
        shared.operator, "POST", path, b"", headers={"Transfer-Encoding": "chunked"},
        content_type=content_type, environ_overrides=environ,
    )  # fmt: skip
    assert "nothing was done" in refused(answer)["detail"]
    assert not list(shared.services.files.glob("*"))


@pytest.mark.usefixtures("unchanged")
def test_the_length_is_told_in_one_way(shared: Alliance) -> None:
    body = b'{"participant": "JADE"}'
    for coding, length in (("chunked", "23"), ("gzip, chunked", ""), ("identity", "")):
        environ = {"CONTENT_LENGTH": length, "wsgi.input_terminated": True}
        headers = {"Transfer-Encoding": coding}
        answer = sent(
            shared.operator, "POST", "/v1/members", body, headers=headers, environ_overrides=environ
        )
        assert "Content-Length" in refused(answer)["detail"]


# ---- What the server hands on of a broken connection ----


@pytest.fixture
def served(alliance: Alliance, tmp_path: Path) -> Iterator[Running]:
    """`tongdui serve` on the alliance's database."""
    url = str(alliance.services.engine.url.render_as_string(hide_password=False))
    with started("serve", url, tmp_path, free_port()) as running:
        eventually(running.answers)
        yield running


def raw(running: Running, path: str, key: str, headers: str, body: bytes, ends: bool) -> tuple[int, bytes]:
    """Status and content of the answer to what is written to a socket; with `ends` that is all of it."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as connection:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
            f"Idempotency-Key: {uuid4()}\r\n{headers}\r\n"
        )
        connection.sendall(head.encode() + body)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            content = answer.read()
    first, _, rest = content.partition(b"\r\n")
    return int(first.split()[1]), rest.partition(b"\r\n\r\n")[2]


JSON = "Content-Type: application/json\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
CSV = "Content-Type: text/csv\r\n"
CAPTURE = b'{"points": 1800}'


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


BROKEN = {
    "lost": (f"{JSON}Content-Length: 16\r\n", b""),
    "cut": (f"{JSON}Content-Length: 17\r\n", CAPTURE),
    "no last chunk": (JSON + CHUNKED, chunk(CAPTURE)),
    "no chunk": (JSON + CHUNKED, b""),
    "cut in a chunk": (JSON + CHUNKED, b"20\r\n" + CAPTURE),
    "cut behind the last chunk": (JSON + CHUNKED, chunk(CAPTURE) + b"0\r\n"),
    "no chunk's length": (JSON + CHUNKED, chunk(CAPTURE) + b"zz\r\n"),
}


def test_a_broken_connection_does_nothing(alliance: Alliance, served: Running) -> None:
    hold, desk = place(alliance), alliance.merchant("LOTUS-1")
    path = f"/v1/holds/{hold}/capture"
    for name, (headers, body) in BROKEN.items():
        status, content = raw(served, path, desk.key, headers, body, True)
        assert status == 400, (name, content)
        assert good(desk.get(f"/v1/holds/{hold}"))["status"] == "held", name
    for headers, body in (
        (f"{CSV}Content-Length: 400\r\n", MEMBERS.encode()),
        (CSV + CHUNKED, chunk(MEMBERS.encode())),
    ):
        for path_ in ("/v1/imports?kind=members", "/v1/bank-files"):
            status, content = raw(served, path_, alliance.operator.key, headers, body, True)
            assert status == 400, content
    # Whole ones, in chunks and gzip, are taken.
    last = b"0\r\n\r\n"
    status, content = raw(
        served, "/v1/imports?kind=members", alliance.operator.key, CSV + CHUNKED,
        chunk(MEMBERS[:20].encode()) + chunk(MEMBERS[20:].encode()) + last, False,
    )  # fmt: skip
    assert status == 202, content
    content = zipped(CAPTURE)
    status, content = raw(
        served, path, desk.key, JSON + CHUNKED + "Content-Encoding: gzip\r\n",
        chunk(content[:9]) + chunk(content[9:]) + last, False,
    )  # fmt: skip
    assert (status, json.loads(content)["captured"]) == (200, 1800)
    large = b'{"points": 1800, "x": "' + b"x" * BODY_BYTES_MAX + b'"}'
    status, _ = raw(served, path, desk.key, JSON + CHUNKED, chunk(large) + last, False)
    assert status == 413
    adds_up(alliance)


# ---- Encodings ----


def zipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


GZIP = {"headers": {"Content-Encoding": "gzip"}}


def test_gzip_is_read(alliance: Alliance) -> None:
    desk = alliance.merchant("LOTUS-1")
    hold = place(alliance)
    captured = good(sent(desk, "POST", f"/v1/holds/{hold}/capture", zipped(CAPTURE), **GZIP))
    assert captured["captured"] == 1800
    started_ = good(
        sent(alliance.operator, "POST", "/v1/imports?kind=members", zipped(MEMBERS.encode()),
             content_type="text/csv", **GZIP)
    )  # fmt: skip
    eventually(lambda: import_of(alliance, started_["id"])["status"] == "done")
    assert import_of(alliance, started_["id"])["accepted"] == 2
    bank = zipped(b"bank_reference,paid_on,amount_yuan,text\n")
    found = good(sent(alliance.operator, "POST", "/v1/bank-files", bank, content_type="text/csv", **GZIP))
    assert found["rows"] == 0
    adds_up(alliance)


def import_of(alliance: Alliance, import_id: str) -> Any:
    return good(alliance.operator.get(f"/v1/imports/{import_id}"))


BAD_GZIP = {
    "cut": zipped(CAPTURE)[:-1],
    "something behind it": zipped(CAPTURE) + b"\0",
    "two of them": zipped(CAPTURE) + zipped(b""),
    "another checksum": zipped(CAPTURE)[:-8] + bytes(8),
    "none": CAPTURE,
    "only zlib": zlib.compress(CAPTURE),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", BAD_GZIP)
def test_gzip_that_is_none_or_not_only_that_is_refused(shared: Alliance, name: str) -> None:
    data = BAD_GZIP[name]
    for path, content_type in (
        ("/v1/holds/hold_1/capture", "application/json"),
        ("/v1/imports?kind=members", "text/csv"),
        ("/v1/bank-files", "text/csv"),
    ):
        answer = sent(shared.operator, "POST", path, data, content_type=content_type, **GZIP)
        assert "gzip" in refused(answer)["detail"]
    assert not list(shared.services.files.glob("*"))


@pytest.mark.usefixtures("unchanged")
def test_what_unfolds_beyond_the_limit_is_refused(shared: Alliance, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(b'{"x": "' + b"x" * 50_000_000 + b'"}')
    assert len(bomb) < 100_000
    refused(sent(shared.operator, "POST", "/v1/accruals", bomb, **GZIP), "too_large")
    refused(
        sent(shared.operator, "POST", "/v1/bank-files", bomb, content_type="text/csv", **GZIP), "too_large"
    )
    monkeypatch.setattr("api.v1.imports.BYTES_MAX", 1_000_000)
    answer = sent(shared.operator, "POST", "/v1/imports?kind=members", bomb, content_type="text/csv", **GZIP)
    refused(answer, "too_large")
    assert not list(shared.services.files.glob("*"))


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "aws-chunked"])
@pytest.mark.parametrize("path", ["/v1/members", "/v1/imports?kind=members", "/v1/bank-files", "/v1/quotes"])
def test_another_encoding_is_not_supported(shared: Alliance, encoding: str, path: str) -> None:
    answer = sent(shared.operator, "POST", path, b"{}", headers={"Content-Encoding": encoding})
    assert "gzip" in refused(answer, "unsupported_media_type")["detail"]


# ---- One document, each name once ----


@pytest.mark.parametrize(
    "body",
    [
        '{"card": "62000001", "merchant": "LOTUS-1", "points": 100, "points": 4000}',
        '{"card": "62000001", "merchant": "LOTUS-1", "points": 100, "\\u0070oints": 4000}',
        '{"card": "62000001", "merchant": "LOTUS-1", "points": 100, "metadata": {"a": "1", "a": "2"}}',
    ],
)
def test_a_name_that_stands_twice_in_an_object_is_refused(shared: Alliance, body: str) -> None:
    desk = shared.merchant("LOTUS-1")
    before = shared.sums()
    found = refused(sent(desk, "POST", "/v1/redemptions", body.encode()))
    assert "twice" in found["detail"]
    lines = body + "\n" + '{"card": "62000001", "merchant": "LOTUS-1", "points": 0}\n'
    done = wait_for_import(shared.operator, "redemptions", lines, media_type="application/x-ndjson")
    assert (done["rows"], done["refused"]) == (2, 2)
    told = shared.operator.get(f"/v1/imports/{done['id']}/errors.csv").text
    assert "twice" in told.splitlines()[1]
    assert shared.sums() == before


@pytest.mark.parametrize("behind", ["{}", "]", "x", "\0", ', "points": 1', "\ufeff"])
def test_what_stands_behind_the_document_is_refused(shared: Alliance, behind: str) -> None:
    desk = shared.merchant("LOTUS-1")
    body = '{"card": "62000001", "merchant": "LOTUS-1", "points": 100}'
    before = shared.sums()
    assert "JSON" in refused(sent(desk, "POST", "/v1/redemptions", (body + behind).encode()))["detail"]
    done = wait_for_import(
        shared.operator, "redemptions", body + behind + "\n", media_type="application/x-ndjson"
    )
    assert (done["rows"], done["refused"]) == (1, 1)
    assert shared.sums() == before


@pytest.mark.usefixtures("unchanged")
def test_a_query_names_a_thing_once(shared: Alliance) -> None:
    found = problem(shared.operator.get("/v1/transactions?card=62000001&card=62000002"))
    assert (found["code"], found["errors"][0]["pointer"]) == ("malformed", "?card")
    answer = sent(shared.operator, "POST", "/v1/imports?kind=members&historical=false&historical=true",
                  MEMBERS.encode(), content_type="text/csv")  # fmt: skip
    assert code(answer) == "malformed"
