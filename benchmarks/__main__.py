"""`python -m benchmarks [--only SECTION] [--quick] [--reference FOLDER]`

Ends with status 1 when a target is missed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import report
from benchmarks.bench import open_bench
from benchmarks.results import Target, target_of
from benchmarks.sections import SECTIONS, named
from benchmarks.sizes import FULL, QUICK
from config.logs import configure_logging


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    # Into a file or a pipe, the tables need not be squeezed into eighty columns.
    console = Console() if sys.stdout.isatty() else Console(width=120)
    targets: list[Target] = []
    sizes = QUICK if options.quick else FULL
    with open_bench(sizes, console, reference=options.reference) as bench:
        console.print(f"limit: {bench.limit.name}")
        for section in named(options.only):
            found = section.measure(bench)
            report.print_section(console, section, found)
            targets.append(target_of(section, found))
    return 0 if report.print_summary(console, targets) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [section.name for section in SECTIONS]
    parser.add_argument("--only", choices=names, metavar="SECTION", help=f"one of: {', '.join(names)}")
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FOLDER",
        help="hand-written SQL to compare with instead of benchmarks/limit.sql",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few members, one short run: shows that it works, not how fast",
    )
    return parser


if __name__ == "__main__":
    configure_logging("warning", "console")
    sys.exit(main())
