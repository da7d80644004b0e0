"""`tongdui pay-file` and `tongdui bank-file`."""

from datetime import datetime
from pathlib import Path

import click
from rich.table import Table

from api.cli.context import console
from api.cli.opened import opened_engine
from api.cli.settlement import CLI, PeriodName, yuan
from clearing.directory import read_rulebook
from clearing.query import database_time
from settlement.bank_file import import_bank_file
from settlement.bank_sheet import NotABankFile
from settlement.payout import account_text, execution_day, not_confirmed, read_payouts, remember_file
from settlement.refusals import Refusal
from settlement.render import pain

UNMATCHED_SHOWN = 50


@click.command("pay-file")
@click.argument("period", type=PeriodName())
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Bank day on which the bank is to pay; default: the first when it is due.",
)
@click.option(
    "--accounts-confirmed",
    type=int,
    help="The change of a bank account since the approval that you have checked; a refusal names it.",
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write; default: its message id."
)
def pay_file(period: int, on: datetime | None, accounts_confirmed: int | None, out: Path | None) -> None:
    """Write what the hub has still to pay out for an approved PERIOD as pain.001.001.09 for its bank."""
    with opened_engine() as engine, engine.begin() as connection:
        payouts = read_payouts(connection, period)
        if isinstance(payouts, Refusal):
            raise _refused(payouts)
        refusal = not_confirmed(payouts, accounts_confirmed)
        if refusal is not None:
            for one in payouts.changed:
                console.print(
                    f"{one.code}: {account_text(one.before)}\n  -> {account_text(one.now)}, changed at"
                    f" {one.now.made_at:%Y-%m-%d %H:%M} by {one.now.made_by}",
                    markup=False,
                    highlight=False,
                )
            raise _refused(refusal)
        zone = read_rulebook(connection).settings.time_zone
        now = database_time(connection).astimezone(zone)
        day = execution_day(payouts, now.date(), None if on is None else on.date())
        if isinstance(day, Refusal):
            raise _refused(day)
        remember_file(connection, payouts, CLI)
    path = out or Path(pain.filename(payouts))
    path.write_bytes(pain.pain_001(payouts, now, day))
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

    Columns: bank_reference, paid_on, amount_yuan (or debit and credit), text, or what banks call them.
    Sending a file again records nothing twice.
    """
    with opened_engine() as engine:
        try:
            done = import_bank_file(engine, file.read_bytes(), CLI)
        except NotABankFile as error:
            raise click.ClickException(str(error)) from error
    console.print(
        f"{done.rows:,} rows, read as {done.encoding}: {done.matched:,} matched,"
        f" {done.replayed:,} on record before, {len(done.unmatched):,} not matched.",
        highlight=False,
    )
    if done.unmatched:
        table = Table("row", "line", "bank reference", "yuan", "code", "detail", title="Not matched")
        for one in done.unmatched[:UNMATCHED_SHOWN]:
            content = one.content
            table.add_row(
                str(one.row or "-"),
                str(one.line),
                content["bank_reference"],
                content["amount_yuan"],
                one.code,
                one.detail,
            )
        console.print(table)
        if strict:
            raise SystemExit(3)


def _refused(refusal: Refusal) -> click.ClickException:
    return click.ClickException(f"{refusal.detail} ({refusal.code})")
