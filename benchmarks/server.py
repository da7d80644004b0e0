"""Tongdui itself, started as an operator starts it, and whatever else is to stand beside it."""

import http.client
import os
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.bench import Bench

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20
POLL_SECONDS = 0.02

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "tongdui")


class Served(NamedTuple):
    """A server that is ready: where, its first process, and how long it took to get ready."""

    port: int
    pid: int
    seconds: float


@contextmanager
def serving(bench: Bench) -> Iterator[Served]:
    """Run `tongdui serve` with its default settings on the bench's database."""
    environment = {"DATABASE_URL": bench.url, "TONGDUI_DATA": str(bench.folder / "serve")}
    with launched(bench, [PROGRAM, "serve"], environment) as served:
        yield served


@contextmanager
def launched(
    bench: Bench, command: Sequence[str], environment: Mapping[str, str], ready: str = "/readyz"
) -> Iterator[Served]:
    """Run a server that listens at TONGDUI_PORT, with no other settings than these; stop it afterwards.

    It is ready when it answers GET `ready` with 200. Raises RuntimeError, with what it said, if it never is.
    """
    port = _free_port()
    log = bench.folder / "server.log"
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TONGDUI_") and name != "DATABASE_URL"
    }
    place = {"TONGDUI_HOST": "127.0.0.1", "TONGDUI_PORT": str(port)}
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, env={**own, **environment, **place}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(process, port, ready, log)
        yield Served(port, process.pid, time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, path: str, log: Path) -> None:
    give_up_at = time.monotonic() + START_SECONDS_MAX
    while not _is_ready(port, path):
        if process.poll() is not None or time.monotonic() > give_up_at:
            raise RuntimeError(f"the server does not start:\n{log.read_text(errors='replace')[-3_000:]}")
        time.sleep(POLL_SECONDS)


def _is_ready(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
