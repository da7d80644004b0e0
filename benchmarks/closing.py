"""Closing a period: what it costs after few and after many transactions, and how long postings stand still.

Periods are closed early, one month after the other, so that each holds just what was posted for it.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from sqlalchemy import select

from benchmarks.bench import Bench
from benchmarks.measure import batches_of
from benchmarks.redemptions import command, errands
from benchmarks.results import Row, Section, Target
from clearing.core.calendar import PeriodState
from clearing.tables import periods
from clearing.writer import Writer
from settlement.close import cut_off, settle_period

BATCH = 10_000
#: How often the period with few transactions is closed; the one with many takes minutes to fill.
RUNS = 3
WRITERS = 4
#: The time after many may be so many times the time after few: the noise of one measurement.
RATIO_MAX = 1.5
STALL_SECONDS_MAX = 1.0


def measure(bench: Bench) -> list[Row]:
    bench.alliance.restore()
    few, many = bench.sizes.closings
    seconds = {}
    for count, runs in ((few, RUNS), (many, 1)):
        bench.say(f"closing: {count:,} transactions")
        seconds[count] = median(_close_after(bench, count, seed=1_000 * run) for run in range(1, runs + 1))
    bench.say("closing: under load")
    usual, longest, closing = _stall(bench)
    return [
        Row(
            f"{many:,} against {few:,}",
            1 / seconds[many],
            1 / seconds[few],
            f"{seconds[many] * 1_000:.0f} ms against {seconds[few] * 1_000:.0f} ms",
            (Target(f"≤ {RATIO_MAX:g} × the time", seconds[many] <= RATIO_MAX * seconds[few]),),
        ),
        Row(
            "postings meanwhile",
            1 / longest,
            1 / usual,
            f"longest {longest * 1_000:.0f} ms of {usual * 1_000:.1f} ms; closing {closing * 1_000:.0f} ms",
            (Target(f"< {STALL_SECONDS_MAX:g} s", longest < STALL_SECONDS_MAX),),
        ),
    ]


def _close_after(bench: Bench, count: int, seed: int) -> float:
    with Writer(bench.engine) as writer:
        posted = 0
        while posted < count:
            size = min(count - posted, len(bench.alliance.members))
            work = errands(bench.alliance, size, seed=seed + posted)
            for batch in batches_of(work, BATCH):
                writer.post([command(bench.alliance, errand) for errand in batch])
            posted += size
    return _close(bench)


def _close(bench: Bench) -> float:
    """Close the open period early; how many seconds that took."""
    with bench.engine.connect() as connection:
        query = select(periods.c.number).where(periods.c.state == PeriodState.OPEN.value)
        number: int = connection.execute(query.order_by(periods.c.number)).scalars().first() or 0
    began = time.perf_counter()
    with bench.engine.begin() as connection:
        refusal = cut_off(connection, number, early=True, closed_by="benchmarks")
    assert refusal is None, refusal
    with bench.engine.begin() as connection:
        settle_period(connection, number)
    return time.perf_counter() - began


def _stall(bench: Bench) -> tuple[float, float, float]:
    """Seconds: of the usual posting, of the longest one while a period is closed, and of that closing."""
    with _load(bench) as latencies:
        time.sleep(bench.sizes.warm_up_seconds)
        before = len(latencies)
        closing = _close(bench)
        time.sleep(bench.sizes.warm_up_seconds)
        during = max(latencies[before:])
    return median(latencies), during, closing


@contextmanager
def _load(bench: Bench) -> Iterator[list[float]]:
    """Several writers that post one redemption after the other; how long each took."""
    latencies: list[float] = []
    stop = threading.Event()
    work = errands(bench.alliance, min(len(bench.alliance.members), 50_000), seed=9)

    def post(own: list[int]) -> None:
        with Writer(bench.engine) as writer:
            for index in own:
                if stop.is_set():
                    return
                began = time.perf_counter()
                writer.post([command(bench.alliance, work[index])])
                latencies.append(time.perf_counter() - began)

    shares = [list(range(number, len(work), WRITERS)) for number in range(WRITERS)]
    threads = [threading.Thread(target=post, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    try:
        yield latencies
    finally:
        stop.set()
        for thread in threads:
            thread.join()


SECTION = Section(
    "closing",
    "closing a period after many transactions",
    "after few; the usual posting",
    measure,
    unit="closings",
)
