"""The posting queue: many callers, one writer, and no command harms its neighbours."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

import pytest
from sqlalchemy import Engine

from clearing import batches
from clearing import writer as writer_module
from clearing.core import decide as core
from clearing.core.commands import Command
from clearing.core.outcomes import Outcome, Posted, Refusal, Replayed
from clearing.queue import PostingQueue
from clearing.writer import Writer
from support.crowd import at_once
from support.ledger import Ledger

SECONDS = 20.0


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        ledger.book(ledger.pays_cash(ledger.enrol("JADE"), "JADE", 100))
        yield ledger


@pytest.fixture
def queue(ledger: Ledger, engine: Engine) -> Iterator[PostingQueue]:
    queue = PostingQueue(lambda: Writer(engine))
    yield queue
    queue.close()


class Gate:
    """A writer in whose place batches wait until the gate is opened; remembers how large they were."""

    def __init__(self, engine: Engine) -> None:
        self.writer = Writer(engine)
        self.opened = threading.Event()
        self.waiting = threading.Event()
        self.sizes: list[int] = []

    def __enter__(self) -> "Gate":
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()

    def post(self, commands: Sequence[Command]) -> list[Outcome]:
        self.waiting.set()
        assert self.opened.wait(SECONDS)
        self.sizes.append(len(commands))
        return self.writer.post(commands)


class Held:
    """A queue behind a gate, with one command in the writer's hands and the others waiting."""

    def __init__(self, ledger: Ledger, commands: Sequence[Command]) -> None:
        self.gate = Gate(ledger.engine)
        self.queue = PostingQueue(lambda: self.gate)  # type: ignore[arg-type,return-value]  # it quacks
        self.results: list[object] = [None] * len(commands)
        first = ledger.pays_cash(ledger.enrol("JADE"), "JADE", 1)
        self._threads = [threading.Thread(target=self.queue.post, args=(first, SECONDS))]
        self._threads[0].start()
        assert self.gate.waiting.wait(SECONDS)
        for number, command in enumerate(commands):
            self._threads.append(threading.Thread(target=self._post, args=(number, command)))
            self._threads[-1].start()
        deadline = time.monotonic() + SECONDS
        while self.queue._batches._jobs.qsize() < len(commands) and time.monotonic() < deadline:
            time.sleep(0.001)

    def finish(self) -> list[object]:
        """Open the gate; what each command came to, in order."""
        self.gate.opened.set()
        for thread in self._threads:
            thread.join(SECONDS)
        self.queue.close()
        return self.results

    def _post(self, number: int, command: Command) -> None:
        try:
            self.results[number] = self.queue.post(command, SECONDS)
        except ZeroDivisionError as error:
            self.results[number] = error


def test_each_caller_gets_the_outcome_of_its_own_command(ledger: Ledger, queue: PostingQueue) -> None:
    wang = ledger.enrol("JADE")
    commands: list[Command] = [ledger.pays_cash(wang, "JADE", 100 + number) for number in range(20)]
    commands.append(ledger.redeems(wang, "JADE", 10**6))
    outcomes = at_once([lambda one=one: queue.post(one, SECONDS) for one in commands])  # type: ignore[misc]
    assert isinstance(outcomes.pop(), Refusal)
    amounts = [one.booking.transaction.amount for one in outcomes if isinstance(one, Posted)]
    assert amounts == [100 + number for number in range(20)]


def test_what_arrives_while_a_batch_commits_is_the_next_batch(ledger: Ledger) -> None:
    wang = ledger.enrol("JADE")
    held = Held(ledger, [ledger.pays_cash(wang, "JADE", 100) for _ in range(9)])
    assert all(isinstance(result, Posted) for result in held.finish())
    assert held.gate.sizes == [1, 9]


def test_a_batch_is_not_larger_than_its_limit(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_MAX", 4)
    wang = ledger.enrol("JADE")
    held = Held(ledger, [ledger.pays_cash(wang, "JADE", 100) for _ in range(10)])
    assert all(isinstance(result, Posted) for result in held.finish())
    assert held.gate.sizes == [1, 4, 4, 2]


def test_a_command_that_meets_a_bug_harms_no_neighbour(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    wang = ledger.enrol("JADE")
    real = core.decide

    def decide(snapshot: Any, commands: Sequence[Command], *rest: Any) -> Any:
        if any(command.reference == "bug" for command in commands):
            raise ZeroDivisionError("a bug")
        return real(snapshot, commands, *rest)

    monkeypatch.setattr(writer_module, "decide", decide)
    references = [None, None, "bug", None, None]
    results = Held(
        ledger, [ledger.pays_cash(wang, "JADE", 100, reference=one) for one in references]
    ).finish()
    assert isinstance(results.pop(2), ZeroDivisionError)
    assert [type(result) for result in results] == [Posted] * 4


def test_an_outcome_that_is_not_known_in_time_raises_and_may_be_posted_all_the_same(ledger: Ledger) -> None:
    held, command = Held(ledger, []), ledger.pays_cash(ledger.enrol("JADE"), "JADE", 100)
    with pytest.raises(FutureTimeoutError):
        held.queue.post(command, 0.05)
    held.finish()
    assert isinstance(ledger.post(command)[0], Replayed)


def test_closing_posts_what_is_waiting_and_takes_nothing_more(ledger: Ledger) -> None:
    wang = ledger.enrol("JADE")
    held = Held(ledger, [ledger.pays_cash(wang, "JADE", 100) for _ in range(4)])
    closing = threading.Thread(target=held.queue.close)
    closing.start()
    assert [type(result) for result in held.finish()] == [Posted] * 4
    closing.join(SECONDS)
    with pytest.raises(RuntimeError, match="closed"):
        held.queue.post(ledger.pays_cash(wang, "JADE", 100), SECONDS)


def test_closing_one_that_was_never_used_or_twice_does_nothing(engine: Engine) -> None:
    queue = PostingQueue(lambda: Writer(engine))
    queue.close()
    queue.close()


def test_after_the_database_was_away_posting_goes_on(ledger: Ledger, queue: PostingQueue) -> None:
    wang = ledger.enrol("JADE")
    queue.post(ledger.pays_cash(wang, "JADE", 100), SECONDS)
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    command = ledger.pays_cash(wang, "JADE", 100)
    try:
        outcome = queue.post(command, SECONDS)
    except Exception:
        outcome = queue.post(command, SECONDS)  # with the same key, as the API tells its callers
    assert isinstance(outcome, Posted)


def test_a_posting_whose_connection_broke_is_done_once(
    ledger: Ledger, queue: PostingQueue, engine: Engine
) -> None:
    card = ledger.enrol("JADE")
    assert isinstance(queue.post(ledger.pays_cash(card, "JADE", 100), SECONDS), Posted)
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    command = ledger.pays_cash(card, "JADE", 200)
    assert isinstance(queue.post(command, SECONDS), Posted)
    assert isinstance(queue.post(command, SECONDS), Replayed)
