"""`tongdui jobs`."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime

import click
from rich.table import Table
from sqlalchemy import Engine, Row

from api.cli.context import console, settings_or_fail
from api.cli.opened import opened_engine
from api.cli.settlement import CLI
from api.cli.times import Instant
from api.jobs import LISTED, all_jobs, make_courier
from api.secret_keys import load_sealing_keys
from clearing.directory import read_rulebook
from clearing.proof.keys import SealingKeys
from clearing.query import database_time
from settlement.job_runs import read_states, run_job
from settlement.jobs import Job
from settlement.schedule import is_led
from webhooks.courier import Courier


@click.group(invoke_without_command=True)
@click.pass_context
def jobs(context: click.Context) -> None:
    """List what runs by the clock, with its last and next run; `tongdui jobs run NAME` runs one now."""
    if context.invoked_subcommand is not None:
        return
    with opened_engine() as engine, engine.connect() as connection:
        zone = read_rulebook(connection).settings.time_zone
        states, now, led = read_states(connection), database_time(connection), is_led(connection)
    table = Table("job", "when", "last run", "did", "next run")
    for job in LISTED:
        state = states.get(job.name)
        last = None if state is None else state.at
        table.add_row(
            job.name,
            job.when.text,
            "never" if last is None else f"{last.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            _outcome(state),
            f"{job.when.next_after(last, now, zone).astimezone(zone):%Y-%m-%d %H:%M}",
        )
    console.print(table)
    if not led:
        console.print("No process runs them now. Start `tongdui run` or `tongdui schedule`.")


@jobs.command("run")
@click.argument("name", type=click.Choice([job.name for job in LISTED]))
@click.option("--at", type=Instant(), help="Do what was due at that time; default: now.")
def run_by_hand(name: str, at: datetime | None) -> None:
    """Run the job NAME once, here and now."""
    with opened_engine() as engine, _job_named(name, engine) as job:
        with engine.connect() as connection:
            zone, now = read_rulebook(connection).settings.time_zone, database_time(connection)
        if at is not None and at.tzinfo is None:
            at = at.replace(tzinfo=zone)
        if at is not None and at > now:
            raise click.ClickException("That time has not come yet; nothing is due at it.")
        try:
            counts = run_job(engine, job, at, CLI)
        except Exception as error:
            raise click.ClickException(f"{name} failed: {error}") from error
    if counts is None:
        raise click.ClickException(f"{name} is running in another process.")
    done = ", ".join(f"{what} {count:,}" for what, count in counts.items())
    console.print(f"{name}: {done}", highlight=False)


@contextmanager
def _job_named(name: str, engine: Engine) -> Iterator[Job]:
    settings = settings_or_fail()
    with ExitStack() as stack:

        def courier() -> Courier:
            return stack.enter_context(closing(make_courier(settings, engine)))

        def sealing_keys() -> SealingKeys:
            return load_sealing_keys(settings)()

        jobs_ = all_jobs(settings, sealing_keys, courier)
        yield next(job for job in jobs_ if job.name == name)


def _outcome(state: Row | None) -> str:
    if state is None:
        return ""
    if state.error is not None:
        return f"failed: {state.error}"
    done = [f"{what} {count:,}" for what, count in state.counts.items() if count]
    return ", ".join(done) or "nothing was due"
