"""A batch waits for those who ask one after the other, a moment, and not for who is alone."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from clearing import batches
from clearing.batches import Batches

SECONDS = 20.0
#: Who has to wait that long gives up before.
FOREVER = 10 * SECONDS


class Doubling:
    """Doubles numbers in batches and remembers these. The first of them waits for the gate."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []
        self.begun = threading.Event()
        self.gate = threading.Event()

        @contextmanager
        def opened() -> Iterator[Callable[[Sequence[int]], list[int]]]:
            yield self._double

        self.batches: Batches[int, int] = Batches("doubling", opened)

    def _double(self, numbers: Sequence[int]) -> list[int]:
        self.seen.append(sorted(numbers))
        self.begun.set()
        assert self.gate.wait(SECONDS)
        return [2 * number for number in numbers]

    def ask(self, *numbers: int) -> list[threading.Thread]:
        """Each is asked by a thread of its own."""
        threads = [
            threading.Thread(target=self.batches.ask, args=(number, SECONDS), daemon=True)
            for number in numbers
        ]
        for thread in threads:
            thread.start()
        return threads

    def two_wait_behind_one(self) -> list[threading.Thread]:
        """1 is carried out, 2 and 3 are waiting; then the gate opens."""
        threads = self.ask(1)
        assert self.begun.wait(SECONDS)
        threads += self.ask(2, 3)
        while self.batches._jobs.qsize() < 2:
            pass
        self.gate.set()
        threads[0].join(SECONDS)
        return threads


@pytest.fixture
def doubling() -> Iterator[Doubling]:
    doubling = Doubling()
    yield doubling
    doubling.gate.set()
    doubling.batches.close()


def wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PAUSE_SECONDS_MAX", FOREVER)
    monkeypatch.setattr(batches, "WAIT_SECONDS_MAX", FOREVER)


def test_who_was_answered_is_waited_for(doubling: Doubling, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for_ever(monkeypatch)
    doubling.two_wait_behind_one()
    assert doubling.batches.ask(4, SECONDS) == 8
    assert doubling.seen == [[1], [2, 3, 4]]


@pytest.mark.parametrize("short", ["PAUSE_SECONDS_MAX", "WAIT_SECONDS_MAX"])
def test_who_does_not_ask_again_holds_up_nobody(
    doubling: Doubling, monkeypatch: pytest.MonkeyPatch, short: str
) -> None:
    wait_for_ever(monkeypatch)
    monkeypatch.setattr(batches, short, 0.001)
    for thread in doubling.two_wait_behind_one():
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert doubling.seen == [[1], [2, 3]]


def test_who_is_alone_does_not_wait(doubling: Doubling, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for_ever(monkeypatch)
    doubling.gate.set()
    assert [doubling.batches.ask(number, SECONDS) for number in (1, 2, 3)] == [2, 4, 6]
    assert doubling.seen == [[1], [2], [3]]


def test_closing_does_not_wait_for_anybody(doubling: Doubling, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for_ever(monkeypatch)
    threads = doubling.two_wait_behind_one()
    doubling.batches.close()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
