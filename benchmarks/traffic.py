"""What several clients send to the server at once, and what comes back."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from statistics import median

from sqlalchemy import text

from benchmarks.alliance import Member, Merchant
from benchmarks.bench import Bench
from benchmarks.clients import Load
from benchmarks.redemptions import Errand
from clearing.core.commands import Scope
from clearing.keys import make_key

#: More than will be answered; requests are prepared, so that the generator has little to do.
REQUESTS_A_SECOND = 8_000


def requests_needed(bench: Bench) -> int:
    """How many requests a run takes at the most."""
    return int((bench.sizes.warm_up_seconds + bench.sizes.seconds) * REQUESTS_A_SECOND)


def send(
    bench: Bench,
    port: int,
    clients: int,
    requests: Sequence[str],
    *,
    status: int,
    again: bool = False,
    failures_allowed: bool = False,
) -> Load:
    """One run of the load generator, in a process of its own; `again`: the requests over and over.

    Raises RuntimeError at an answer with another status, unless that is allowed.
    """
    file = bench.folder / "requests.json"
    file.write_text(json.dumps(requests), encoding="utf-8")
    numbers = (port, clients, bench.sizes.warm_up_seconds, bench.sizes.seconds, status)
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.clients",
            *map(str, numbers),
            "again" if again else "once",
            str(file),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise RuntimeError(f"the load generator failed: {run.stderr}")
    load = Load(**json.loads(run.stdout))
    if load.failures and not failures_allowed:
        raise RuntimeError(f"not every request was answered with {status}: {load.failures[0]}")
    return load


def merchants_keys(bench: Bench) -> dict[str, str]:
    """A key for each merchant, as its tills would have; by the merchant's code."""
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


def redemption(bench: Bench, errand: Errand, keys: Mapping[str, str]) -> str:
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


def card_check(member: Member, merchant: Merchant, keys: Mapping[str, str]) -> str:
    return (
        f"GET /v1/cards/{member.card} HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        f"Authorization: Bearer {keys[merchant.code]}\r\n\r\n"
    )


def detail(loads: Sequence[Load]) -> str:
    p50 = median(load.p50_ms for load in loads)
    busy = median(load.busy for load in loads)
    return f"p50 {p50:.1f} ms, p99 {p99_ms(loads):.1f} ms; generator {busy:.0%} of one processor"


def p99_ms(loads: Sequence[Load]) -> float:
    """The median of the runs."""
    return median(load.p99_ms for load in loads)
