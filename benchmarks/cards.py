"""The card check, `GET /v1/cards/{number}`, beside a route that does nothing on the same kind of server."""

import random
import sys
from collections.abc import Mapping, Sequence

from benchmarks.alliance import SEED
from benchmarks.bench import Bench
from benchmarks.clients import Load
from benchmarks.empty_route import PATH
from benchmarks.measure import in_turns
from benchmarks.results import Condition, Row, Section, at_least, within
from benchmarks.server import launched, serving
from benchmarks.traffic import card_check, detail, merchants_keys, p99_ms, requests_needed, send

#: What holds for the most clients.
LEAST = 0.4
P99_MS_MAX = 25


def measure(bench: Bench) -> list[Row]:
    bench.alliance.restore()
    checks = _checks(bench, merchants_keys(bench))
    nothing = [sys.executable, "-m", "benchmarks.empty_route"]
    # Both stand all the time; who has no turn waits and takes nothing.
    with serving(bench) as ours, launched(bench, nothing, {}, ready=PATH) as empty:
        return [_row(bench, ours.port, empty.port, checks, clients) for clients in bench.sizes.clients]


def _checks(bench: Bench, keys: Mapping[str, str]) -> list[str]:
    """Of random members' cards at random merchants."""
    random_ = random.Random(SEED)
    members, merchants = bench.alliance.members, bench.alliance.merchants
    return [
        card_check(random_.choice(members), random_.choice(merchants), keys)
        for _ in range(requests_needed(bench))
    ]


def _row(bench: Bench, ours: int, empty: int, checks: Sequence[str], clients: int) -> Row:
    bench.say(f"cards: {clients} clients")
    loads: list[Load] = []

    def checked() -> float:
        loads.append(send(bench, ours, clients, checks, status=200, again=True))
        return loads[-1].rate

    def answered() -> float:
        request = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        return send(bench, empty, clients, [request], status=200, again=True).rate

    has_target = clients == bench.sizes.clients[-1]
    runs = bench.sizes.runs if has_target else bench.sizes.growth_runs
    rates = in_turns(runs, {"ours": checked, "empty": answered})
    conditions: tuple[Condition, ...] = ()
    if has_target:
        conditions = (
            at_least(rates["ours"], rates["empty"], LEAST),
            within(p99_ms(loads), P99_MS_MAX, "p99 {} ms"),
        )
    return Row(f"{clients} clients", rates["ours"], rates["empty"], detail(loads), conditions)


SECTION = Section(
    4,
    "cards",
    "GET /v1/cards/{number}, the server with its default settings",
    "an empty Flask route on granian with the same workers and threads",
    measure,
    unit="answers/s",
)
