"""`tongdui run`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from api.cli.context import settings_or_fail
from api.port import PortTaken, require_free_port


@click.command()
@click.option("--sample", is_flag=True, help="Begin with a small sample alliance, if there is no data yet.")
def run(sample: bool) -> None:
    """Start everything: the embedded database (unless DATABASE_URL is set) and the API."""
    settings = settings_or_fail()
    try:
        require_free_port(settings)
    except PortTaken as error:
        raise click.ClickException(str(error)) from error
    with _loading_server() as server:
        # Only now: loading this takes almost as long as the server takes, which loads meanwhile.
        from api.cli.together import run_together

        run_together(settings, server, sample=sample)


@contextmanager
def _loading_server() -> Iterator["subprocess.Popen[bytes]"]:
    """A program of its own that loads the server while this one makes the database ready, and waits then
    for a line that tells it to serve.

    It forks, and this one must not: it has threads, and holds the lock on the data folder.
    """
    arguments = [sys.executable, "-m", "api.server", str(os.getpid())]
    # Of a session of its own: Ctrl-C reaches this program, which tells the other.
    server = subprocess.Popen(arguments, stdin=subprocess.PIPE, start_new_session=True)
    with server:
        try:
            yield server
        finally:
            server.terminate()
