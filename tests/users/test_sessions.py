"""How long a session lasts, and what is kept of it."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update

from clearing.core.commands import Scope
from users import sessions
from users.accounts import add_user, change_user
from users.passwords import hashed
from users.tables import user_sessions


@pytest.fixture
def token(engine: Engine) -> str:
    with engine.begin() as connection:
        user = add_user(
            connection, "sun.yue", "Sun Yue", Scope.AUDITOR, hashed("x"), made_by="tests", temporary=False
        )
        assert user is not None
        return sessions.begin_session(connection, user.id, "10.0.0.1", "a browser")


def is_open(engine: Engine, token: str) -> bool:
    with engine.connect() as connection:
        return sessions.read_session(connection, token) is not None


@pytest.mark.parametrize(("column", "time", "open_"), [
    ("seen_at", sessions.IDLE - timedelta(minutes=1), True), ("seen_at", sessions.IDLE, False),
    ("made_at", sessions.LIFE - timedelta(minutes=1), True), ("made_at", sessions.LIFE, False),
])  # fmt: skip
def test_a_session_ends_when_it_is_not_used_and_after_a_day_of_work(
    engine: Engine, token: str, column: str, time: timedelta, open_: bool
) -> None:
    assert is_open(engine, token)
    with engine.begin() as connection:
        connection.execute(update(user_sessions).values({column: user_sessions.c[column] - time}))
    assert is_open(engine, token) is open_


def test_who_is_disabled_has_no_session(engine: Engine, token: str) -> None:
    with engine.begin() as connection:
        session = sessions.read_session(connection, token)
        assert session is not None
        change_user(connection, session.user.id, {"disabled": True})
    assert not is_open(engine, token)


def test_only_a_hash_of_the_token_is_kept(engine: Engine, token: str) -> None:
    with engine.connect() as connection:
        kept = connection.execute(select(user_sessions)).one()
    assert token not in str(kept._mapping) and len(kept.token_hash) == 32


def test_a_session_is_touched_once_a_minute(engine: Engine, token: str) -> None:
    with engine.begin() as connection:
        session = sessions.read_session(connection, token)
        assert session is not None and not session.stale
        past = user_sessions.c.seen_at - timedelta(minutes=2)
        connection.execute(update(user_sessions).values(seen_at=past))
        session = sessions.read_session(connection, token)
        assert session is not None and session.stale
        sessions.touch(connection, session.id)
        session = sessions.read_session(connection, token)
        assert session is not None and not session.stale
