"""Large statements take no more memory than small ones, and come out whole."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.alliance import Alliance
from benchmarks.statements import journal_of
from database import make_engine
from support.databases import Databases

FEW, MANY = 2_000, 12_000
#: Six times as many lines may not take more than this; kept in memory they would take six times as much.
GROWTH_MB_MAX = 10


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("format_", "many"), [("csv", MANY), ("json", MANY), ("xlsx", MANY // 2)])
def test_memory_does_not_grow_with_the_lines(
    databases: Databases, tmp_path: Path, format_: str, many: int
) -> None:
    few, more = (written(databases, tmp_path, format_, lines) for lines in (FEW, many))
    assert (few["lines"], more["lines"]) == (FEW, many)
    assert more["peak_mb"] - few["peak_mb"] < GROWTH_MB_MAX
    if format_ == "csv":
        with (tmp_path / f"{many}.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [int(row["line"]) for row in rows] == list(range(1, many + 1))
        assert [row["booked_at"] for row in rows] == sorted(row["booked_at"] for row in rows)


def written(databases: Databases, folder: Path, format_: str, lines: int) -> dict[str, Any]:
    """What a process of its own tells that wrote a statement of so many lines."""
    with databases.fresh() as url:
        engine = make_engine(url, pool_size=2, application_name="tests")
        alliance = Alliance(engine, members=500)
        alliance.restore()
        with journal_of(engine, lines) as statement_id:
            path = folder / f"{lines}.{format_}"
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.statement_file", url, statement_id, format_, "ours", path],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
        engine.dispose()
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
