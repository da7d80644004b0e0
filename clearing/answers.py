"""The first answers to calls under their idempotency keys, of calls that make something but book nothing.

What is booked has its outcome under its key for ever (`outcomes`); an answer is kept as long as somebody may
repeat the call. It is written in the transaction of the act, so that there is never one without the other.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from clearing.core.calendar import PeriodState
from clearing.tables import keyed_answers, periods

#: How long a call waits for another one with its key.
SECONDS_WAITED_MAX = 30
#: An answer is kept so many days, and longer while the period is open in which it was given.
DAYS_KEPT = 62


class Answer(NamedTuple):
    """`body`: the text that was sent; `location`: the header of that name."""

    request_hash: str
    status: int
    body: str
    location: str | None = None


def hold_key(connection: Connection, key: str) -> None:
    """Wait for whoever has this key in hand, and have it until the transaction ends.

    Raises the database's LockNotAvailable if that takes too long.
    """
    _wait(connection, "pg_advisory_xact_lock", key)


def hold_key_alone(connection: Connection, key: str) -> None:
    """The same until `give_key_back`, or until the connection's session ends."""
    _wait(connection, "pg_advisory_lock", key)


def give_key_back(connection: Connection, key: str) -> None:
    connection.exec_driver_sql("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (f"key {key}",))


def _wait(connection: Connection, lock: str, key: str) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{SECONDS_WAITED_MAX}s'")
    connection.exec_driver_sql(f"SELECT {lock}(hashtextextended(%s, 0))", (f"key {key}",))
    connection.exec_driver_sql("SET LOCAL lock_timeout = DEFAULT")


def find_answer(connection: Connection, key: str) -> Answer | None:
    """The answer under this key; hold the key before."""
    table = keyed_answers.c
    query = select(table.request_hash, table.status, table.body, table.location).where(table.key == key)
    row = connection.execute(query).one_or_none()
    return None if row is None else Answer(*row)


def keep_answer(connection: Connection, key: str, answer: Answer) -> None:
    """Put the first answer on record, at the database's time."""
    values = answer._asdict() | {"key": key, "made_at": func.clock_timestamp()}
    connection.execute(insert(keyed_answers).values(values))


def forget_answers(connection: Connection, at: datetime) -> int:
    """Forget the answers of which nobody is in doubt any more; how many there were."""
    begun = select(func.min(periods.c.starts_at)).where(periods.c.state == PeriodState.OPEN)
    earliest_open = connection.execute(begun).scalar_one()
    before = at - timedelta(days=DAYS_KEPT)
    if earliest_open is not None:
        before = min(before, earliest_open)
    return connection.execute(delete(keyed_answers).where(keyed_answers.c.made_at < before)).rowcount
