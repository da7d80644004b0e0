"""Posting from several processes at once, each with a connection, a stripe of the totals and its wallets.

They are processes and not threads because that is how Tongdui grows (`TONGDUI_WORKERS`); the limit is given
the same.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from benchmarks import limit
from benchmarks.bench import Bench
from benchmarks.measure import batches_of, collector_as_in_the_server
from benchmarks.redemptions import Errand, check_books, command
from clearing.core.commands import Command
from clearing.core.outcomes import Outcome, Posted
from clearing.writer import Writer
from database import make_engine

Batches = Sequence[Sequence[Any]]
Post = Callable[[Sequence[Any]], object]
Opened = Callable[[], AbstractContextManager[Post]]


def work_needed(bench: Bench, writers: int) -> int:
    """How many errands so many writers take, those to warm up with included."""
    return bench.sizes.batch * (bench.sizes.abreast + 1) * writers


def ours(bench: Bench, work: Sequence[Errand], writers: int) -> float:
    """Redemptions a second by so many processes with a `Writer` each, into empty books."""
    rate = posted(bench, work, writers)
    check_books(bench.engine, len(work))
    return rate


def posted(bench: Bench, work: Sequence[Errand], writers: int) -> float:
    """The same, into books that may have something in them."""
    commands = [[command(bench.alliance, one) for one in share] for share in _shares(work, writers)]
    return _rate(bench, [(partial(_writer, bench.url), share) for share in commands])


def by_hand(bench: Bench, work: Sequence[Errand], writers: int) -> float:
    shares = _shares(work, writers)
    opened = [partial(limit.batches, bench.url, bench.limit.batch, stripe) for stripe in range(writers)]
    return _rate(bench, list(zip(opened, shares, strict=True)))


def _shares(work: Sequence[Errand], writers: int) -> list[Sequence[Errand]]:
    """The work split so that no two have a wallet in common, as no member comes twice; all equally large."""
    return batches_of(work, len(work) // writers)


@contextmanager
def _writer(url: str) -> Iterator[Post]:
    engine = make_engine(url, pool_size=1, application_name="benchmarks", pre_ping=False)
    try:
        with Writer(engine) as writer:
            yield partial(_post, writer)
    finally:
        engine.dispose()


def _post(writer: Writer, commands: Sequence[Command]) -> list[Outcome]:
    outcomes = writer.post(commands)
    assert isinstance(outcomes[0], Posted), outcomes[0]
    return outcomes


def _rate(bench: Bench, writers: Sequence[tuple[Opened, Sequence[Any]]]) -> float:
    """Of all together: from the instant at which all begin until the last one is ready.

    Raises EOFError if one fails; it has printed why.
    """
    # Not forked: a copy of this process would also have its threads' locks, and its database.
    context = multiprocessing.get_context("spawn")
    ends: list[Connection] = []
    processes = []
    for opened, share in writers:
        mine, its = context.Pipe()
        process = context.Process(
            target=_take_part, args=(opened, batches_of(share, bench.sizes.batch), its), daemon=True
        )
        process.start()
        its.close()  # so that ours ends when the process does
        ends.append(mine)
        processes.append(process)
    for end in ends:
        end.recv()
    began = time.perf_counter()
    for end in ends:
        end.send(None)
    for end in ends:
        end.recv()
    elapsed = time.perf_counter() - began
    for process in processes:
        process.join()
    return sum(len(share) - bench.sizes.batch for _, share in writers) / elapsed


def _take_part(opened: Opened, batches: Batches, parent: Connection) -> None:
    """Post one batch to warm up, tell so, wait for the sign, post the rest, tell so."""
    with opened() as post:
        post(batches[0])
        with collector_as_in_the_server():
            parent.send(None)
            parent.recv()
            for batch in batches[1:]:
                post(batch)
            parent.send(None)
