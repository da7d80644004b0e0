"""`tongdui close` and `tongdui statements`."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import Connection, Engine

from api.cli.context import console, notices, settings_or_fail
from api.cli.opened import opened_engine
from api.secret_keys import sealing_keys_at_hand
from clearing.core.calendar import period_number
from clearing.proof.keys import SealingKeys
from settlement.close import CloseRefusal, close_and_check
from settlement.life import check_and_approve
from settlement.proof.made import NotProvable, StatementProof, prove
from settlement.query import Settlement, StatementHeader, list_statements
from settlement.refusals import Refusal
from settlement.render import FORMATS, filename, render
from settlement.statement import DoesNotTieOut, Statement, open_statement

#: Who acts, where no key tells.
CLI = "cli"
RARE = ("adjustments", "rebates", "carried_forward")


class PeriodName(click.ParamType):
    """`2026-11` → 202611"""

    name = "period"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return period_number(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


@click.command()
@click.argument("period", type=PeriodName())
@click.option("--early", is_flag=True, help="End the period in course at this instant.")
def close(period: int, early: bool) -> None:
    """Close PERIOD (YYYY-MM) into nets and statements; safe to run again."""
    with opened_engine() as engine:
        settlement = close_and_check(engine, period, early=early, closed_by=CLI)
        if isinstance(settlement, CloseRefusal):
            raise click.ClickException(f"{settlement.detail} ({settlement.code})")
        _show(settlement)
        if not settlement.recomputed:
            raise click.ClickException("The journal adds up to something else. Run `tongdui verify`.")


@click.command()
@click.argument("period", type=PeriodName())
def approve(period: int) -> None:
    """Approve a closed PERIOD (YYYY-MM), so that its nets can be paid out; safe to run again.

    With dual control, what this command line has closed is approved by an operator with a key of their own.
    """
    with opened_engine() as engine:
        settlement = check_and_approve(engine, period, CLI)
    if isinstance(settlement, Refusal):
        raise click.ClickException(f"{settlement.detail} ({settlement.code})")
    console.print(f"{settlement.period.name} is {settlement.period.state}.", highlight=False)


@click.command()
@click.argument("period", type=PeriodName())
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to."
)
@click.option("--participant", help="Only this participant's.")
@click.option(
    "--format",
    "formats",
    type=click.Choice(list(FORMATS)),
    multiple=True,
    default=list(FORMATS),
    show_default=True,
)
def statements(period: int, out: Path, participant: str | None, formats: tuple[str, ...]) -> None:
    """Write the statements of a closed PERIOD as files.

    The JSON has a proof that is signed, so it is written where the keys that seal are.
    """
    sealing_keys = sealing_keys_at_hand(settings_or_fail())
    with opened_engine() as engine, engine.begin() as connection:
        headers = [
            header
            for header in list_statements(connection, period)
            if participant in (None, header.participant_code)
        ]
        if not headers:
            raise click.ClickException(
                "There are no such statements: close the period first, and check the participant's code."
            )
        if sealing_keys is None and "json" in formats:
            raise click.ClickException(
                "The keys that sign statements are not here. Set TONGDUI_DATA to the folder that the server"
                " uses, or TONGDUI_SEALING_KEYS; or choose other formats (--format)."
            )
        out.mkdir(parents=True, exist_ok=True)
        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=notices, disable=not notices.is_terminal,
        )  # fmt: skip
        with bar:
            for header in bar.track(headers, description="Statements"):
                statement = open_statement(connection, header.id)
                assert statement is not None, "its header was just read"
                if sealing_keys is not None and "json" in formats:
                    statement = statement._replace(proof=_prove(engine, connection, header, sealing_keys))
                _write(connection, statement, formats, out)
    console.print(f"{len(headers) * len(formats):,} files in {out}", markup=False, highlight=False)


def _prove(
    engine: Engine, connection: Connection, header: StatementHeader, keys: Callable[[], SealingKeys]
) -> StatementProof:
    try:
        return prove(engine, connection, header, keys)
    except NotProvable as error:
        raise click.ClickException(str(error)) from error


def _write(connection: Connection, statement: Statement, formats: Sequence[str], out: Path) -> None:
    """All formats in one pass; each file appears under its name when it is complete."""
    paths = {format_: out / filename(statement.header, format_) for format_ in formats}
    with ExitStack() as files:
        drafts = {
            format_: files.enter_context(path.with_name(path.name + ".part").open("wb"))
            for format_, path in paths.items()
        }
        try:
            render(connection, statement, drafts)
        except DoesNotTieOut as error:
            for path in paths.values():
                path.with_name(path.name + ".part").unlink()
            raise click.ClickException(f"{error}. `tongdui verify` tells what was changed.") from error
    for path in paths.values():
        path.with_name(path.name + ".part").replace(path)


def _show(settlement: Settlement) -> None:
    netting = settlement.netting
    # Columns in which nothing stands in any month but a few are left out of the others.
    rare = [name for name in RARE if any(getattr(line, name) for line in netting.lines)]
    columns = ("receivable", "payable", "fees", *rare, "net")
    lines = [line for line in netting.lines if any(getattr(line, name) for name in columns)]
    table = Table("participant", title=f"{settlement.period.name}, closed (yuan)")
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right")
    for line in lines:
        amounts = [getattr(line, name) for name in columns]
        table.add_row(settlement.codes[line.participant_id], *map(yuan, amounts))
    table.add_row("HUB", *[""] * (len(columns) - 1), yuan(netting.hub_net), style="bold")
    console.print(table)
    zeros = len(netting.lines) - len(lines)
    if zeros:
        console.print(f"{zeros:,} more participants with nothing to settle.", highlight=False)
    console.print(f"Zero sum: {settlement.zero_sum}. Recomputed from the journal: {settlement.recomputed}.")


def yuan(fen: int) -> str:
    """-123456 → `-1,234.56`"""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
