"""`tongdui run` and `tongdui serve` as processes: what they start, where it runs, and that it ends."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from support.api import OPERATOR_KEY
from support.served import SECONDS_MAX, WORKERS, Running, eventually, free_port, started


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
