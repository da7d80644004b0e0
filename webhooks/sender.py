"""One HTTP request to a receiver: body out, status back, within a time that the receiver cannot stretch.

The standard library's client, because the socket must be ours: it is connected to the address that was
judged, while certificate and Host are those of the name; and it is cut off when the time is over, however
slowly the receiver dribbles. Redirects are not followed; of the answer's body a little is read and dropped.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import NamedTuple

from webhooks.addresses import AddressPolicy, Target, UrlRefused

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
#: So much of an answer is read, for the sake of receivers that mind if it is not.
BODY_BYTES_MAX = 16_384
USER_AGENT = "Tongdui-Webhooks/1"


class Answer(NamedTuple):
    """`status` is what the receiver answered; None with `error` if it did not."""

    status: int | None
    error: str | None
    duration_ms: int
    retry_after: str | None = None

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """May be used by many threads."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        tls: ssl.SSLContext | None = None,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._policy = policy
        self._tls = tls or ssl.create_default_context()
        self._total_seconds = total_seconds

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send it once. Whatever the receiver does is an answer, never an exception."""
        started = time.monotonic()
        until = started + self._total_seconds
        error: str | None
        status = retry_after = None
        try:
            with self._request(self._policy.check(url), headers, body, until) as response:
                status, retry_after, error = response.status, response.getheader("Retry-After"), None
                with suppress(OSError, HTTPException):
                    response.read(BODY_BYTES_MAX)
        except UrlRefused as refused:
            error = str(refused)
        except (OSError, HTTPException, ValueError) as fault:
            error = (
                f"No answer within {self._total_seconds:g} seconds." if _is_over(until) else _reason(fault)
            )
        return Answer(status, error, round((time.monotonic() - started) * 1000), retry_after)

    @contextmanager
    def _request(
        self, target: Target, headers: Mapping[str, str], body: bytes, until: float
    ) -> Iterator[HTTPResponse]:
        sock = _connect(target, until)
        with sock, _ended_at(sock, until):
            kind: type[HTTPConnection] = HTTPSConnection if target.scheme == "https" else HTTPConnection
            connection = kind(target.host, target.port)
            connection.sock = sock
            if target.scheme == "https":
                connection.sock = self._tls.wrap_socket(sock, server_hostname=target.host)
            with connection.sock:
                common = {"Content-Type": "application/json", "User-Agent": USER_AGENT, "Connection": "close"}
                connection.request("POST", target.path, body, {**common, **headers})
                response = connection.getresponse()
                if _is_over(until):
                    raise TimeoutError  # headers that were cut off look like headers that have ended
                yield response


def _connect(target: Target, until: float) -> socket.socket:
    """To the first of the judged addresses that takes the connection."""
    fault: OSError = OSError("no address")
    for address in target.addresses:
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            sock = socket.create_connection((address, target.port), timeout=min(CONNECT_SECONDS, left))
        except OSError as error:
            fault = error
        else:
            sock.settimeout(max(until - time.monotonic(), 0.001))
            return sock
    raise fault


@contextmanager
def _ended_at(sock: socket.socket, until: float) -> Iterator[None]:
    """Cut the connection when the time is over: a limit for each read would begin anew with each byte."""
    # A descriptor of its own: the one that is being read from belongs to the reading thread.
    handle = sock.dup()

    def cut() -> None:
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(until - time.monotonic(), 0), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        handle.close()


def _is_over(until: float) -> bool:
    return time.monotonic() >= until


def _reason(fault: OSError | HTTPException | ValueError) -> str:
    """Why there was no answer, in words that help whoever runs the receiver."""
    match fault:
        case ssl.SSLCertVerificationError():
            return f"The certificate is not accepted: {fault.verify_message}."
        case ssl.SSLError():
            return f"TLS failed: {fault.reason or 'the connection was closed'}."
        case TimeoutError():
            return f"No connection within {CONNECT_SECONDS:g} seconds."
        case ConnectionRefusedError():
            return "The connection was refused."
        case HTTPException():
            return f"What came back is not an HTTP answer ({type(fault).__name__})."
        case OSError():
            return f"The connection failed: {fault.strerror or type(fault).__name__}."
        case _:
            return "The URL cannot be called."
