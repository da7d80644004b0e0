"""Large statements take no more memory than small ones, and come out whole."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.alliance import Alliance
from benchmarks.history import MONTH, close_month, engine_on, fill_month
from settlement.close import statement_id
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
    few, more = (written(databases, tmp_path, format_, redemptions) for redemptions in (FEW, many))
    # Beside the redemptions both have the same lines of the lots on which those draw.
    assert more["lines"] - few["lines"] == many - FEW
    assert more["peak_mb"] - few["peak_mb"] < GROWTH_MB_MAX
    if format_ == "csv":
        with (tmp_path / f"{many}.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [int(row["line"]) for row in rows] == list(range(1, more["lines"] + 1))
        assert [row["booked_at"] for row in rows] == sorted(row["booked_at"] for row in rows)


def written(databases: Databases, folder: Path, format_: str, redemptions: int) -> dict[str, Any]:
    """What a process of its own tells that wrote a statement of so many redemptions and a few lines more."""
    with databases.fresh() as url:
        with engine_on(url) as engine:
            issuer_id = Alliance(engine, members=500).participant_ids[0]
            fill_month(engine, redemptions)
            close_month(engine)
        statement, path = statement_id(MONTH.number, issuer_id), folder / f"{redemptions}.{format_}"
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.statement_file", url, statement, format_, "ours", path],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
