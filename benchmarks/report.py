"""The table that is printed, and the verdict under it."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.results import Condition, Row, Section, Target


def print_section(console: Console, section: Section, rows: Sequence[Row]) -> None:
    table = Table(
        title=f"{section.number} {section.name}: {section.what}",
        caption=f"beside: {section.beside}",
        title_justify="left",
        caption_justify="left",
        title_style="bold",
    )
    table.add_column("case")
    for heading in (f"ours, {section.unit}", "beside", "ratio"):
        table.add_column(heading, justify="right")
    for heading in ("detail", "target"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            row.case,
            figure(row.ours),
            figure(row.beside) if row.beside else "",
            f"{row.ratio:.2f}" if row.ratio else "",
            row.detail,
            "\n".join(map(_verdict, row.conditions)),
        )
    console.print(table)


def print_summary(console: Console, targets: Sequence[Target]) -> bool:
    """Print how many targets were met; whether all were."""
    missed = [target for target in targets if not target.met]
    for target in missed:
        conditions = ", ".join(one.text for one in target.conditions if not one.met)
        console.print(f"missed: {target.number} ({conditions})", highlight=False)
    console.print(f"{len(targets) - len(missed)} of {len(targets)} targets met")
    return not missed


def figure(value: float) -> str:
    """Three digits that mean something, and no fraction of what there are hundreds of."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _verdict(condition: Condition) -> str:
    colour, verdict = ("green", "met") if condition.met else ("red", "missed")
    return f"[{colour}]{verdict}[/{colour}] {condition.text}"
