"""The load generator: HTTP clients that each send their next request when the last one is answered.

`python -m benchmarks.clients PORT CLIENTS WARM_UP_SECONDS SECONDS STATUS once|again FILE`, where FILE is a
JSON list of complete requests, to be sent once each or over and over, and STATUS is what each is to be
answered with. It prints one JSON object, see `Load`. All clients share one thread that only waits, sends
prepared bytes and looks for the end of each answer, so that it leaves the processors to the server; `busy`
tells how far that is true.
"""

import json
import re
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_SILENCE_SECONDS_MAX = 60


@dataclass(frozen=True)
class Load:
    """`answers` were counted in `seconds` after warming up, their latencies in ms; `busy` is the generator's
    share of one processor; `answers_in_all` includes the warm-up and those that were still on the way.
    `by_client` are the counted answers of each. `failures`: the first answers with another status.
    """

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    busy: float
    answers_in_all: int
    by_client: list[int]
    failures: list[str]

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


class _Client:
    """One connection that is kept alive."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self.answer = b""
        self.answered = 0

    def send(self, request: bytes) -> None:
        self.answer = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what has come; whether the answer is complete."""
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.answer += data
        head = self.answer.find(_HEAD_END)
        if head < 0:
            return False
        length = _LENGTH.search(self.answer, 0, head + 2)
        if length is None:
            raise ValueError(f"an answer without its length: {self.answer[:200]!r}")
        return len(self.answer) >= head + len(_HEAD_END) + int(length[1])

    def has(self, status: int) -> bool:
        return self.answer.startswith(b"HTTP/1.1 %d " % status)


def generate(
    port: int, clients: int, warm_up: float, seconds: float, status: int, requests: Iterator[bytes]
) -> Load:
    """Raises TimeoutError when the server falls silent and ValueError when the requests run out."""
    latencies: list[float] = []
    failures: list[str] = []
    in_all = 0
    selector = selectors.DefaultSelector()
    processor_began = time.process_time()
    began = time.perf_counter()
    counted_from = began + warm_up
    counted_until = counted_from + seconds
    everybody = [_Client(port) for _ in range(clients)]
    for client in everybody:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send(_next(requests))
    while selector.get_map():
        ready = selector.select(_SILENCE_SECONDS_MAX)
        if not ready:
            raise TimeoutError("the server has fallen silent")
        for key, _ in ready:
            client = key.data
            if not client.receive():
                continue
            now = time.perf_counter()
            in_all += 1
            if counted_from <= now < counted_until:
                latencies.append(now - client.sent_at)
                client.answered += 1
            if not client.has(status) and len(failures) < 5:
                failures.append(client.answer.decode(errors="replace"))
            if now < counted_until:
                client.send(_next(requests))
            else:
                selector.unregister(client.socket)
                client.socket.close()
    busy = (time.process_time() - processor_began) / (time.perf_counter() - began)
    p50, p99 = percentile_ms(latencies, 50), percentile_ms(latencies, 99)
    by_client = [client.answered for client in everybody]
    return Load(len(latencies), seconds, p50, p99, busy, in_all, by_client, failures)


def percentile_ms(seconds: list[float], per_cent: int) -> float:
    """The value below which so many per cent of the values lie; 0 when there are none."""
    ordered = sorted(seconds)
    return ordered[len(ordered) * per_cent // 100] * 1_000 if ordered else 0.0


def _next(requests: Iterator[bytes]) -> bytes:
    try:
        return next(requests)
    except StopIteration:
        raise ValueError("there were more answers than prepared requests") from None


def main() -> None:
    port, clients, warm_up, seconds, status, repeat, file = sys.argv[1:]
    requests = [text.encode() for text in json.loads(Path(file).read_text(encoding="utf-8"))]
    sent = cycle(requests) if repeat == "again" else iter(requests)
    load = generate(int(port), int(clients), float(warm_up), float(seconds), int(status), sent)
    print(json.dumps(asdict(load)))


if __name__ == "__main__":
    main()
