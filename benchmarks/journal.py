"""Posting into a journal that is long already, beside posting into an empty one."""

from datetime import UTC, datetime
from itertools import count
from zoneinfo import ZoneInfo

from benchmarks import abreast
from benchmarks.alliance import settle
from benchmarks.bench import Bench, another
from benchmarks.filling import ROWS_EACH, fill
from benchmarks.measure import in_turns
from benchmarks.redemptions import errands
from benchmarks.results import Row, Section, at_least
from clearing.core.calendar import Period
from clearing.periods import open_period_for

WRITERS = 2
LEAST = 0.85


def measure(bench: Bench) -> list[Row]:
    rows = []
    seeds = count(7_000)
    # A database of its own, so that the long journal and the empty one can take turns.
    with another(bench, "journal") as long:
        now = datetime.now(UTC)
        with long.engine.begin() as connection:
            period = open_period_for(connection, now, ZoneInfo("Asia/Shanghai"))
        filled = 0
        for wanted in bench.sizes.journal_rows:
            bench.say(f"journal: {wanted:,} rows")
            _fill(bench, long, period, range(filled, wanted // ROWS_EACH), now)
            filled = wanted // ROWS_EACH
            rows.append(_row(bench, long, wanted, seeds))
    return rows


def _fill(bench: Bench, long: Bench, period: Period, numbers: range, until: datetime) -> None:
    """In the period in course: its tables are the ones that are written to."""
    fill(long.engine, period, numbers, bench.sizes.journal_rows[-1] // ROWS_EACH, until=until)
    settle(long.engine, "transactions", "legs", "entries", "outcomes", "positions")


def _row(bench: Bench, long: Bench, rows: int, seeds: "count[int]") -> Row:
    def into_it() -> float:
        long.alliance.refill()
        # Other redemptions each time: what has been posted stays, and its keys are known.
        work = errands(long.alliance, abreast.work_needed(bench, WRITERS), next(seeds))
        return abreast.posted(long, work, WRITERS)

    def into_empty() -> float:
        bench.alliance.restore()
        work = errands(bench.alliance, abreast.work_needed(bench, WRITERS), next(seeds))
        return abreast.ours(bench, work, WRITERS)

    has_target = rows == bench.sizes.journal_rows[-1]
    runs = bench.sizes.runs if has_target else bench.sizes.growth_runs
    rates = in_turns(runs, {"long": into_it, "empty": into_empty})
    conditions = (at_least(rates["long"], rates["empty"], LEAST),) if has_target else ()
    case = f"{rows:,} rows, {WRITERS} writers"
    return Row(case, rates["long"], rates["empty"], conditions=conditions)


SECTION = Section(
    7,
    "journal",
    "the posting function into a long journal",
    "the same into an empty one",
    measure,
)
