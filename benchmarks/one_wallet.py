"""One wallet on which all clients draw at once: nobody fails, nobody waits for ever."""

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.bench import Bench
from benchmarks.clients import Load
from benchmarks.endpoint import redeem
from benchmarks.measure import in_turns
from benchmarks.redemptions import check_books, errands_of_one
from benchmarks.results import Condition, Row, Section, at_least
from benchmarks.server import serving
from benchmarks.traffic import detail, merchants_keys, redemption, requests_needed, send

LEAST = 0.5
#: A client with fewer answers than so many times the median client's starves.
STARVES_BELOW = 0.5


def measure(bench: Bench) -> list[Row]:
    keys = merchants_keys(bench)
    with serving(bench) as served:
        return [_row(bench, served.port, keys, clients) for clients in bench.sizes.clients]


def _row(bench: Bench, port: int, keys: Mapping[str, str], clients: int) -> Row:
    bench.say(f"wallet: {clients} clients")
    loads: list[Load] = []

    def hammered() -> float:
        loads.append(_hammer(bench, port, keys, clients))
        return loads[-1].rate

    has_target = clients == bench.sizes.clients[-1]
    runs = bench.sizes.runs if has_target else bench.sizes.growth_runs
    rates = in_turns(runs, {"one": hammered, "everybody": lambda: redeem(bench, port, keys, clients).rate})
    slowest = min(map(_slowest_share, loads))
    conditions: tuple[Condition, ...] = ()
    if has_target:
        conditions = (
            at_least(rates["one"], rates["everybody"], LEAST),
            Condition("no errors", not any(load.failures for load in loads)),
            Condition(f"slowest client ≥ {STARVES_BELOW:g} × the median", slowest >= STARVES_BELOW),
        )
    told = f"{detail(loads)}; slowest client {slowest:.2f} of the median"
    return Row(f"{clients} clients", rates["one"], rates["everybody"], told, conditions)


def _hammer(bench: Bench, port: int, keys: Mapping[str, str], clients: int) -> Load:
    bench.alliance.restore()
    work = errands_of_one(bench.alliance, requests_needed(bench), seed=clients)
    requests: Sequence[str] = [redemption(bench, errand, keys) for errand in work]
    load = send(bench, port, clients, requests, status=201, failures_allowed=True)
    if not load.failures:
        # The first empties one lot and draws on the next; those after it have that one alone.
        check_books(bench.engine, load.answers_in_all, 3 * load.answers_in_all + 1)
    return load


def _slowest_share(load: Load) -> float:
    """What the client with the fewest answers has of the median client's."""
    return min(load.by_client) / (median(load.by_client) or 1)


SECTION = Section(
    11,
    "wallet",
    "POST /v1/redemptions, all clients with the same card",
    "the same with a member of its own for each request",
    measure,
)
