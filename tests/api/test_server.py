"""`tongdui run` and `tongdui serve` as processes: what they start, where it runs, and that it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import pytest

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


@pytest.fixture
def running(alliance_url: str, tmp_path: Path) -> Iterator[Running]:
    """`tongdui run` that answers."""
    with started("run", alliance_url, tmp_path, free_port()) as running:
        eventually(running.answers)
        eventually(lambda: len(running.servers()) == WORKERS)
        yield running


def test_a_header_that_is_sent_twice_arrives_with_a_comma_and_is_refused(running: Running) -> None:
    connection = HTTPConnection("127.0.0.1", running.port, timeout=30)
    connection.putrequest("POST", "/v1/fee-rules")
    headers = [("Authorization", f"Bearer {OPERATOR_KEY}"), ("Content-Type", "application/json")]
    body = b'{"kind": "visit", "rate": "0.01"}'
    sent = (*headers, ("Content-Length", len(body)), ("Idempotency-Key", "a"), ("Idempotency-Key", "b"))
    for name, value in sent:
        connection.putheader(name, str(value))
    connection.endheaders(body)
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["code"]) == (400, "malformed")


def test_each_server_process_stays_on_a_processor_of_its_own(running: Running) -> None:
    allowed = os.sched_getaffinity(0)
    # A process is there before it has chosen.
    eventually(lambda: all(len(one.cpu_affinity()) == 1 for one in running.servers()))
    chosen = {one.cpu_affinity()[0] for one in running.servers()}
    assert chosen <= allowed
    assert len(chosen) == min(WORKERS, len(allowed))
    # The program itself, with its schedule, runs anywhere.
    assert set(psutil.Process(running.process.pid).cpu_affinity()) == allowed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_all_of_it_stops(running: Running, number: signal.Signals) -> None:
    family = running.family()
    running.process.send_signal(number)
    told, _ = running.process.communicate(timeout=SECONDS_MAX)
    assert running.process.returncode == 0, told
    assert told.endswith("Stopped.\n")
    assert not [one for one in family if one.is_running()]


def test_killed_it_leaves_nobody_at_the_port(running: Running) -> None:
    family = running.family()
    running.process.kill()
    eventually(lambda: not [one for one in family if one.is_running()])
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", running.port))


def test_without_one_of_its_servers_it_ends_and_says_so(running: Running) -> None:
    running.servers()[0].kill()
    told, _ = running.process.communicate(timeout=SECONDS_MAX)
    assert running.process.returncode == 1
    assert "The server has ended with status 1." in told


@pytest.mark.parametrize("command", ["run", "serve"])
def test_a_port_that_is_taken_is_told_in_a_sentence(alliance_url: str, tmp_path: Path, command: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port: int = other.getsockname()[1]
        with started(command, alliance_url, tmp_path, port) as running:
            told, _ = running.process.communicate(timeout=SECONDS_MAX)
    assert running.process.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in told
    assert "set TONGDUI_PORT to another port" in told


def test_without_its_database_nothing_of_it_stays(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        nowhere = f"postgresql://nobody:secret@127.0.0.1:{silent.getsockname()[1]}/none"
        with started("run", nowhere, tmp_path, free_port()) as running:
            eventually(lambda: bool(running.family()))
            family = running.family()
            silent.close()
            told, _ = running.process.communicate(timeout=SECONDS_MAX)
    assert running.process.returncode == 1
    assert "The database cannot be reached" in told
    assert "secret" not in told
    assert not [one for one in family if one.is_running()]
