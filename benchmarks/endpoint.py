"""The HTTP endpoint, `POST /v1/redemptions`, with several clients at once."""

from collections.abc import Mapping

from benchmarks.bench import Bench
from benchmarks.clients import Load
from benchmarks.measure import in_turns
from benchmarks.redemptions import check_books, errands
from benchmarks.results import Condition, Row, Section, at_least, within
from benchmarks.server import serving
from benchmarks.traffic import detail, merchants_keys, p99_ms, redemption, requests_needed, send

#: What holds for the most clients.
LEAST = 1.2
P99_MS_MAX = 60


def measure(bench: Bench) -> list[Row]:
    keys = merchants_keys(bench)
    with serving(bench) as served:
        return [_row(bench, served.port, keys, clients) for clients in bench.sizes.clients]


def redeem(bench: Bench, port: int, keys: Mapping[str, str], clients: int) -> Load:
    """One run into empty books; every answer must be a booked unit of work."""
    bench.alliance.restore()
    work = errands(bench.alliance, min(requests_needed(bench), len(bench.alliance.members)), seed=clients)
    load = send(bench, port, clients, [redemption(bench, errand, keys) for errand in work], status=201)
    check_books(bench.engine, load.answers_in_all)
    return load


def _row(bench: Bench, port: int, keys: Mapping[str, str], clients: int) -> Row:
    bench.say(f"http: {clients} clients")
    loads: list[Load] = []

    def ours() -> float:
        loads.append(redeem(bench, port, keys, clients))
        return loads[-1].rate

    has_target = clients == bench.sizes.clients[-1]
    runs = bench.sizes.runs if has_target else bench.sizes.growth_runs
    rates = in_turns(runs, {"ours": ours, "limit": lambda: _limit(bench, clients)})
    conditions: tuple[Condition, ...] = ()
    if has_target:
        conditions = (
            at_least(rates["ours"], rates["limit"], LEAST),
            within(p99_ms(loads), P99_MS_MAX, "p99 {} ms"),
        )
    return Row(f"{clients} clients", rates["ours"], rates["limit"], detail(loads), conditions)


def _limit(bench: Bench, clients: int) -> float:
    bench.limit.restore()
    bench.limit.one_per_transaction(clients, bench.sizes.warm_up_seconds)
    return bench.limit.one_per_transaction(clients, bench.sizes.seconds)


SECTION = Section(
    3,
    "http",
    "POST /v1/redemptions, the server with its default settings",
    "pgbench with as many connections, one redemption per transaction by hand",
    measure,
)
