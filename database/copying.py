"""Many rows at once, by PostgreSQL's COPY."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import closing
from io import TextIOWrapper
from tempfile import TemporaryFile
from typing import Any

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def copied(connection: Connection, query: str, values: Mapping[str, Any]) -> Iterator[list[str]]:
    """The rows of a query in constant memory, each value as a text and NULL as an empty one.

    PostgreSQL copies them to a file without a name when the first is asked for; with several processes, which
    it does not for a cursor, and its text is read in a third of the time that the driver takes to make values
    of it. `query` has its `values` as `%(name)s`. Raises what a statement of the connection raises.
    """
    if not connection.in_transaction():
        connection.begin()  # as the first statement of a connection does
    with TemporaryFile() as file, TextIOWrapper(file, "utf-8", newline="") as text:
        with closing(_driver(connection).cursor()) as cursor:
            filled = cursor.mogrify(query, values).decode()
            try:
                cursor.copy_expert(f"COPY ({filled}) TO STDOUT WITH (FORMAT csv, ENCODING 'UTF8')", file)
            except psycopg2.Error as error:
                raise _as_of_statement(connection, query, error) from error
        file.seek(0)
        yield from csv.reader(text)


def _driver(connection: Connection) -> Any:
    return connection.connection


def _as_of_statement(connection: Connection, query: str, error: psycopg2.Error) -> BaseException:
    """What SQLAlchemy raises for the error; as there, a connection that was lost is not lent again."""
    driver_error: Any = error
    is_lost = connection.dialect.is_disconnect(driver_error, _driver(connection), None)
    if is_lost:
        connection.invalidate(error)
    return DBAPIError.instance(query, None, error, psycopg2.Error, connection_invalidated=is_lost)
