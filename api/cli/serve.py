"""`tongdui serve`."""

import click

from api.cli.context import settings_or_fail
from api.port import PortTaken
from config.logs import configure_logging


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
