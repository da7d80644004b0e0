"""Tongdui itself, started as an operator starts it, on the bench's database."""

import http.client
import os
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench import Bench

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20


@contextmanager
def serving(bench: Bench) -> Iterator[int]:
    """Run `tongdui serve` with its default settings; yields the port once it is ready."""
    port = _free_port()
    log = bench.folder / "serve.log"
    environment = {
        "DATABASE_URL": bench.url,
        "TONGDUI_DATA": str(bench.folder / "serve"),
        "TONGDUI_HOST": "127.0.0.1",
        "TONGDUI_PORT": str(port),
    }
    own = {name: value for name, value in os.environ.items() if not name.startswith("TONGDUI_")}
    program = Path(sysconfig.get_path("scripts")) / "tongdui"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "serve"], env=own | environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(process, port, log)
        yield port
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


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    give_up_at = time.monotonic() + START_SECONDS_MAX
    while not _is_ready(port):
        if process.poll() is not None or time.monotonic() > give_up_at:
            raise RuntimeError(f"the server does not start:\n{log.read_text(errors='replace')[-3_000:]}")
        time.sleep(0.1)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
