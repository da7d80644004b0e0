"""`tongdui`: the group of all commands."""

from importlib import import_module

import click

#: Where each command is: none is loaded but the one that is called, or a start would take twice as long.
COMMANDS = {
    "run": "run.run",
    "serve": "serve.serve",
    "schedule": "schedule.schedule",
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
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            # Only here: it loads SQLAlchemy, and a start waits for what is loaded.
            from api.cli.complaints import sentence_of

            sentence = sentence_of(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tongdui")
def main() -> None:
    """Tongdui (通兑): the clearing house of an alliance of hotels and shops.

    Settings come from the environment; README lists them. Without DATABASE_URL the program runs its own
    PostgreSQL in the folder TONGDUI_DATA.
    """
