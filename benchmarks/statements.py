"""Statements of many lines: ours, read from the journal, and the bare writer fed from memory."""

import json
import subprocess
import sys

from benchmarks.bench import Bench
from benchmarks.history import MONTH
from benchmarks.measure import in_turns
from benchmarks.results import Condition, Row, Section, at_most, within
from settlement.close import statement_id

RATIO_MAX = 1.6
MEMORY_MB_MAX = 250
FORMATS = ("csv", "xlsx")


def measure(bench: Bench) -> list[Row]:
    return [_row(bench, count, format_) for format_ in FORMATS for count in bench.sizes.history]


def _row(bench: Bench, count: int, format_: str) -> Row:
    url = bench.history.closed(count)
    bench.say(f"statements: {count:,} redemptions as {format_}")
    # Nearly all were made with the points of the first participant.
    statement = statement_id(MONTH.number, bench.alliance.participant_ids[0])
    lines: list[int] = []
    peaks: list[float] = []

    def turn(who: str) -> float:
        path = bench.folder / f"{who}.{format_}"
        arguments = [url, statement, format_, who, str(path)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.statement_file", *arguments],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        path.unlink()
        told = json.loads(done.stdout.splitlines()[-1])
        if who == "ours":
            lines.append(told["lines"])
            peaks.append(told["peak_mb"])
        seconds: float = told["seconds"]
        return seconds

    has_target = count == bench.sizes.history[-1]
    # A million lines of XLSX take more than a minute, so that a slow second is no matter.
    runs = bench.sizes.long_runs if has_target and format_ == "csv" else bench.sizes.growth_runs
    seconds = in_turns(runs, {"ours": lambda: turn("ours"), "bare": lambda: turn("bare")})
    conditions: tuple[Condition, ...] = ()
    if has_target:
        conditions = (
            at_most(seconds["ours"], seconds["bare"], RATIO_MAX),
            within(max(peaks), MEMORY_MB_MAX, "{} MB"),
        )
    detail = f"{lines[0] / seconds['ours']:,.0f} lines/s; peak {max(peaks):.0f} MB"
    return Row(f"{format_}, {lines[0]:,} lines", seconds["ours"], seconds["bare"], detail, conditions)


SECTION = Section(
    9,
    "statements",
    "a large statement, read from the journal",
    "the bare writer, fed from memory",
    measure,
    unit="s",
)
