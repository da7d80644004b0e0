"""Engines: what a session looks like, and that nothing waits for ever."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError, TimeoutError

from database import libpq_url, make_engine


def test_a_session_has_our_settings(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1, application_name="desk", statement_timeout_seconds=7)
    with engine.connect() as connection:
        found = {
            name: connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("application_name", "timezone", "statement_timeout", "transaction_isolation")
        }
    engine.dispose()
    assert found == {
        "application_name": "desk",
        "timezone": "UTC",
        "statement_timeout": "7s",
        "transaction_isolation": "read committed",
    }


def test_there_are_never_more_connections_than_asked_for(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.engine.POOL_TIMEOUT_SECONDS", 0.1)
    engine = make_engine(database_url, pool_size=1, application_name="tests")
    with engine.connect(), pytest.raises(TimeoutError):
        engine.connect()
    engine.dispose()


def test_a_connection_that_was_ended_is_replaced_before_it_is_lent(database_url: str, engine: Engine) -> None:
    own = make_engine(database_url, pool_size=1, application_name="ended")
    with own.connect() as connection:
        connection.execute(text("SELECT 1"))
    with engine.begin() as other:
        other.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ended'")
        )
    with own.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    own.dispose()


def test_a_statement_ends_at_its_limit(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1, application_name="tests", statement_timeout_seconds=1)
    with engine.connect() as connection, pytest.raises(OperationalError, match="statement timeout"):
        connection.execute(text("SELECT pg_sleep(5)"))
    engine.dispose()


def test_the_url_for_psql_names_no_driver() -> None:
    assert libpq_url("postgresql+psycopg2://u:p%40@h:1/d?sslmode=require") == (
        "postgresql://u:p%40@h:1/d?sslmode=require"
    )
