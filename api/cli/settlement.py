"""`tongdui close` and `tongdui statements`."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import Connection

from api.cli.context import console, notices, opened_engine
from clearing.core.calendar import period_number
from settlement.close import CloseRefusal, check_recomputed, close_period
from settlement.query import Settlement, list_statements, read_settlement
from settlement.render import FORMATS, filename, render
from settlement.statement import Statement, open_statement


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
        with engine.begin() as connection:
            outcome = close_period(connection, period, early=early, closed_by="cli")
        if isinstance(outcome, CloseRefusal):
            raise click.ClickException(f"{outcome.detail} ({outcome.code})")
        if outcome.recomputed is None:
            with engine.begin() as connection:
                check_recomputed(connection, period)
        with engine.connect() as connection:
            settlement = read_settlement(connection, period)
        assert settlement is not None, "it was just closed"
        _show(settlement)
        if not settlement.recomputed:
            raise click.ClickException("The journal adds up to something else. Run `tongdui verify`.")


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
    """Write the statements of a closed PERIOD as files."""
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
        out.mkdir(parents=True, exist_ok=True)
        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=notices, disable=not notices.is_terminal,
        )  # fmt: skip
        with bar:
            for header in bar.track(headers, description="Statements"):
                statement = open_statement(connection, header.id)
                assert statement is not None, "its header was just read"
                _write(connection, statement, formats, out)
    console.print(f"{len(headers) * len(formats):,} files in {out}", markup=False, highlight=False)


def _write(connection: Connection, statement: Statement, formats: Sequence[str], out: Path) -> None:
    """All formats in one pass; each file appears under its name when it is complete."""
    paths = {format_: out / filename(statement.header, format_) for format_ in formats}
    with ExitStack() as files:
        drafts = {
            format_: files.enter_context(path.with_name(path.name + ".part").open("wb"))
            for format_, path in paths.items()
        }
        render(connection, statement, drafts)
    for path in paths.values():
        path.with_name(path.name + ".part").replace(path)


def _show(settlement: Settlement) -> None:
    netting = settlement.netting
    lines = [line for line in netting.lines if line.receivable or line.payable or line.fees or line.net]
    table = Table("participant", title=f"{settlement.period.name}, closed (yuan)")
    for name in ("receivable", "payable", "fees", "net"):
        table.add_column(name, justify="right")
    for line in lines:
        amounts = (line.receivable, line.payable, line.fees, line.net)
        table.add_row(settlement.codes[line.participant_id], *map(yuan, amounts))
    table.add_row("HUB", "", "", "", yuan(netting.hub_net), style="bold")
    console.print(table)
    zeros = len(netting.lines) - len(lines)
    if zeros:
        console.print(f"{zeros:,} more participants with nothing to settle.", highlight=False)
    console.print(f"Zero sum: {settlement.zero_sum}. Recomputed from the journal: {settlement.recomputed}.")


def yuan(fen: int) -> str:
    """-123456 → `-1,234.56`"""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
