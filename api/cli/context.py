"""What commands share: settings, and errors that say what to do.

Every command waits for what is loaded here: no database, which is in `opened`.
"""

import click
from rich.console import Console

from config import Settings, SettingsError, load_settings
from config.logs import configure_logging

console = Console()
notices = Console(stderr=True)


def settings_or_fail() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    # A person reads along: warnings only, in plain lines. Servers log what they are told to.
    configure_logging("warning", "console")
    return settings
