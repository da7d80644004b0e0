"""COPY gives what a query gives, as texts, and fails as a query does."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from database import make_engine
from database.copying import copied


def test_rows_come_as_texts_and_nulls_as_empty_ones(engine: Engine) -> None:
    query = """
        SELECT * FROM (VALUES (1, 'a,"b"', NULL, true), (2, %(odd)s, '积分', false)) AS v
         WHERE column1 < %(below)s
    """
    odd = "it's\r\n100 %\\"
    with engine.connect() as connection:
        rows = list(copied(connection, query, {"below": 3, "odd": odd}))
    assert rows == [["1", 'a,"b"', "", "t"], ["2", odd, "积分", "f"]]


def test_nothing_is_as_good_as_something(engine: Engine) -> None:
    with engine.connect() as connection:
        assert list(copied(connection, "SELECT 1 WHERE false", {})) == []


def test_it_belongs_to_the_transaction(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("CREATE TEMP TABLE seen ON COMMIT DROP AS SELECT 7 AS number"))
        assert list(copied(connection, "SELECT number FROM seen", {})) == [["7"]]


def test_a_mistake_is_raised_as_by_a_statement(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="does not exist"):
        list(copied(connection, "SELECT nothing", {}))


def test_it_ends_at_the_limit_of_a_statement(database_url: str) -> None:
    own = make_engine(database_url, pool_size=1, application_name="tests", statement_timeout_seconds=1)
    with own.connect() as connection:
        with pytest.raises(OperationalError, match="statement timeout"):
            list(copied(connection, "SELECT pg_sleep(5)", {}))
        connection.rollback()
        assert list(copied(connection, "SELECT 1", {})) == [["1"]]
    own.dispose()


def test_a_connection_that_is_lost_is_not_lent_again(database_url: str) -> None:
    own = make_engine(database_url, pool_size=1, application_name="tests", pre_ping=False)
    with own.connect() as connection, pytest.raises(OperationalError) as raised:
        list(copied(connection, "SELECT pg_terminate_backend(pg_backend_pid())", {}))
    assert raised.value.connection_invalidated
    with own.connect() as connection:
        assert list(copied(connection, "SELECT 1", {})) == [["1"]]
    own.dispose()
