"""The posting function, `Writer.post`, called with batches of several sizes."""

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.limit import batches
from benchmarks.measure import batches_of, in_turns, rate_of
from benchmarks.redemptions import Errand, check, check_books, command, errands
from benchmarks.results import Row, Section, at_least
from clearing.writer import Writer

#: The batches that have a target, and what it is.
SIZE = 1_000
LEAST = 0.75


def measure(bench: Bench) -> list[Row]:
    return [_row(bench, size) for size in bench.sizes.batches]


def _row(bench: Bench, size: int) -> Row:
    bench.say(f"posting: batches of {size:,}")
    runs = bench.sizes.runs if size == SIZE else bench.sizes.growth_runs
    rates = in_turns(runs, {"ours": lambda: _ours(bench, size), "limit": lambda: _limit(bench, size)})
    conditions = (at_least(rates["ours"], rates["limit"], LEAST),) if size == SIZE else ()
    return Row(f"batches of {size:,}", rates["ours"], rates["limit"], conditions=conditions)


def _ours(bench: Bench, size: int) -> float:
    bench.alliance.restore()
    warm_up, work = _work(bench, size)
    commands = [[command(bench.alliance, errand) for errand in batch] for batch in work]
    with Writer(bench.engine) as writer:
        for batch in warm_up:
            check(writer.post([command(bench.alliance, errand) for errand in batch]))
        rate = rate_of(writer.post, commands)
    check_books(bench.engine, sum(map(len, [*warm_up, *work])))
    return rate


def _limit(bench: Bench, size: int) -> float:
    bench.limit.restore()
    warm_up, work = _work(bench, size)
    with batches(bench.url, bench.limit.batch) as post:
        for batch in warm_up:
            post(batch)
        return rate_of(post, work)


def _work(bench: Bench, size: int) -> tuple[list[Sequence[Errand]], list[Sequence[Errand]]]:
    """(batches to warm up with, batches to be timed)"""
    timed = size * bench.sizes.batches[size]
    warm_up = max(size, bench.sizes.warm_up // size * size)
    work = errands(bench.alliance, warm_up + timed, seed=size)
    return batches_of(work[:warm_up], size), batches_of(work[warm_up:], size)


SECTION = Section(
    1,
    "posting",
    "the posting function, one connection",
    "the same batches set-based by hand",
    measure,
)
