"""`tongdui verify`."""

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine

from api.cli.context import console, notices, settings_or_fail
from api.cli.opened import opened_engine
from api.secret_keys import SEALING_KEYS_FILE, sealing_keys_at_hand
from clearing.proof.check import PublicKeys
from clearing.verify import Check, frozen
from config import Settings
from settlement.verify import checks
from settlement.verify import verify as verify_all


@click.command()
def verify() -> None:
    """Hold the journal against its seal, recompute all else from it; exit 1 at the first difference."""
    public_keys = _public_keys(settings_or_fail())
    with opened_engine() as engine:
        report_differences(engine, public_keys)


def report_differences(engine: Engine, public_keys: PublicKeys | None) -> None:
    """Print the first difference, or that there is none; exits with 1 if there is one."""
    with frozen(engine) as connection, _progress() as bar:
        task = bar.add_task("", total=len(checks()))

        def show(check: Check) -> None:
            bar.update(task, advance=1, description=check.description)

        difference = next(verify_all(connection, show, public_keys=public_keys), None)
    if difference is not None:
        console.print(f"{difference.check} differs:", style="bold red", highlight=False)
        console.print(f"  {difference.where}", markup=False, soft_wrap=True)
        console.print(f"  expected {difference.expected}", markup=False, soft_wrap=True)
        console.print(f"  found    {difference.found}", markup=False, soft_wrap=True)
        raise SystemExit(1)
    console.print(f"{len(checks())} checks, no difference.", highlight=False)


def _public_keys(settings: Settings) -> PublicKeys | None:
    keys = sealing_keys_at_hand(settings)
    if keys is None:
        notices.print(f"Signatures are not looked at: there is no {settings.data_dir / SEALING_KEYS_FILE}.")
        return None
    return keys().public_keys


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.completed}/{task.total} {task.description}"), TimeElapsedColumn(),
        console=notices, transient=True,
    )  # fmt: skip
