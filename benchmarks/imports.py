"""A file of redemptions, sent to the API, until its last row is posted; and the memory that takes."""

import http.client
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import IO

import psutil

from benchmarks.bench import Bench
from benchmarks.measure import batches_of, in_turns, rate_of
from benchmarks.redemptions import Errand, command, errands_of_many
from benchmarks.results import Condition, Row, Section, at_least, within
from benchmarks.server import Served, serving
from clearing.core.commands import Scope
from clearing.keys import make_key
from clearing.writer import Writer

LEAST = 0.6
#: Megabytes by which the peak may grow from the smallest file to the largest.
GROWTH_MB_MAX = 30
BATCH = 1_000
POLL_SECONDS = 0.05
SAMPLE_SECONDS = 0.1
SECONDS_MAX = 900


def measure(bench: Bench) -> list[Row]:
    with bench.engine.begin() as connection:
        key, _ = make_key(connection, Scope.OPERATOR, "benchmarks", made_by="benchmarks")
    rows: list[Row] = []
    peaks: list[float] = []
    # One server for all files, the smallest first: what it keeps of one counts for the next.
    with serving(bench) as served:
        for count in bench.sizes.imports:
            row, peak = _row(bench, served, key, count, peaks[:1])
            rows.append(row)
            peaks.append(peak)
    return rows


def _row(bench: Bench, served: Served, key: str, count: int, smallest: Sequence[float]) -> tuple[Row, float]:
    """The row, and the peak of the server's memory in megabytes; `smallest` is that of the smallest file."""
    bench.say(f"imports: {count:,} rows")
    work = errands_of_many(bench.alliance, count, seed=count)
    file = _written(bench, work)
    peaks: list[float] = []

    def ours() -> float:
        bench.alliance.restore()
        with _peak_of(served.pid, peaks):
            return count / _import(served.port, key, file, count)

    has_target = count == bench.sizes.imports[-1]
    runs = bench.sizes.long_runs if has_target else bench.sizes.growth_runs
    rates = in_turns(runs, {"ours": ours, "posted": lambda: _posted(bench, work)})
    peak = max(peaks)
    growth = peak - min([*smallest, peak])
    conditions: tuple[Condition, ...] = ()
    if has_target:
        conditions = (
            at_least(rates["ours"], rates["posted"], LEAST),
            within(growth, GROWTH_MB_MAX, "grows {} MB"),
        )
    told = f"server's peak {peak:.0f} MB"
    if smallest:
        told += f", {growth:.0f} MB more than with the smallest file"
    return Row(f"{count:,} rows", rates["ours"], rates["posted"], told, conditions), peak


def _written(bench: Bench, work: Sequence[Errand]) -> Path:
    file = bench.folder / "redemptions.csv"
    with file.open("w", encoding="utf-8") as out:
        out.write("card,merchant,points,key\n")
        for one in work:
            card = bench.alliance.members[one.member].card
            out.write(f"{card},{one.merchant.code},{one.points},{one.key}\n")
    return file


def _import(port: int, key: str, file: Path, count: int) -> float:
    """Seconds from the first byte sent until the import says that it is done; every row must be posted."""
    began = time.perf_counter()
    with file.open("rb") as body:
        started = _asked(port, key, "POST", "/v1/imports?kind=redemptions", body, file.stat().st_size)
    while time.perf_counter() - began < SECONDS_MAX:
        found = _asked(port, key, "GET", f"/v1/imports/{started['id']}")
        if found["status"] != "running":
            elapsed = time.perf_counter() - began
            assert (found["status"], found["accepted"]) == ("done", count), found
            return elapsed
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"the import is not done after {SECONDS_MAX} s")


def _asked(
    port: int, key: str, method: str, path: str, body: IO[bytes] | None = None, size: int = 0
) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}"}
    if body is not None:
        headers |= {"Content-Type": "text/csv", "Content-Length": str(size)}
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer: dict[str, object] = json.loads(response.read())
        assert response.status in (HTTPStatus.OK, HTTPStatus.ACCEPTED), answer
        return answer
    finally:
        connection.close()


def _posted(bench: Bench, work: Sequence[Errand]) -> float:
    """What stands beside it: the same redemptions by the posting function, on one connection."""
    bench.alliance.restore()
    with Writer(bench.engine) as writer:
        return rate_of(writer.post, batches_of([command(bench.alliance, one) for one in work], BATCH))


@contextmanager
def _peak_of(pid: int, peaks: list[float]) -> Iterator[None]:
    """Add the most memory that the process and its children had meanwhile, in megabytes (RSS summed)."""
    stop = threading.Event()
    seen: list[float] = []

    def watch() -> None:
        first = psutil.Process(pid)
        while True:
            family = [first, *first.children(recursive=True)]
            seen.append(sum(one.memory_info().rss for one in family) / 2**20)
            if stop.wait(SAMPLE_SECONDS):
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    peaks.append(max(seen))


SECTION = Section(
    5,
    "imports",
    "a CSV file of redemptions sent to the API, until its last row is posted",
    "the same redemptions by the posting function, one connection",
    measure,
)
