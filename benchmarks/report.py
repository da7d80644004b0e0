"""The table that is printed, and the verdict under it."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.results import Row, Section, Target


def print_section(console: Console, section: Section, rows: Sequence[Row]) -> None:
    table = Table(
        title=f"{section.name}: {section.what}",
        caption=f"limit: {section.beside}",
        title_justify="left",
        caption_justify="left",
        title_style="bold",
    )
    table.add_column("case")
    for heading in (f"{section.unit}/s", "limit/s", "ratio"):
        table.add_column(heading, justify="right")
    for heading in ("detail", "target"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            row.case,
            f"{row.rate:,.0f}",
            f"{row.beside:,.0f}" if row.beside else "",
            f"{row.ratio:.2f}" if row.ratio else "",
            row.detail,
            "\n".join(map(_verdict, row.targets)),
        )
    console.print(table)


def print_summary(console: Console, rows: Sequence[Row]) -> bool:
    """Print how many targets were met; whether all were."""
    targets = [target for row in rows for target in row.targets]
    met = sum(target.met for target in targets)
    console.print(f"{met} of {len(targets)} targets met")
    return met == len(targets)


def _verdict(target: Target) -> str:
    return f"[green]met[/green] {target.text}" if target.met else f"[red]missed[/red] {target.text}"
