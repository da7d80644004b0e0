"""The posting queue: many callers, one writer, and no command harms its neighbours."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

import pytest
from sqlalchemy import Engine

from clearing import writer as writer_module
from clearing.core.commands import Command
from clearing.core.outcomes import Outcome, Posted, Refusal
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


def gated(engine: Engine) -> tuple[PostingQueue, Gate]:
    gate = Gate(engine)
    return PostingQueue(lambda: gate), gate  # type: ignore[arg-type,return-value]  # it quacks


def test_each_caller_gets_the_outcome_of_its_own_command(ledger: Ledger, queue: PostingQueue) -> None:
    wang = ledger.enrol("JADE")
    commands = [ledger.pays_cash(wang, "JADE", 100 + number) for number in range(20)]
    commands.append(ledger.redeems(wang, "JADE", 10**6))
    outcomes = at_once([lambda one=one: queue.post(one, SECONDS) for one in commands])  # type: ignore[misc]
    assert isinstance(outcomes.pop(), Refusal)
    amounts = [one.booking.transaction.amount for one in outcomes if isinstance(one, Posted)]
    assert amounts == [100 + number for number in range(20)]


def test_what_arrives_while_a_batch_commits_is_the_next_batch(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    queue, gate = gated(engine)
    first = threading.Thread(target=queue.post, args=(ledger.pays_cash(wang, "JADE", 1), SECONDS))
    first.start()
    assert gate.waiting.wait(SECONDS)
    commands = [ledger.pays_cash(wang, "JADE", 100) for _ in range(9)]
    rest = [threading.Thread(target=queue.post, args=(one, SECONDS)) for one in commands]
    for thread in rest:
        thread.start()
    while queue._jobs.qsize() < 9:
        pass
    gate.opened.set()
    for thread in [first, *rest]:
        thread.join()
    queue.close()
    assert gate.sizes == [1, 9]


def test_a_command_that_meets_a_bug_harms_no_neighbour(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wang = ledger.enrol("JADE")
    real = writer_module.decide

    def decide(snapshot: Any, commands: Sequence[Command], *rest: Any) -> Any:
        if any(command.reference == "bug" for command in commands):
            raise ZeroDivisionError("a bug")
        return real(snapshot, commands, *rest)

    monkeypatch.setattr(writer_module, "decide", decide)
    queue, gate = gated(engine)
    results: dict[int, object] = {}

    def post(number: int) -> None:
        reference = "bug" if number == 3 else None
        try:
            command = ledger.pays_cash(wang, "JADE", 100, reference=reference)
            results[number] = queue.post(command, SECONDS)
        except ZeroDivisionError as error:
            results[number] = error

    threads = [threading.Thread(target=post, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    assert gate.waiting.wait(SECONDS)
    while queue._jobs.qsize() + 1 < 6:
        pass
    gate.opened.set()
    for thread in threads:
        thread.join()
    queue.close()
    assert isinstance(results.pop(3), ZeroDivisionError)
    assert all(isinstance(result, Posted) for result in results.values())
    assert len(results) == 5


def test_an_outcome_that_is_not_known_in_time_raises_and_may_be_posted_all_the_same(
    ledger: Ledger, engine: Engine
) -> None:
    wang = ledger.enrol("JADE")
    command = ledger.pays_cash(wang, "JADE", 100)
    queue, gate = gated(engine)
    with pytest.raises(FutureTimeoutError):
        queue.post(command, 0.05)
    gate.opened.set()
    queue.close()
    [again] = ledger.post(command)
    assert not isinstance(again, Posted)  # it had been


def test_closing_posts_what_is_waiting_and_takes_nothing_more(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.enrol("JADE")
    queue, gate = gated(engine)
    outcomes: list[Outcome] = []
    commands = [ledger.pays_cash(wang, "JADE", 100) for _ in range(5)]
    threads = [
        threading.Thread(target=lambda one=one: outcomes.append(queue.post(one, SECONDS)))  # type: ignore[misc]
        for one in commands
    ]
    for thread in threads:
        thread.start()
    assert gate.waiting.wait(SECONDS)
    while queue._jobs.qsize() + 1 < 5:
        pass
    closing = threading.Thread(target=queue.close)
    closing.start()
    gate.opened.set()
    for thread in [closing, *threads]:
        thread.join(SECONDS)
    assert [type(outcome) for outcome in outcomes] == [Posted] * 5
    with pytest.raises(RuntimeError, match="closed"):
        queue.post(ledger.pays_cash(wang, "JADE", 100), SECONDS)


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
