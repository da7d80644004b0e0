"""`tongdui run` and `tongdui serve`."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

import click
from rich.markup import escape

from api.cli.context import console, notices, settings_or_fail
from api.jobs import all_jobs, make_courier
from api.port import PortTaken, require_free_port
from api.sample import (
    SAMPLE_KEYS_FILE,
    SAMPLE_USERS_FILE,
    SampleKey,
    SampleUser,
    read_sample_keys,
    read_sample_users,
)
from api.secret_keys import load_sealing_keys
from api.setup import prepare
from config import Settings
from config.logs import configure_logging
from database import EmbeddedServer, EmbeddedServerError, attach, make_engine
from settlement.schedule import THREADS, Schedule

POLL_SECONDS = 0.05
#: The lead, and for each job that runs a lock, a writer and what they read.
SCHEDULE_CONNECTIONS = 2 + 3 * THREADS


@click.command()
@click.option("--sample", is_flag=True, help="Begin with a small sample alliance, if there is no data yet.")
def run(sample: bool) -> None:
    """Start everything: the embedded database (unless DATABASE_URL is set) and the API."""
    settings = settings_or_fail()
    try:
        require_free_port(settings)
        if settings.database_url is not None:
            _serve(settings, settings.database_url, sample)
            return
        server = EmbeddedServer(settings.data_dir, on_wait=notices.print)
        with server, _ended_with(server):
            _serve(settings, server.url, sample)
    except (EmbeddedServerError, PortTaken) as error:
        raise click.ClickException(str(error)) from error


@click.command()
def serve() -> None:
    """Serve the API on a database that is there: DATABASE_URL, or one that `tongdui run` started."""
    # Only here: other commands need not wait for all of the program.
    from api.server import serve as serve_until_stopped

    settings = settings_or_fail()
    configure_logging(settings.log_level, settings.log_format)
    try:
        serve_until_stopped(settings)
    except PortTaken as error:
        raise click.ClickException(str(error)) from error


def _serve(settings: Settings, url: str, sample: bool) -> None:
    operator_key = prepare(settings, url)
    if sample:
        # Only here: it loads half of the program, and a start waits for what is loaded.
        from api.sample.load import load_sample

        load_sample(settings, url, console)
    keys = read_sample_keys(settings)
    configure_logging(settings.log_level, settings.log_format)
    people = read_sample_users(settings)
    _once_it_answers(settings, lambda: _greet(settings, operator_key, keys, people))
    with _scheduled(settings, url):
        status = _serve_beside()
    if status:
        raise click.ClickException(f"The server has ended with status {status}.")
    console.print("Stopped.")


def _serve_beside() -> int:
    """Serve in a process of its own until SIGINT or SIGTERM; its exit status.

    It forks, and this one must not: it has threads, and holds the lock on the data folder.
    """
    with subprocess.Popen([sys.executable, "-m", "api.server", str(os.getpid())]) as server:
        # Ctrl-C reaches both processes, so that one of these has nothing left to do.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: server.terminate())
        return server.wait()


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
    with _scheduled(settings, url):
        console.print("The schedule runs. Stop with Ctrl-C.")
        stop.wait()


@contextmanager
def _scheduled(settings: Settings, url: str) -> Iterator[None]:
    engine = make_engine(url, pool_size=SCHEDULE_CONNECTIONS, application_name="tongdui-schedule")
    courier = make_courier(settings, engine)
    jobs = Schedule(engine, all_jobs(load_sealing_keys(settings), lambda: courier))
    try:
        jobs.start()
        yield
    finally:
        courier.stop()
        jobs.stop()
        courier.close()
        engine.dispose()


def _once_it_answers(settings: Settings, then: Callable[[], None]) -> None:
    """Call `then` when the server takes requests, so that what it prints can be tried at once."""

    def wait() -> None:
        while True:
            try:
                connection = HTTPConnection(settings.host, settings.port, timeout=5)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == HTTPStatus.OK:
                    break
            except (OSError, HTTPException):
                time.sleep(POLL_SECONDS)
        then()

    threading.Thread(target=wait, name="greeting", daemon=True).start()


@contextmanager
def _ended_with(server: EmbeddedServer) -> Iterator[None]:
    """End the program if its database ends: whoever supervises it will start both again."""

    def wait() -> None:
        server.wait()
        if not stopping.is_set():
            notices.print("The database has ended; stopping.")
            os.kill(os.getpid(), signal.SIGTERM)

    stopping = threading.Event()
    threading.Thread(target=wait, name="database-watch", daemon=True).start()
    try:
        yield
    finally:
        stopping.set()


def _greet(
    settings: Settings, operator_key: str | None, keys: list[SampleKey], people: list[SampleUser]
) -> None:
    base = f"http://{settings.host}:{settings.port}"
    console.print(f"[bold]Tongdui[/bold] listens on {base}  (API: {base}/docs)")
    console.print(f"Data: {escape(str(settings.data_dir))}", soft_wrap=True)
    if operator_key is not None:
        console.print("Operator key, shown this once:")
        console.print(f"  {operator_key}", soft_wrap=True)
    if keys:
        console.print(
            f"Keys of the sample alliance (also in {escape(str(settings.data_dir / SAMPLE_KEYS_FILE))}):"
        )
        for key in keys:
            console.print(f"  {key.label:<24} {key.key}", soft_wrap=True)
        desk = next(key for key in keys if key.card is not None)
        console.print("Try a card at a front desk:")
        console.print(
            f'  curl -H "Authorization: Bearer {desk.key}" {base}/v1/cards/{desk.card}', soft_wrap=True
        )
    if people:
        place = escape(str(settings.data_dir / SAMPLE_USERS_FILE))
        console.print(f"Log in at {base}/login as one of these (also in {place}):", soft_wrap=True)
        for user in people:
            console.print(f"  {user.name:<12} {user.password:<24} {user.label}", highlight=False)
    console.print("Stop with Ctrl-C.")
