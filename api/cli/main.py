"""`tongdui`: the group of all commands."""

from importlib import import_module

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from config import SettingsError

#: Where each command is: none is loaded but the one that is called, or a start would take twice as long.
COMMANDS = {
    "run": "serve.run",
    "serve": "serve.serve",
    "schedule": "serve.schedule",
    "db": "database.database",
    "keys": "keys.keys",
    "import": "imports.import_file",
    "close": "settlement.close",
    "approve": "settlement.approve",
    "statements": "settlement.statements",
    "pay-file": "payments.pay_file",
    "bank-file": "payments.bank_file",
    "jobs": "jobs.jobs",
    "verify": "verify.verify",
    "verify-statement": "verify_statement.verify_statement",
    "users": "users.users",
    "doctor": "doctor.doctor",
}


class Commands(click.Group):
    """Loads commands when they are called; turns wrong settings and the database's commonest complaints
    into sentences.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(".")
        command: click.Command = getattr(import_module(f"api.cli.{module}"), name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise click.ClickException(str(error)) from error
        except OperationalError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise click.ClickException(
                f"The database cannot be reached: {reason}. Check DATABASE_URL, or run `tongdui doctor`."
            ) from error
        except ProgrammingError as error:
            if "does not exist" not in str(error.orig):
                raise
            raise click.ClickException(
                "The database has no tables yet, or old ones. Run `tongdui db upgrade` first."
            ) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tongdui")
def main() -> None:
    """Tongdui (通兑): the clearing house of an alliance of hotels and shops.

    Settings come from the environment; README lists them. Without DATABASE_URL the program runs its own
    PostgreSQL in the folder TONGDUI_DATA.
    """
