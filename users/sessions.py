"""Sessions: that a browser has logged in, and for how long that holds.

The browser keeps 32 random bytes, the database their hash. A session ends when its user logs out, when it
was not used for a while, when it has lasted a day's work, when somebody revokes it, and with every change of
the password.
"""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from clearing.new_id import new_id
from users.accounts import User, user_of
from users.tables import page_secrets, user_sessions, users

IDLE = timedelta(hours=2)
LIFE = timedelta(hours=14)
#: Not every request needs to write that it was made.
SEEN_EVERY = timedelta(minutes=1)
AGENT_CHARACTERS_MAX = 200


class Session(NamedTuple):
    """`second_factor`: the code was given, too. `stale`: that it was used is not written yet."""

    id: int
    user: User
    made_at: datetime
    second_factor: bool
    stale: bool


class SessionRow(NamedTuple):
    """A session as its owner sees it in a list."""

    id: int
    made_at: datetime
    seen_at: datetime
    address: str | None
    agent: str | None


def read_page_secret(connection: Connection) -> bytes:
    return bytes(connection.execute(select(page_secrets.c.secret)).scalar_one())


def begin_session(
    connection: Connection,
    user_id: int,
    address: str | None,
    agent: str | None,
    *,
    second_factor: bool = False,
) -> str:
    """A new session; what the browser is to keep is returned here and never again.

    `second_factor`: the code was given before, in the session that this one takes the place of.
    """
    token = secrets.token_urlsafe(32)
    now = func.clock_timestamp()
    connection.execute(
        insert(user_sessions).values(
            id=new_id(),
            token_hash=_hash(token),
            user_id=user_id,
            made_at=now,
            seen_at=now,
            second_factor_at=now if second_factor else None,
            address=address,
            agent=(agent or "")[:AGENT_CHARACTERS_MAX],
        )
    )
    return token


def read_session(connection: Connection, token: str) -> Session | None:
    """The session that this token opens; None if it has ended or its user is disabled."""
    now = func.clock_timestamp()
    query = (
        select(
            users,
            user_sessions.c.id.label("session_id"),
            user_sessions.c.made_at.label("session_made_at"),
            user_sessions.c.second_factor_at,
            (user_sessions.c.seen_at < now - SEEN_EVERY).label("stale"),
        )
        .join(users, users.c.id == user_sessions.c.user_id)
        .where(user_sessions.c.token_hash == _hash(token), users.c.disabled_at.is_(None), _open())
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Session(
        row.session_id, user_of(row), row.session_made_at, row.second_factor_at is not None, row.stale
    )


def touch(connection: Connection, session_id: int) -> None:
    """Write that the session is in use."""
    connection.execute(
        update(user_sessions).where(user_sessions.c.id == session_id).values(seen_at=func.clock_timestamp())
    )


def pass_second_factor(connection: Connection, session_id: int) -> str:
    """The code was right: the session may do everything from now on, under a new token, which is returned."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        update(user_sessions)
        .where(user_sessions.c.id == session_id)
        .values(second_factor_at=func.clock_timestamp(), token_hash=_hash(token))
    )
    return token


def list_sessions(connection: Connection, user_id: int) -> list[SessionRow]:
    """The sessions of a user that are open, the newest first."""
    query = (
        select(*(user_sessions.c[name] for name in SessionRow._fields))
        .where(user_sessions.c.user_id == user_id, _open())
        .order_by(user_sessions.c.id.desc())
    )
    return [SessionRow(*row) for row in connection.execute(query)]


def end_session(connection: Connection, user_id: int, session_id: int) -> bool:
    """End one session of a user; whether there was one to end."""
    return _end(connection, user_sessions.c.user_id == user_id, user_sessions.c.id == session_id) > 0


def end_sessions(connection: Connection, user_id: int, but: int | None = None) -> int:
    """End all sessions of a user, but perhaps the one that asks; how many."""
    others = user_sessions.c.id != (but if but is not None else 0)
    return _end(connection, user_sessions.c.user_id == user_id, others)


def _end(connection: Connection, *conditions: object) -> int:
    query = update(user_sessions).where(*conditions, user_sessions.c.ended_at.is_(None))  # type: ignore[arg-type]
    return connection.execute(query.values(ended_at=func.clock_timestamp())).rowcount


def _open():  # type: ignore[no-untyped-def]  # an expression
    now = func.clock_timestamp()
    return (
        user_sessions.c.ended_at.is_(None)
        & (user_sessions.c.seen_at > now - IDLE)
        & (user_sessions.c.made_at > now - LIFE)
    )


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
