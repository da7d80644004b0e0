"""`tongdui run` or `tongdui serve` as a process of its own, on a database of the tests."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from support.alliance import PERSONAL_DATA_KEYS, SEALING_KEYS
from support.api import OPERATOR_KEY

SECONDS_MAX = 60
WORKERS = 2


class Running:
    """A `tongdui` that has been started, and where it listens."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.port = port

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def servers(self) -> list[psutil.Process]:
        """The processes that answer: what forks them has them as its children."""
        return [one for one in self.family() if not one.children()]

    def answers(self) -> bool:
        try:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


def eventually(what: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + SECONDS_MAX
    while not what():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(command: str, url: str, folder: Path, port: int) -> Iterator[Running]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("TONGDUI_")}
    environment = own | {
        "DATABASE_URL": url,
        "TONGDUI_DATA": str(folder),
        "TONGDUI_PORT": str(port),
        "TONGDUI_WORKERS": str(WORKERS),
        "TONGDUI_BOOTSTRAP_KEY": OPERATOR_KEY,
        "TONGDUI_PERSONAL_DATA_KEYS": PERSONAL_DATA_KEYS,
        "TONGDUI_SEALING_KEYS": SEALING_KEYS,
    }
    arguments = [sys.executable, "-c", "from api.cli import main; main()", command]
    process = subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    running = Running(process, port)
    try:
        yield running
    finally:
        process.kill()
        process.communicate()
