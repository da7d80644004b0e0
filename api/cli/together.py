"""What `tongdui run` runs together: the database, the server and the schedule."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

import click

from api.cli.context import console, notices
from api.cli.schedule import scheduled
from api.sample import (
    SAMPLE_KEYS_FILE,
    SAMPLE_USERS_FILE,
    SampleKey,
    SampleUser,
    read_sample_keys,
    read_sample_users,
)
from api.setup import prepare
from config import Settings
from config.logs import configure_logging
from database import EmbeddedServer, EmbeddedServerError

POLL_SECONDS = 0.05
#: What the server is told when its database is ready.
SERVE = b"serve\n"


def run_together(settings: Settings, server: "subprocess.Popen[bytes]", *, sample: bool) -> None:
    """Make the database ready, let the `server` that is loading serve, until SIGINT or SIGTERM.

    Raises click.ClickException if the database cannot be started or the server ends by itself.
    """
    if settings.database_url is not None:
        _serve(settings, settings.database_url, server, sample=sample)
        return
    database = EmbeddedServer(settings.data_dir, archive_to=settings.backups, on_wait=notices.print)
    try:
        with database, _ended_with(database):
            _serve(settings, database.url, server, sample=sample)
    except EmbeddedServerError as error:
        raise click.ClickException(str(error)) from error


def _serve(settings: Settings, url: str, server: "subprocess.Popen[bytes]", *, sample: bool) -> None:
    operator_key = prepare(settings, url)
    if sample:
        # Only here: it loads half of the program, and a start waits for what is loaded.
        from api.sample.load import load_sample

        load_sample(settings, url, console)
    keys = read_sample_keys(settings)
    configure_logging(settings.log_level, settings.log_format)
    people = read_sample_users(settings)
    _once_it_answers(settings, lambda: _greet(settings, operator_key, keys, people))
    with scheduled(settings, url):
        status = _let_serve(server)
    if status:
        raise click.ClickException(f"The server has ended with status {status}.")
    console.print("Stopped.")


def _let_serve(server: "subprocess.Popen[bytes]") -> int:
    """Serve until SIGINT or SIGTERM; the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.terminate())
    server.communicate(SERVE)
    return server.returncode


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
    console.print(f"Tongdui listens on {base}  (API: {base}/docs)")
    console.print(f"Data: {settings.data_dir}", soft_wrap=True)
    if operator_key is not None:
        console.print("Operator key, shown this once:")
        console.print(f"  {operator_key}", soft_wrap=True)
    if keys:
        console.print(f"Keys of the sample alliance (also in {settings.data_dir / SAMPLE_KEYS_FILE}):")
        for key in keys:
            console.print(f"  {key.label:<24} {key.key}", soft_wrap=True)
        desk = next(key for key in keys if key.card is not None)
        console.print("Try a card at a front desk:")
        console.print(
            f'  curl -H "Authorization: Bearer {desk.key}" {base}/v1/cards/{desk.card}', soft_wrap=True
        )
    if people:
        place = settings.data_dir / SAMPLE_USERS_FILE
        console.print(f"Log in at {base}/login as one of these (also in {place}):", soft_wrap=True)
        for user in people:
            console.print(f"  {user.name:<12} {user.password:<24} {user.label}", highlight=False)
    console.print("Stop with Ctrl-C.")
