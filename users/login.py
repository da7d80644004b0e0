"""Logging in. Wrong names and wrong passwords look the same, take as long, and are counted alike."""

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select

from users import passwords
from users.accounts import User, read_password_hash, read_user, renew_hash
from users.audit import audit
from users.delays import count_attempt, forgive
from users.sessions import begin_session


class LoggedIn(NamedTuple):
    """`token`: what the browser is to keep."""

    user: User
    token: str


class Wait(NamedTuple):
    """Too many attempts; none is looked at for so long."""

    time: timedelta


class Wrong(NamedTuple):
    """No such name, or not its password, or it may not log in any more; strangers are not told which."""


def log_in(
    engine: Engine, name: str, password: str, address: str | None, agent: str | None
) -> LoggedIn | Wait | Wrong:
    """A session for who knows the password. A second factor, if there is one, is still to come."""
    name = name.strip().lower()
    with engine.begin() as connection:
        wait = count_attempt(connection, name, address)
        user = read_user(connection, name)
        if wait:
            _audit(connection, user, "login.delayed", address)
            return Wait(wait)
        password_hash = read_password_hash(connection, user.id) if user else passwords.NOBODYS_HASH
    # No connection is held while the password is checked, which takes a while on purpose.
    right = passwords.is_right(password_hash, password)
    renewed = passwords.hashed(password) if right and passwords.is_outdated(password_hash) else None
    with engine.begin() as connection:
        user = read_user(connection, name)
        unchanged = user is not None and read_password_hash(connection, user.id) == password_hash
        if user is None or not right or not unchanged or not _may_enter(connection, user):
            _audit(connection, user, "login.failed", address)
            return Wrong()
        forgive(connection, name, address)
        if renewed is not None:
            renew_hash(connection, user.id, renewed)
        token = begin_session(connection, user.id, address, agent)
        _audit(connection, user, "login.succeeded", address)
        return LoggedIn(user, token)


def _may_enter(connection: Connection, user: User) -> bool:
    if user.disabled_at is not None:
        return False
    now = connection.execute(select(func.clock_timestamp())).scalar_one()
    return user.password_until is None or bool(user.password_until > now)


def _audit(connection: Connection, user: User | None, what: str, address: str | None) -> None:
    """What was typed as a name is not written down when it is none: it may be a password."""
    who = user.key if user and what == "login.succeeded" else None
    audit(
        connection,
        who,
        what,
        user.key if user else None,
        participant_id=user.participant_id if user else None,
        address=address,
    )
