"""Telling how far a pass over lines has come, without a call for each line."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

EVERY = 1_000

Item = TypeVar("Item")


def reported(items: Iterable[Item], progress: Callable[[int], None] | None) -> Iterator[Item]:
    """The same items; `progress` is told how many more have been used, each thousand and at the end."""
    since = 0
    for item in items:
        yield item
        since += 1
        if since == EVERY and progress is not None:
            progress(since)
            since = 0
    if since and progress is not None:
        progress(since)
