"""Timing. Whatever is compared is measured in turns, so that a slow minute of the machine meets both."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import TypeVar

from api.collector import settle_collector

Batch = TypeVar("Batch")


def in_turns(runs: int, contestants: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The median of what each contestant measures; in every round each of them has one turn."""
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(runs):
        for name, take_turn in contestants.items():
            found[name].append(take_turn())
    return {name: median(measured) for name, measured in found.items()}


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def batches_of(items: Sequence[Batch], size: int) -> list[Sequence[Batch]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def rate_of(post: Callable[[Sequence[Batch]], object], batches: Sequence[Sequence[Batch]]) -> float:
    """Items a second when the batches are posted one after the other."""
    with collector_as_in_the_server():
        began = time.perf_counter()
        for batch in batches:
            post(batch)
        elapsed = time.perf_counter() - began
    return sum(map(len, batches)) / elapsed


@contextmanager
def collector_as_in_the_server() -> Iterator[None]:
    """Set Python's collector as the server does, and keep it away from the prepared work: a server holds no
    hundred thousand commands at once.
    """
    before = gc.get_threshold()
    settle_collector()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
