"""Everything between one pair of participants, or at one merchant: what is hot must not be slow.

The members and the points they use are as many as ever, so that nothing but the running totals is hot.
"""

from benchmarks import abreast
from benchmarks.bench import Bench
from benchmarks.measure import in_turns
from benchmarks.redemptions import errands
from benchmarks.results import Row, Section, at_least

#: So many writers have the target; one alone has nobody to wait for.
WRITERS = 2
LEAST = 0.9


def measure(bench: Bench) -> list[Row]:
    return [row for writers in bench.sizes.writers if writers >= WRITERS for row in _rows(bench, writers)]


def _rows(bench: Bench, writers: int) -> list[Row]:
    bench.say(f"hot: {writers} writers")
    alliance = bench.alliance
    count, seed = abreast.work_needed(bench, writers), 60 + writers
    issuer_id, merchant = alliance.participant_ids[0], alliance.merchants[-1]
    spread = errands(alliance, count, seed)
    at_one = errands(alliance, count, seed, merchants=[merchant])
    between_two = errands(alliance, count, seed, merchants=[merchant], issuer_id=issuer_id)

    def spread_out() -> float:
        alliance.restore()
        return abreast.ours(bench, spread, writers)

    def merchant_hot() -> float:
        alliance.restore()
        return abreast.ours(bench, at_one, writers)

    def pair_hot() -> float:
        alliance.restore(issuer_id)
        return abreast.ours(bench, between_two, writers)

    has_target = writers == WRITERS
    rates = in_turns(
        bench.sizes.runs if has_target else bench.sizes.growth_runs,
        {"spread": spread_out, "one merchant": merchant_hot, "one pair": pair_hot},
    )
    beside = rates.pop("spread")
    return [
        Row(
            f"{name}, {writers} writers",
            rate,
            beside,
            conditions=(at_least(rate, beside, LEAST),) if has_target else (),
        )
        for name, rate in rates.items()
    ]


SECTION = Section(
    6,
    "hot",
    "one merchant with all the trade, and one pair of participants",
    "the same between all pairs (600)",
    measure,
)
