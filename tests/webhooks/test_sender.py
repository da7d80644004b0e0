"""One request: to the address that was judged, in the name that was registered, and in time."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.receiver import LOCAL, Receiver, Reply, receiver
from webhooks.addresses import AddressPolicy
from webhooks.sender import Sender

NAME = "pms.shop.example"
HEADERS = {"webhook-id": "evt_1"}


def local(*addresses: str) -> AddressPolicy:
    """Every name is on this machine, which is allowed."""
    return AddressPolicy(LOCAL, resolve=lambda host, port: addresses or ("127.0.0.1",))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for `NAME`, with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of the barest kind; its port. `answer` is called with each connection."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65_536)
                    answer(connection)
                except OSError:
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_certificate_and_host_are_those_of_the_name_at_the_address_that_was_judged(certificate: Path) -> None:
    asked_for = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    tls.sni_callback = lambda _, name, __: asked_for.append(name)
    with receiver(tls) as opened:
        sender = Sender(local(), tls=ssl.create_default_context(cafile=str(certificate)))
        url = f"https://{NAME}:{opened.port}/hooks?a=1"
        answer = sender.send(url, HEADERS, b'{"type": "x"}')
        assert (answer.status, answer.error) == (204, None)
        [got] = opened.received
    assert (got.path, got.id, got.body) == ("/hooks?a=1", "evt_1", b'{"type": "x"}')
    assert got.headers["host"] == f"{NAME}:{opened.port}"
    assert asked_for == [NAME]


def test_a_certificate_of_another_name_or_issuer_is_not_accepted(certificate: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with receiver(tls) as opened:
        trusting = Sender(local(), tls=ssl.create_default_context(cafile=str(certificate)))
        other = trusting.send(f"https://other.example:{opened.port}/", HEADERS, b"{}")
        unknown = Sender(local()).send(f"https://{NAME}:{opened.port}/", HEADERS, b"{}")
        assert opened.received == []
    assert other.status is None
    assert unknown.status is None
    assert "certificate is not accepted" in str(other.error)
    assert "certificate is not accepted" in str(unknown.error)


def test_a_receiver_without_tls_is_told_so(receiver: Receiver) -> None:
    answer = Sender(local()).send(f"https://{NAME}:{receiver.port}/", HEADERS, b"{}")
    assert answer.status is None
    assert "TLS failed" in str(answer.error)


def test_the_next_address_is_tried_if_the_first_takes_no_connection(receiver: Receiver) -> None:
    sender = Sender(local("127.0.0.77", "127.0.0.1"))
    assert sender.send(f"http://{NAME}:{receiver.port}/", HEADERS, b"{}").status == 204


def test_a_long_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(200, body=b"x" * 20_000_000)
    started = time.monotonic()
    assert Sender(local()).send(receiver.url, HEADERS, b"{}").status == 200
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x"),  # headers that never end
        (b"", b"H"),  # not even a status
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),  # the body is of no interest
    ],
)
def test_a_byte_now_and_then_does_not_stretch_the_time(start: bytes, drop: bytes) -> None:
    def dribble(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(100):
            connection.sendall(drop)
            time.sleep(0.1)

    with server(dribble) as port:
        started = time.monotonic()
        answer = Sender(local(), total_seconds=0.6).send(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
        assert time.monotonic() - started < 8  # it goes on for ten
    if answer.status is None:
        assert answer.error == "No answer within 0.6 seconds."
    else:
        assert start.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "said",
    [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 banana\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500],
)
def test_what_is_no_answer_is_told_as_such(said: bytes) -> None:
    with server(lambda connection: connection.sendall(said)) as port:
        answer = Sender(local(), total_seconds=5).send(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
    assert answer.status is None
    assert answer.error
    assert not answer.delivered


def test_a_name_that_no_certificate_can_have_is_a_failure_and_no_exception() -> None:
    answer = Sender(local()).send(f"https://{'x' * 80}.example:9/", HEADERS, b"{}")
    assert answer.status is None
    assert answer.error
