"""What commands share: settings, and errors that say what to do.

Every command waits for what is loaded here: no database, which is in `opened`.
"""

import click
from rich.console import Console

from config import Settings, SettingsError, load_settings
from config.logs import configure_logging

#: What is printed comes from files, people and folders: no brackets in it are markup, no `:100:` an emoji.
console = Console(markup=False, emoji=False)
notices = Console(stderr=True, markup=False, emoji=False)


def settings_or_fail() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    # A person reads along: warnings only, in plain lines. Servers log what they are told to.
    configure_logging("warning", "console")
    return settings
