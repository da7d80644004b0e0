"""Closing a month: what it costs after few and after many transactions, and how long postings stand still."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from sqlalchemy import Engine, select

from benchmarks.bench import Bench
from benchmarks.history import MONTH
from benchmarks.redemptions import command, errands
from benchmarks.results import Condition, Row, Section, at_most
from clearing.core.calendar import PeriodState
from clearing.directory import read_rulebook
from clearing.tables import periods
from clearing.writer import Writer
from settlement.accounts import read_stated
from settlement.close import check_recomputed, cut_off, settle_period
from settlement.query import net_now, read_participant_codes

WRITERS = 4
RATIO_MAX = 1.3
SECONDS_MAX = 1.0

#: Closed at this instant, a month of the past is closed early, and its last booking is looked for.
EARLY = timedelta(seconds=1)


class _Closing(NamedTuple):
    """Seconds: until postings may go on, until there are statements, until all was added up again."""

    cut_off: float
    closed: float
    checked: float


def measure(bench: Bench) -> list[Row]:
    few, many = bench.sizes.history
    bench.say(f"closing: {few:,} and {many:,} transactions")
    ended = _in_turns(bench, bench.sizes.runs, early=False)
    early = _in_turns(bench, bench.sizes.growth_runs, early=True)
    counts = f"{many:,} against {few:,}"
    return [
        Row(
            f"closing, {counts}",
            ended[many].closed,
            ended[few].closed,
            f"postings wait for {ended[many].cut_off * 1_000:.0f} ms of it",
            (
                at_most(ended[many].closed, ended[few].closed, RATIO_MAX),
                Condition(f"< {SECONDS_MAX:g} s", ended[many].closed < SECONDS_MAX),
            ),
        ),
        Row(
            f"closing early, {counts}",
            early[many].closed,
            early[few].closed,
            f"postings wait for {early[many].cut_off * 1_000:.0f} ms of it",
        ),
        Row(
            f"and added up again, {counts}",
            ended[many].checked,
            ended[few].checked,
            "reads the month; nothing waits for it",
        ),
        _stall(bench),
    ]


def _in_turns(bench: Bench, runs: int, *, early: bool) -> dict[int, _Closing]:
    """The medians, by how many transactions the month had."""
    at = MONTH.ends_at - EARLY if early else None
    found: dict[int, list[_Closing]] = {count: [] for count in bench.sizes.history}
    for _ in range(runs):
        for count, closings in found.items():
            with bench.history.copied(count) as engine:
                _warm(engine)
                closings.append(_close(engine, MONTH.number, at=at, early=early))
    return {count: _Closing(*map(median, zip(*closings, strict=True))) for count, closings in found.items()}


def _warm(engine: Engine) -> None:
    """A server that closes has been running for a month: it is connected, and knows its catalogue."""
    with engine.connect() as connection:
        net_now(
            connection,
            MONTH.number,
            read_participant_codes(connection),
            read_rulebook(connection),
            read_stated(connection),
        )


def _close(engine: Engine, number: int, *, at: datetime | None = None, early: bool) -> _Closing:
    began = time.perf_counter()
    with engine.begin() as connection:
        refusal = cut_off(connection, number, at=at, early=early, closed_by="benchmarks")
    assert refusal is None, refusal
    cut = time.perf_counter()
    with engine.begin() as connection:
        settle_period(connection, number)
    closed = time.perf_counter()
    with engine.begin() as connection:
        assert check_recomputed(connection, number), "it adds up"
    return _Closing(cut - began, closed - began, time.perf_counter() - began)


def _stall(bench: Bench) -> Row:
    """The longest posting while the month in course is closed, beside the usual one."""
    bench.say("closing: under load")
    bench.alliance.restore()
    with _load(bench) as latencies:
        time.sleep(bench.sizes.warm_up_seconds)
        before = len(latencies)
        closing = _close(bench.engine, _open_period(bench.engine), early=True)
        time.sleep(bench.sizes.warm_up_seconds)
        longest = max(latencies[before:])
    return Row(
        f"a posting meanwhile, {WRITERS} writers",
        longest,
        median(latencies),
        f"while closing early took {closing.closed * 1_000:.0f} ms",
        (Condition(f"< {SECONDS_MAX:g} s", longest < SECONDS_MAX),),
    )


def _open_period(engine: Engine) -> int:
    query = select(periods.c.number).where(periods.c.state == PeriodState.OPEN.value)
    with engine.connect() as connection:
        number: int = connection.execute(query.order_by(periods.c.number)).scalars().first() or 0
    return number


@contextmanager
def _load(bench: Bench) -> Iterator[list[float]]:
    """Several writers that post one redemption after the other; how long each took."""
    latencies: list[float] = []
    stop = threading.Event()
    work = errands(bench.alliance, min(len(bench.alliance.members), 50_000), seed=9)

    def post(own: Sequence[int]) -> None:
        with Writer(bench.engine) as writer:
            for index in own:
                if stop.is_set():
                    return
                began = time.perf_counter()
                writer.post([command(bench.alliance, work[index])])
                latencies.append(time.perf_counter() - began)

    shares = [range(number, len(work), WRITERS) for number in range(WRITERS)]
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
    8,
    "closing",
    "closing a month with many transactions",
    "with few; the usual posting",
    measure,
    unit="s",
)
