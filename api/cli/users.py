"""`tongdui users`: people who log in to the pages; for the first operator, and for who is locked out."""

import click
from marshmallow import ValidationError
from pyotp import TOTP
from rich.table import Table
from sqlalchemy import Connection

from api.cli.context import console
from api.cli.opened import opened_engine
from api.fields import Text
from api.places import place_of
from api.present import participant_code
from api.problems import Problem
from api.schemas.users import FULL_NAME_CHARACTERS_MAX
from clearing.core.commands import Scope
from clearing.directory import read_directory
from users import changes
from users.accounts import User, list_users, read_user, require_name

WHO = "cli"
USERS_MAX = 100_000


@click.group("users")
def users() -> None:
    """Look after the people who log in to the pages."""


@users.command()
@click.argument("name")
@click.option("--full-name", required=True, help="As it is shown to others.")
@click.option("--scope", type=click.Choice([scope.value for scope in Scope]), required=True, help="The role.")
@click.option("--participant", help="Code of the participant, for participant and finance.")
@click.option("--merchant", help="Code of the merchant, for merchant (front desks).")
def add(name: str, full_name: str, scope: str, participant: str | None, merchant: str | None) -> None:
    """Make a user, and print a temporary password that must be changed at the first log-in."""
    try:
        require_name(name)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    try:
        full_name = Text(most=FULL_NAME_CHARACTERS_MAX).deserialize(full_name)
    except ValidationError as error:
        raise click.ClickException(f"--full-name: {error}") from error
    with opened_engine() as engine, engine.begin() as connection:
        place = {"scope": Scope(scope), "participant": participant, "merchant": merchant}
        try:
            participant_id, merchant_id = place_of(read_directory(connection), place)
        except Problem as error:
            raise click.ClickException(error.detail) from error
        made = changes.make_user(connection, WHO, name, full_name, Scope(scope), participant_id, merchant_id)
        if made is None:
            raise click.ClickException(f"The name {name!r} is taken, or was; choose another.")
    _tell(name, made.password)


@users.command("list")
def list_() -> None:
    """List all users."""
    with opened_engine() as engine, engine.connect() as connection:
        directory = read_directory(connection)
        found = list_users(connection, None, None, USERS_MAX)
    table = Table("name", "full name", "scope", "place", "second factor", "state")
    for user in found:
        merchant = directory.merchant(user.merchant_id).code if user.merchant_id is not None else None
        place = merchant or participant_code(directory, user.participant_id) or ""
        factor, state = ("yes" if user.has_totp else "no"), ("disabled" if user.disabled_at else "enabled")
        table.add_row(user.name, user.full_name, user.scope.value, place, factor, state)
    console.print(table)


@users.command()
@click.argument("name")
@click.option("--second-factor", is_flag=True, help="Take the second factor away, too.")
def reset(name: str, second_factor: bool) -> None:
    """Print a temporary password in place of a forgotten one, and end all sessions of the user."""
    with opened_engine() as engine, engine.begin() as connection:
        user = _found(connection, name)
        if second_factor:
            changes.remove_second_factor(connection, WHO, user)
        made = changes.reset_password(connection, WHO, user)
    _tell(name, made.password)


@users.command()
@click.argument("name")
def disable(name: str) -> None:
    """Log a user out, and let the name open nothing any more."""
    _switch(name, disabled=True)


@users.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let a disabled user log in again."""
    _switch(name, disabled=False)


@users.command()
@click.argument("secret", required=False)
def code(secret: str | None) -> None:
    """Print the present code of a second factor's SECRET, for who has no authenticator app at hand.

    Without SECRET it is asked for, and so does not stay in the shell's history.
    """
    text = secret or click.prompt("Secret", hide_input=True)
    try:
        console.print(TOTP("".join(text.split())).now(), highlight=False)
    except ValueError as error:
        raise click.ClickException("This is no secret: expected letters A-Z and digits 2-7.") from error


def _switch(name: str, *, disabled: bool) -> None:
    with opened_engine() as engine, engine.begin() as connection:
        changes.alter_user(connection, WHO, _found(connection, name), {"disabled": disabled})
    console.print(f"{name} is {'disabled' if disabled else 'enabled'}.", highlight=False)


def _found(connection: Connection, name: str) -> User:
    user = read_user(connection, name)
    if user is None:
        raise click.ClickException(f"There is no user {name!r}; `tongdui users list` shows them all.")
    return user


def _tell(name: str, password: str) -> None:
    console.print(f"Temporary password of {name}, good for three days:", highlight=False)
    console.print(f"  {password}", highlight=False, soft_wrap=True)
