"""The score that `make mutants` shows."""

import json
from pathlib import Path

import pytest

from support.mutation_score import Score, main, score

KILLED, SURVIVED, UNMET, CRASHED, ENDLESS, STOPPED = 1, 0, 33, -11, -24, 2


@pytest.mark.parametrize(
    ("codes", "expected", "passes"),
    [
        ([KILLED] * 85 + [SURVIVED] * 15, (100, 85, 0, 0), True),
        ([KILLED] * 84 + [SURVIVED] * 16, (100, 84, 0, 0), False),
        ([KILLED, ENDLESS, CRASHED], (3, 3, 0, 0), True),
        ([KILLED] * 2 + [UNMET], (3, 2, 1, 0), False),  # what no test meets is not noticed
        ([KILLED] * 99 + [None], (100, 99, 0, 1), False),  # not done yet
        ([KILLED] * 99 + [STOPPED], (100, 99, 0, 1), False),
    ],
)
def test_a_module_passes_when_all_is_tried_and_enough_is_noticed(
    codes: list[int | None], expected: tuple[int, int, int, int], passes: bool
) -> None:
    found = score("core.lots", {str(number): code for number, code in enumerate(codes)})
    assert found == Score("core.lots", *expected)
    assert found.passes is passes


def test_the_table_has_a_line_for_each_module_and_one_for_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, codes in (("lots", [KILLED] * 3), ("fees", [KILLED, SURVIVED]), ("events", [])):
        path = tmp_path / "clearing" / "core" / f"{name}.py.meta"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({"exit_code_by_key": {f"{name}_{n}": code for n, code in enumerate(codes)}})
        )
    assert main(tmp_path) == 1
    said = capsys.readouterr()
    assert [line.split() for line in said.out.splitlines()[1:]] == [
        ["clearing.core.fees", "2", "1", "1", "0", "0", "50.0%", "<"],
        ["clearing.core.lots", "3", "3", "0", "0", "0", "100.0%"],
        ["all", "5", "4", "1", "0", "0", "80.0%", "<"],
    ]
    assert said.err == "Under 85 %, or not all tried: clearing.core.fees\n"


def test_without_a_run_it_says_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path) == 1
    assert "make mutants" in capsys.readouterr().err
