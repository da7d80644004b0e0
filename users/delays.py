"""How long somebody must wait who guesses. Names that do not exist count like those that do.

Attempts are counted by name and address together, so that a stranger can hardly lock somebody else out; by
address, against trying many names; and by name, loosely, against trying from many addresses. They are counted
before the password is looked at: guesses made at the same time cannot slip through.
"""

from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256

from sqlalchemy import Connection, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from users.tables import login_failures

DELAY_FIRST, DELAY_MAX = timedelta(seconds=30), timedelta(minutes=15)
#: A day without an attempt, and the slate is clean.
KEPT = timedelta(days=1)


class Subject(Enum):
    """What is counted, and how many attempts are free."""

    PAIR = 5
    ADDRESS = 30
    NAME = 50


def delay(subject: Subject, failures: int) -> timedelta:
    """For how long after the last of so many failures none is looked at: 30 s, doubled up to 15 minutes."""
    beyond = failures - subject.value
    if beyond < 0:
        return timedelta(0)
    return min(DELAY_FIRST * (1 << min(beyond, 10)), DELAY_MAX)


def count_attempt(connection: Connection, name: str, address: str | None) -> timedelta:
    """Count an attempt as failed until `forgive` is called; how long to wait, zero if it may go on.

    One that must wait is not counted, so that waiting always ends.
    """
    subjects = subjects_of(name, address)
    now = connection.execute(select(func.clock_timestamp())).scalar_one()
    # Locked in one order, also against each other.
    found = {
        bytes(row.subject): row
        for row in connection.execute(
            select(login_failures)
            .where(login_failures.c.subject.in_(subjects.values()))
            .order_by(login_failures.c.subject)
            .with_for_update()
        )
    }
    waits = [
        _left(delay(kind, found[key].failures), found[key].last_at, now)
        for kind, key in subjects.items()
        if key in found and found[key].last_at > now - KEPT
    ]
    if waits and max(waits) > timedelta(0):
        return max(waits)
    for key in sorted(subjects.values()):
        row = insert(login_failures).values(subject=key, failures=1, last_at=now)
        count = case((login_failures.c.last_at > now - KEPT, login_failures.c.failures + 1), else_=1)
        connection.execute(
            row.on_conflict_do_update(
                index_elements=[login_failures.c.subject], set_={"failures": count, "last_at": now}
            )
        )
    connection.execute(delete(login_failures).where(login_failures.c.last_at < now - KEPT))
    return timedelta(0)


def forgive(connection: Connection, name: str, address: str | None) -> None:
    """The attempt that was counted last was good: its name starts anew, its address has one failure less."""
    subjects = subjects_of(name, address)
    own = sorted((subjects[Subject.PAIR], subjects[Subject.NAME]))
    connection.execute(delete(login_failures).where(login_failures.c.subject.in_(own)))
    connection.execute(
        update(login_failures)
        .where(login_failures.c.subject == subjects[Subject.ADDRESS])
        .values(failures=func.greatest(login_failures.c.failures - 1, 0))
    )


def subjects_of(name: str, address: str | None) -> dict[Subject, bytes]:
    place = address or ""
    return {
        Subject.PAIR: _hash("pair", name, place),
        Subject.ADDRESS: _hash("address", place),
        Subject.NAME: _hash("name", name),
    }


def _left(wait: timedelta, last_at: datetime, now: datetime) -> timedelta:
    return last_at + wait - now


def _hash(*parts: str) -> bytes:
    return sha256("\0".join(parts).encode()).digest()
