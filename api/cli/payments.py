"""`tongdui pay-file` and `tongdui bank-file`."""

from pathlib import Path

import click
from rich.table import Table

from api.cli.context import console
from api.cli.opened import opened_engine
from api.cli.settlement import CLI, PeriodName, yuan
from clearing.directory import read_rulebook
from clearing.query import database_time
from settlement.bank_file import NotABankFile, import_bank_file
from settlement.payout import read_payouts
from settlement.refusals import Refusal
from settlement.render import pain

UNMATCHED_SHOWN = 50


@click.command("pay-file")
@click.argument("period", type=PeriodName())
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; default: its message id."
)
def pay_file(period: int, out: Path | None) -> None:
    """Write what the hub has still to pay out for an approved PERIOD as pain.001.001.09 for its bank."""
    with opened_engine() as engine, engine.begin() as connection:
        payouts = read_payouts(connection, period)
        if isinstance(payouts, Refusal):
            raise click.ClickException(f"{payouts.detail} ({payouts.code})")
        zone = read_rulebook(connection).settings.time_zone
        now = database_time(connection).astimezone(zone)
    path = out or Path(pain.filename(payouts))
    path.write_bytes(pain.pain_001(payouts, now, max(payouts.due_on, now.date())))
    console.print(
        f"{len(payouts.transfers)} transfers of {yuan(payouts.total)} yuan in all: {path}",
        markup=False,
        highlight=False,
    )


@click.command("bank-file")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--strict", is_flag=True, help="Exit 3 if any row was not matched.")
def bank_file(file: Path, strict: bool) -> None:
    """Match the payments of a bank statement, FILE as CSV, to nets and put them on record.

    Columns: bank_reference, paid_on, amount_yuan, text. Sending a file again records nothing twice.
    """
    with opened_engine() as engine:
        try:
            done = import_bank_file(engine, file.read_bytes(), CLI)
        except NotABankFile as error:
            raise click.ClickException(str(error)) from error
    console.print(
        f"{done.rows:,} rows: {len(done.payments):,} matched, {done.replayed:,} on record before,"
        f" {len(done.unmatched):,} not matched.",
        highlight=False,
    )
    if done.unmatched:
        table = Table("row", "bank reference", "yuan", "code", "detail", title="Not matched")
        for one in done.unmatched[:UNMATCHED_SHOWN]:
            content = one.content
            table.add_row(
                str(one.row), content["bank_reference"], content["amount_yuan"], one.code, one.detail
            )
        console.print(table)
        if strict:
            raise SystemExit(3)
