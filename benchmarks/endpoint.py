"""The HTTP endpoint, `POST /v1/redemptions`, with several clients at once."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from statistics import median

from sqlalchemy import text

from benchmarks.bench import Bench
from benchmarks.clients import Load
from benchmarks.measure import in_turns
from benchmarks.redemptions import Errand, check_books, errands
from benchmarks.results import Row, Section, Target, at_least, share_of_limit
from benchmarks.server import serving
from clearing.core.commands import Scope
from clearing.keys import make_key

#: Clients → the least rate a second, and the least fraction of the limit (numerator, denominator).
LEAST = {32: (700, (1, 3))}
#: More than will be answered; requests are prepared, so that the generator has little to do.
REQUESTS_A_SECOND = 4_000


def measure(bench: Bench) -> list[Row]:
    keys = _merchants_keys(bench)
    with serving(bench) as port:
        return [_row(bench, port, keys, clients) for clients in bench.sizes.clients]


def _row(bench: Bench, port: int, keys: Mapping[str, str], clients: int) -> Row:
    bench.say(f"http: {clients} clients")
    loads: list[Load] = []

    def ours() -> float:
        loads.append(_load(bench, port, keys, clients))
        return loads[-1].rate

    rates = in_turns(bench.sizes.runs, {"ours": ours, "limit": lambda: _limit(bench, clients)})
    targets: tuple[Target, ...] = ()
    if clients in LEAST:
        least, share = LEAST[clients]
        targets = (at_least(rates["ours"], least), share_of_limit(rates["ours"], rates["limit"], *share))
    return Row(f"{clients} clients", rates["ours"], rates["limit"], _detail(loads), targets)


def _load(bench: Bench, port: int, keys: Mapping[str, str], clients: int) -> Load:
    """One run of the load generator, in its own process; every answer must be a booked unit of work."""
    sizes = bench.sizes
    bench.alliance.restore()
    wanted = int((sizes.warm_up_seconds + sizes.seconds) * REQUESTS_A_SECOND)
    work = errands(bench.alliance, min(wanted, len(bench.alliance.members)), seed=clients)
    file = bench.folder / "requests.json"
    file.write_text(json.dumps([_request(bench, errand, keys) for errand in work]), encoding="utf-8")
    numbers = (port, clients, sizes.warm_up_seconds, sizes.seconds)
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.clients", *map(str, numbers), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise RuntimeError(f"the load generator failed: {run.stderr}")
    load = Load(**json.loads(run.stdout))
    if load.failures:
        raise RuntimeError(f"not every redemption was booked: {load.failures[0]}")
    check_books(bench.engine, load.answers_in_all)
    return load


def _detail(loads: Sequence[Load]) -> str:
    p50 = median(load.p50_ms for load in loads)
    p99 = median(load.p99_ms for load in loads)
    busy = median(load.busy for load in loads)
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms; generator {busy:.0%} of one processor"


def _limit(bench: Bench, clients: int) -> float:
    bench.limit.restore()
    bench.limit.one_per_transaction(clients, bench.sizes.warm_up_seconds)
    return bench.limit.one_per_transaction(clients, bench.sizes.seconds)


def _merchants_keys(bench: Bench) -> dict[str, str]:
    """A key for each merchant, as its tills would have."""
    keys = {}
    with bench.engine.begin() as connection:
        rows = connection.execute(text("SELECT id, participant_id, code FROM merchants"))
        for row in rows.all():
            keys[row.code], _ = make_key(
                connection,
                Scope.MERCHANT,
                row.code,
                participant_id=row.participant_id,
                merchant_id=row.id,
                made_by="benchmarks",
            )
    return keys


def _request(bench: Bench, errand: Errand, keys: Mapping[str, str]) -> str:
    body = json.dumps(
        {
            "card": bench.alliance.members[errand.member].card,
            "merchant": errand.merchant.code,
            "points": errand.points,
        }
    )
    return (
        "POST /v1/redemptions HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        f"Authorization: Bearer {keys[errand.merchant.code]}\r\n"
        f"Idempotency-Key: {errand.key}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


SECTION = Section(
    "http",
    "POST /v1/redemptions on one server process",
    "pgbench with as many connections, one redemption per transaction by hand",
    measure,
)
