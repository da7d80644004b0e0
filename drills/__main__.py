"""`python -m drills NAME`."""

import sys
import tempfile
from importlib import import_module
from pathlib import Path

import click

NAMES = ("restore",)


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@click.option("--rounds", default=1, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=10.0, show_default=True, help="How long the load of a round lasts.")
@click.option("--seed", default=1, show_default=True)
def main(name: str, rounds: int, seconds: float, seed: int) -> None:
    """Run the drill NAME; exit 1 if anything was lost, invented or wrong."""
    drill = import_module(f"drills.{name.replace('-', '_')}")
    bad = 0
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="tongdui-drill-") as folder:
            Path(folder).chmod(0o711)  # PostgreSQL's user goes through it
            faults = drill.run(Path(folder), seed + number, seconds)
        print(f"{name} {number + 1}/{rounds}: {'; '.join(faults[:5]) or 'good'}")
        bad += bool(faults)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
