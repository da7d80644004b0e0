"""`tongdui run` on data that is there: how soon it is ready, and what it keeps in memory when idle."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import psutil

from benchmarks.alliance import Alliance
from benchmarks.bench import Bench
from benchmarks.filling import fill, open_lots
from benchmarks.history import engine_on
from benchmarks.results import Condition, Row, Section, within
from benchmarks.server import PROGRAM, launched
from clearing.periods import open_period_for
from database import EmbeddedServer, migrations

SECONDS_MAX = 3
MEMORY_MB_MAX = 250

#: What the program and its database together use of one processor, at the most, when they have nothing to do.
IDLE_SHARE = 0.2
BUSY_SECONDS_MAX = 120


def measure(bench: Bench) -> list[Row]:
    return [_row(bench, transactions) for transactions in bench.sizes.kept]


def _row(bench: Bench, transactions: int) -> Row:
    bench.say(f"start: {transactions:,} transactions")
    data = bench.folder / f"kept-{transactions}"
    _make(bench, data, transactions)
    # The first start makes keys, seals and does what has become due; it is not counted.
    _started(bench, data)
    found = [_started(bench, data) for _ in range(bench.sizes.long_runs)]
    seconds = median(seconds for seconds, _ in found)
    memory = max(memory for _, memory in found)
    conditions: tuple[Condition, ...] = ()
    if transactions == bench.sizes.kept[-1]:
        conditions = (within(seconds, SECONDS_MAX, "{} s"), within(memory, MEMORY_MB_MAX, "{} MB"))
    return Row(f"{transactions:,} transactions", seconds, None, f"{memory:.0f} MB when idle", conditions)


def _make(bench: Bench, data: Path, transactions: int) -> None:
    """A data folder with members and a month of redemptions, closed down in good order."""
    now = datetime.now(UTC)
    with EmbeddedServer(data, system_dir=bench.folder / "system") as server:
        migrations.upgrade(server.url)
        with engine_on(server.url) as engine:
            Alliance(engine, bench.sizes.members)
            with engine.begin() as connection:
                period = open_period_for(connection, now, ZoneInfo("Asia/Shanghai"))
            fill(engine, period, range(transactions), transactions, until=now)
            open_lots(engine, period)


def _started(bench: Bench, data: Path) -> tuple[float, float]:
    """Seconds until it was ready, and megabytes once it was idle."""
    with launched(bench, [PROGRAM, "run"], {"TONGDUI_DATA": str(data)}) as served:
        first = psutil.Process(served.pid)
        _wait_until_idle(first)
        time.sleep(bench.sizes.idle_seconds)
        return served.seconds, _memory_mb(first)


def _wait_until_idle(first: psutil.Process) -> None:
    give_up_at = time.monotonic() + BUSY_SECONDS_MAX
    before = _processor_seconds(first)
    while time.monotonic() < give_up_at:
        time.sleep(1)
        after = _processor_seconds(first)
        if after - before < IDLE_SHARE:
            return
        before = after
    raise TimeoutError(f"not idle after {BUSY_SECONDS_MAX} s")


def _processor_seconds(first: psutil.Process) -> float:
    """Of the program and all its processes, the database's too."""
    used = 0.0
    for one in [first, *first.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            used += times.user + times.system
    return used


def _memory_mb(first: psutil.Process) -> float:
    """PSS summed over our processes: what several share counts once. PostgreSQL's are left out."""
    family = [first, *first.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in family if one.name() != "postgres") / 2**20


SECTION = Section(
    12,
    "start",
    "`tongdui run` on existing data, until it is ready",
    "nothing",
    measure,
    unit="s",
)
