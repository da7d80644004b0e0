"""`tongdui schedule`."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from api.cli.context import console, settings_or_fail
from api.jobs import all_jobs, make_courier
from api.secret_keys import load_sealing_keys
from config import Settings
from config.logs import configure_logging
from database import EmbeddedServerError, attach, make_engine
from settlement.schedule import THREADS, Schedule

#: The lead, and for each job that runs a lock, a writer and what they read.
SCHEDULE_CONNECTIONS = 2 + 3 * THREADS


@click.command()
def schedule() -> None:
    """Run what is due by the clock beside `tongdui serve`: holds lapse, points end, webhooks are delivered.

    `tongdui run` does both.
    """
    settings = settings_or_fail()
    configure_logging(settings.log_level, settings.log_format)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        url = settings.database_url or attach(settings.data_dir)
    except EmbeddedServerError as error:
        raise click.ClickException(str(error)) from error
    if url is None:
        raise click.ClickException("No database runs here. Set DATABASE_URL, or start `tongdui run`.")
    with scheduled(settings, url):
        console.print("The schedule runs. Stop with Ctrl-C.")
        stop.wait()


@contextmanager
def scheduled(settings: Settings, url: str) -> Iterator[None]:
    """The schedule runs meanwhile."""
    engine = make_engine(url, pool_size=SCHEDULE_CONNECTIONS, application_name="tongdui-schedule")
    courier = make_courier(settings, engine)
    jobs = Schedule(engine, all_jobs(settings, load_sealing_keys(settings), lambda: courier))
    try:
        jobs.start()
        yield
    finally:
        courier.stop()
        jobs.stop()
        courier.close()
        engine.dispose()
