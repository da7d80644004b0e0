"""The command line `tongdui`."""

from api.cli.main import main

__all__ = ["main"]
