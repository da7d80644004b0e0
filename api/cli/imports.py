"""`tongdui import`."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.building import opened_services
from api.cli.context import console, notices
from api.cli.opened import opened_url
from api.imports import store
from api.imports.kinds import KINDS, MEMBERS
from api.imports.receive import CHUNK_BYTES, receive
from api.imports.refused import refused_csv
from api.imports.results import results_csv
from api.services import Services
from clearing.core.amounts import rate_text
from clearing.core.commands import Caller, Scope

BYTES_MAX = 1 << 40
REFUSALS_SHOWN = 10

MEDIA_TYPES = {".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson"}


@click.command("import")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--historical", is_flag=True, help="Book each row at the time it occurred.")
@click.option(
    "--errors", type=click.Path(dir_okay=False, path_type=Path), help="Write refused rows to this CSV."
)
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Of members: write who got which card to this CSV.",
)
@click.option("--strict", is_flag=True, help="Exit 3 if any row was refused.")
def import_file(
    kind: str, file: Path, historical: bool, errors: Path | None, results: Path | None, strict: bool
) -> None:
    """Post the rows of FILE (CSV, or NDJSON by its ending) as KIND.

    Good rows are posted, bad ones listed. Sending a file again posts nothing twice.
    """
    if results is not None and kind != MEMBERS:
        raise click.BadParameter("only an import of members has results.", param_hint="--results")
    # A handful of connections is plenty for one command.
    with opened_url() as (settings, url), opened_services(replace(settings, threads=4), url) as services:
        with file.open("rb") as content:
            import_id = receive(
                services.engine,
                services.files,
                _chunks(content),
                kind=kind,
                historical=historical,
                owner="hub",
                caller=Caller("cli", Scope.OPERATOR),
                media_type=MEDIA_TYPES.get(file.suffix, "text/csv"),
                bytes_max=BYTES_MAX,
            )
        finished = _run(services, import_id, file.name)
        _report(services, finished, errors)
        if results is not None:
            _write_results(services, finished, results)
    if finished.status == "failed":
        raise click.ClickException(finished.error or "The import failed.")
    if strict and finished.refused:
        raise SystemExit(3)


def _run(services: Services, import_id: int, name: str) -> store.Import:
    file = TextColumn("{task.description}", markup=False)
    columns = (file, BarColumn(), TextColumn("{task.fields[counts]}"))
    with Progress(*columns, TimeElapsedColumn(), console=notices, disable=not notices.is_terminal) as bar:
        task = bar.add_task(name, total=None, counts="")

        def show(progress: store.Import) -> None:
            counts = f"{progress.rows:,} rows, {progress.refused:,} refused"
            bar.update(task, completed=progress.read_bytes, total=progress.upload.size_bytes, counts=counts)

        finished = services.imports.run(import_id, show)
        assert finished is not None, "the import was just made, and here"
        show(finished)
    return finished


def _report(services: Services, finished: store.Import, errors: Path | None) -> None:
    console.print(
        f"{finished.rows:,} rows: {finished.accepted:,} accepted, {finished.replayed:,} replayed,"
        f" {finished.refused:,} refused.{f' Read as {finished.encoding}.' if finished.encoding else ''}",
        highlight=False,
    )
    if finished.residue:
        console.print(f"{rate_text(finished.residue)} points were lost in converting, by rounding down.")
    with services.engine.connect() as connection:
        if errors is not None:
            with errors.open("w", encoding="utf-8", newline="") as file:
                file.writelines(refused_csv(connection, finished))
        if not finished.refused:
            return
        table = Table("row", "code", "detail", title=f"Refused rows (the first {REFUSALS_SHOWN})")
        for refusal in islice(store.refusals(connection, finished.id), REFUSALS_SHOWN):
            table.add_row(str(refusal["row"]), refusal["code"], refusal["detail"])
    console.print(table)
    if errors is not None:
        console.print(f"All refused rows are in {errors}.", markup=False)
    elif finished.refused > REFUSALS_SHOWN:
        console.print("Name a file with --errors to get all of them.")


def _write_results(services: Services, finished: store.Import, results: Path) -> None:
    with services.engine.connect() as connection, results.open("w", encoding="utf-8", newline="") as file:
        directory = services.directory(connection)
        file.writelines(results_csv(connection, finished, directory, services.personal_data))
    console.print(f"The members' cards are in {results}.", markup=False)


def _chunks(content: BinaryIO) -> Iterator[bytes]:
    while chunk := content.read(CHUNK_BYTES):
        yield chunk
