"""`tongdui verify`."""

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from api.cli.context import console, notices, opened_engine
from clearing.verify import Check, frozen
from settlement.verify import checks
from settlement.verify import verify as verify_all


@click.command()
def verify() -> None:
    """Recompute lots, positions and nets from the journal; exit 1 at the first difference."""
    with opened_engine() as engine, frozen(engine) as connection, _progress() as bar:
        task = bar.add_task("", total=len(checks()))

        def show(check: Check) -> None:
            bar.update(task, advance=1, description=check.description)

        difference = next(verify_all(connection, show), None)
    if difference is not None:
        console.print(f"[bold red]{difference.check}[/bold red] differs:", highlight=False)
        console.print(f"  {difference.where}", markup=False, soft_wrap=True)
        console.print(f"  expected {difference.expected}", markup=False, soft_wrap=True)
        console.print(f"  found    {difference.found}", markup=False, soft_wrap=True)
        raise SystemExit(1)
    console.print(f"{len(checks())} checks, no difference.", highlight=False)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.completed}/{task.total} {task.description}"), TimeElapsedColumn(),
        console=notices, transient=True,
    )  # fmt: skip
