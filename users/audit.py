"""The audit log: who did what about whom or what. It only grows.

`who` is a caller's key id: `user:chen`, the id of an API key, or a word such as `cli`; None is a stranger.
`what` is a word of the form `thing.done`, `about` names a thing (`user:li`, `period:2026-10`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select

from clearing.new_id import new_id
from users.tables import audit_log


class Act(NamedTuple):
    """`participant_id`: whose admins may read it; None is the hub's."""

    id: int
    at: datetime
    who: str | None
    what: str
    about: str | None
    participant_id: int | None
    address: str | None
    data: Mapping[str, Any]


class ActFilter(NamedTuple):
    who: str | None = None
    what: str | None = None
    about: str | None = None
    participant_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def audit(
    connection: Connection,
    who: str | None,
    what: str,
    about: str | None = None,
    data: Mapping[str, Any] | None = None,
    *,
    participant_id: int | None = None,
    address: str | None = None,
) -> None:
    """Write what was done, in the transaction that does it."""
    connection.execute(
        insert(audit_log).values(
            id=new_id(),
            at=func.clock_timestamp(),
            who=who,
            what=what,
            about=about,
            participant_id=participant_id,
            address=address,
            data=dict(data or {}),
        )
    )


def list_acts(connection: Connection, wanted: ActFilter, before: int | None, limit: int) -> list[Act]:
    """The newest first. `what` matches a whole word or, as `user.`, all that begin with it."""
    query = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    for name in ("who", "about", "participant_id"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(audit_log.c[name] == value)
    if wanted.what is not None:
        what = audit_log.c.what
        begins = wanted.what.endswith(".")
        query = query.where(what.startswith(wanted.what, autoescape=True) if begins else what == wanted.what)
    if wanted.since is not None:
        query = query.where(audit_log.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(audit_log.c.at < wanted.until)
    if before is not None:
        query = query.where(audit_log.c.id < before)
    return [Act(**row._mapping) for row in connection.execute(query)]
