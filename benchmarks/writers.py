"""Several connections that post at once, the wallets split between them and each with its stripe."""

from benchmarks import abreast
from benchmarks.bench import Bench
from benchmarks.measure import in_turns
from benchmarks.redemptions import errands
from benchmarks.results import Row, Section, at_least

#: How many of them have a target, and what it is.
WRITERS = 2
LEAST = 0.75


def measure(bench: Bench) -> list[Row]:
    return [_row(bench, writers) for writers in bench.sizes.writers]


def _row(bench: Bench, writers: int) -> Row:
    bench.say(f"writers: {writers}")
    work = errands(bench.alliance, abreast.work_needed(bench, writers), seed=writers)

    def ours() -> float:
        bench.alliance.restore()
        return abreast.ours(bench, work, writers)

    def limit() -> float:
        bench.limit.restore()
        return abreast.by_hand(bench, work, writers)

    runs = bench.sizes.runs if writers == WRITERS else bench.sizes.growth_runs
    rates = in_turns(runs, {"ours": ours, "limit": limit})
    conditions = (at_least(rates["ours"], rates["limit"], LEAST),) if writers == WRITERS else ()
    case = f"{writers} × batches of {bench.sizes.batch:,}"
    return Row(case, rates["ours"], rates["limit"], conditions=conditions)


SECTION = Section(
    2,
    "writers",
    "the posting function in several processes, one connection each",
    "as many connections with the same batches set-based by hand",
    measure,
)
