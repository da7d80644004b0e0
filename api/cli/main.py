"""`tongdui`: the group of all commands."""

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from api.cli.database import database
from api.cli.doctor import doctor
from api.cli.imports import import_file
from api.cli.jobs import jobs
from api.cli.keys import keys
from api.cli.payments import bank_file, pay_file
from api.cli.serve import run, schedule, serve
from api.cli.settlement import approve, close, statements
from api.cli.users import users
from api.cli.verify import verify
from api.cli.verify_statement import verify_statement
from config import SettingsError


class Commands(click.Group):
    """Turns wrong settings and the database's commonest complaints into sentences."""

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


COMMANDS = (
    run,
    serve,
    schedule,
    database,
    keys,
    import_file,
    close,
    approve,
    statements,
    pay_file,
    bank_file,
    jobs,
    verify,
    verify_statement,
    users,
    doctor,
)

for command in COMMANDS:
    main.add_command(command)
