"""The posting function, `Writer.post`, called with batches of several sizes."""

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.measure import batches_of, in_turns, rate_of
from benchmarks.redemptions import Errand, check, check_books, command, errands
from benchmarks.results import Row, Section, share_of_limit
from clearing.writer import Writer

#: Batch size → the least fraction of the limit, (numerator, denominator).
SHARES = {1_000: (1, 2)}


def measure(bench: Bench) -> list[Row]:
    return [_row(bench, size) for size in bench.sizes.batches]


def _row(bench: Bench, size: int) -> Row:
    bench.say(f"posting: batches of {size:,}")
    rates = in_turns(
        bench.sizes.runs,
        {"ours": lambda: _ours(bench, size), "limit": lambda: _limit(bench, size)},
    )
    share = SHARES.get(size)
    targets = (share_of_limit(rates["ours"], rates["limit"], *share),) if share else ()
    return Row(f"batches of {size:,}", rates["ours"], rates["limit"], targets=targets)


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
    with bench.limit.batches() as post:
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
    "posting",
    "the posting function, one connection",
    "the same batches set-based by hand",
    measure,
)
