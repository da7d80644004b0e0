"""`tongdui close` and `tongdui statements`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import click
import structlog
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import Engine

from api.cli.context import console, notices, settings_or_fail
from api.cli.opened import opened_engine
from api.secret_keys import sealing_keys_at_hand
from clearing.core.calendar import period_number
from clearing.proof.keys import SealingKeys
from settlement.close import CloseRefusal, close_and_check
from settlement.life import check_and_approve
from settlement.proof.made import NotProvable, prove
from settlement.query import Settlement, StatementHeader, list_statements
from settlement.refusals import Refusal
from settlement.render import FORMATS, filename, render
from settlement.statement import DoesNotTieOut, open_statement

log = structlog.get_logger(__name__)

#: Who acts, where no key tells.
CLI = "cli"
#: What a net is made of, in the words of statements (docs/statements.md) and in their order.
FIGURES = {
    "receivable": "Receivable from exchanges",
    "payable": "Payable for exchanges",
    "fees": "Fees, VAT included",
    "rebates": "Rebates",
    "adjustments": "Adjustments",
    "carried_forward": "Carried forward",
    "net": "Net",
}
RARE = ("rebates", "adjustments", "carried_forward")


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

    A file that cannot be made is told, with the reason, and holds up no other; the command then ends with 1.

    The JSON has a proof that is signed, so it is written where the keys that seal are.
    """
    with opened_engine() as engine:
        with engine.connect() as connection:
            headers = [
                header
                for header in list_statements(connection, period)
                if participant in (None, header.participant_code)
            ]
        sealing_keys = sealing_keys_at_hand(settings_or_fail())
        if sealing_keys is None and "json" in formats:
            raise click.ClickException(
                "The keys that sign statements are not here. Set TONGDUI_DATA to the folder that the server"
                " uses, or TONGDUI_SEALING_KEYS; or choose other formats (--format)."
            )
        if not headers:
            raise click.ClickException(
                "There are no such statements: close the period first, and check the participant's code."
            )
        out.mkdir(parents=True, exist_ok=True)
        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=notices, disable=not notices.is_terminal,
        )  # fmt: skip
        failures: dict[str, Exception] = {}
        with bar:
            for header in bar.track(headers, description="Statements"):
                failures |= _write(engine, header, formats, out, sealing_keys)
    wanted = len(headers) * len(formats)
    console.print(f"{wanted - len(failures):,} files in {out}", markup=False, highlight=False)
    if failures:
        raise click.ClickException(_told(failures, wanted))


def _write(
    engine: Engine,
    header: StatementHeader,
    formats: Sequence[str],
    out: Path,
    sealing_keys: Callable[[], SealingKeys] | None,
) -> dict[str, Exception]:
    """The statement's files, each under its name when it is complete; which could not be made, and why.

    Each statement has a transaction of its own, so that one that fails takes nothing from the others.
    """
    failures: dict[str, Exception] = {}
    paths = {format_: out / filename(header, format_) for format_ in formats}
    drafts = {format_: path.with_name(path.name + ".part") for format_, path in paths.items()}

    def failed(format_: str, error: Exception) -> None:
        failures[paths[format_].name] = error
        if not isinstance(error, (DoesNotTieOut, NotProvable)):
            log.error("statement_not_made", file=paths[format_].name, exc_info=error)

    try:
        with engine.begin() as connection:
            statement = open_statement(connection, header.id)
            assert statement is not None, "its header was just read"
            possible = list(formats)
            if sealing_keys is not None and "json" in formats:
                try:
                    statement = statement._replace(proof=prove(engine, connection, header, sealing_keys))
                except NotProvable as error:
                    failed("json", error)
                    possible.remove("json")
            with ExitStack() as files:
                opened = {format_: files.enter_context(drafts[format_].open("wb")) for format_ in possible}
                render(connection, statement, opened, failed=failed)
        for format_, path in paths.items():
            if path.name not in failures:
                drafts[format_].replace(path)
    except Exception as error:
        # The lines are not what was settled, or could not be read: that concerns every file of the statement.
        for format_ in formats:
            if paths[format_].name not in failures:
                failed(format_, error)
    for draft in drafts.values():
        draft.unlink(missing_ok=True)
    return failures


def _told(failures: Mapping[str, Exception], wanted: int) -> str:
    """Which files were not made, and why."""
    lines = [f"{len(failures):,} of {wanted:,} files could not be made; the others are complete:"]
    for name, error in failures.items():
        kind = "" if isinstance(error, (DoesNotTieOut, NotProvable)) else f"{type(error).__name__}: "
        lines.append(f"  {name}: {kind}{error}")
    if any(isinstance(error, DoesNotTieOut) for error in failures.values()):
        lines.append("`tongdui verify` tells what was changed.")
    lines.append("Run the same command again when the cause is mended; --participant makes one alone.")
    return "\n".join(lines)


def _show(settlement: Settlement) -> None:
    netting = settlement.netting
    # Columns in which nothing stands in any month but a few are left out of the others.
    empty = [name for name in RARE if not any(getattr(line, name) for line in netting.lines)]
    columns = [name for name in FIGURES if name not in empty]
    lines = [line for line in netting.lines if any(getattr(line, name) for name in columns)]
    table = Table("Participant", title=f"{settlement.period.name}, closed (yuan)")
    for name in columns:
        table.add_column(FIGURES[name], justify="right")
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
