"""The mutation score of the core, module by module, from what `mutmut run` has left in `mutants/`.

`make mutants` shows it. A mutant is a copy of the core with one thing changed; it is noticed when a test
fails or never ends because of it. The score is the part of all mutants that is noticed: one that no test
meets counts against it. Exit 1 where a module is under the floor, or where not every mutant was tried.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from mutmut.stats import status_by_exit_code

MUTANTS = Path("mutants")
#: Per cent of each module's mutants that must be noticed.
FLOOR = 85
NOTICED = frozenset({"killed", "timeout", "segfault"})
UNTRIED = frozenset({"not checked", "check was interrupted by user"})


class Score(NamedTuple):
    """Numbers of mutants. `unmet`: no test calls the function; `untried`: the run did not come to them."""

    module: str
    mutants: int
    noticed: int
    unmet: int
    untried: int

    @property
    def survived(self) -> int:
        return self.mutants - self.noticed - self.unmet - self.untried

    @property
    def per_cent(self) -> float:
        return 100 * self.noticed / self.mutants

    @property
    def passes(self) -> bool:
        return self.untried == 0 and 100 * self.noticed >= FLOOR * self.mutants


def score(module: str, exit_codes: Mapping[str, int | None]) -> Score:
    """`exit_codes`: by mutant, how pytest ended; None where it was not run."""
    found = [status_by_exit_code[code] for code in exit_codes.values()]
    noticed, untried = (sum(status in some for status in found) for some in (NOTICED, UNTRIED))
    return Score(module, len(found), noticed, found.count("no tests"), untried)


def scores(folder: Path) -> list[Score]:
    """Of every module that has mutants, in the order of their names."""
    found = []
    for path in sorted(folder.rglob("*.py.meta")):
        module = ".".join(path.relative_to(folder).parts).removesuffix(".py.meta")
        exit_codes = json.loads(path.read_text())["exit_code_by_key"]
        if exit_codes:
            found.append(score(module, exit_codes))
    return found


def total(parts: Iterable[Score]) -> Score:
    mutants, noticed, unmet, untried = (
        sum(column) for column in zip(*(one[1:] for one in parts), strict=True)
    )
    return Score("all", mutants, noticed, unmet, untried)


def table(parts: list[Score]) -> str:
    """A line for each module and one for all; `<` marks what does not pass."""
    heads = "".join(f"{head:>9}" for head in ("mutants", "noticed", "survived", "unmet", "untried"))
    lines = [f"{'module':<28}{heads}    score"]
    for one in [*parts, total(parts)]:
        numbers = (one.mutants, one.noticed, one.survived, one.unmet, one.untried)
        columns = "".join(f"{number:9}" for number in numbers)
        lines.append(f"{one.module:<28}{columns}{one.per_cent:8.1f}%{'' if one.passes else ' <'}")
    return "\n".join(lines)


def main(folder: Path = MUTANTS) -> int:
    parts = scores(folder)
    if not parts:
        sys.stderr.write("There are no mutants yet; make them with: make mutants\n")
        return 1
    sys.stdout.write(table(parts) + "\n")
    failing = [one.module for one in parts if not one.passes]
    if failing:
        sys.stderr.write(f"Under {FLOOR} %, or not all tried: {', '.join(failing)}\n")
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
