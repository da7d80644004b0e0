"""Users: who may log in, as what and where. Nobody is ever removed: what they did stands under their name."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from clearing.core.commands import Caller, Scope
from clearing.new_id import new_id
from users.tables import user_sessions, users

#: What a person logs in with; small letters, so that it cannot be mistyped in capitals.
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{1,62}[a-z0-9]")

#: Pages beside those of users, which are under their names: `/users/members`.
RESERVED = frozenset({"audit-log", "members", "new"})

#: Those who must have a second factor: they can move everybody's money.
NEEDS_TOTP = frozenset({Scope.OPERATOR})

#: A temporary password must be used within so long.
TEMPORARY = timedelta(days=3)

#: Written in front of a name wherever it stands for a caller: no API key has such an id.
PREFIX = "user:"


class User(NamedTuple):
    """`has_totp`: a second factor was enrolled and confirmed. `password_until`: when a temporary one ends."""

    id: int
    name: str
    full_name: str
    scope: Scope
    participant_id: int | None
    merchant_id: int | None
    password_changed_at: datetime
    must_change_password: bool
    password_until: datetime | None
    has_totp: bool
    made_at: datetime
    made_by: str
    disabled_at: datetime | None
    last_seen_at: datetime | None = None

    @property
    def key(self) -> str:
        """How it is called in the journal, in settlements and in the audit log."""
        return PREFIX + self.name

    @property
    def caller(self) -> Caller:
        """The authority under which all functions are called: a person counts as one in dual control."""
        return Caller(self.key, self.scope, self.participant_id, self.merchant_id)

    @property
    def needs_totp(self) -> bool:
        return self.scope in NEEDS_TOTP


def require_name(name: str) -> None:
    """Raises ValueError, with what to do, for a name that nobody can have."""
    if not NAME.fullmatch(name):
        raise ValueError("Use 3 to 64 small letters, digits and . _ @ - to log in with.")
    if name in RESERVED:
        raise ValueError(f"{name!r} is the name of a page beside those of users; choose another.")


def add_user(
    connection: Connection,
    name: str,
    full_name: str,
    scope: Scope,
    password_hash: str,
    *,
    made_by: str,
    participant_id: int | None = None,
    merchant_id: int | None = None,
    temporary: bool = True,
) -> User | None:
    """A new user, who must change the password at the first log-in if it is `temporary`.

    None if the name is taken. The name must match `NAME`, and the place fit the scope.
    """
    id_ = new_id()
    now = func.clock_timestamp()
    taken = select(users.c.id).where(users.c.name == name)
    if connection.execute(taken).first() is not None:
        return None
    connection.execute(
        insert(users).values(
            id=id_,
            name=name,
            full_name=full_name,
            scope=scope.value,
            participant_id=participant_id,
            merchant_id=merchant_id,
            password_hash=password_hash,
            password_changed_at=now,
            must_change_password=temporary,
            password_until=now + TEMPORARY if temporary else None,
            made_at=now,
            made_by=made_by,
        )
    )
    return read_user(connection, name)


def read_user(connection: Connection, name: str) -> User | None:
    row = connection.execute(_query().where(users.c.name == name)).one_or_none()
    return user_of(row) if row else None


def list_users(
    connection: Connection,
    participant_id: int | None,
    after: str | None,
    limit: int,
    *,
    containing: str | None = None,
) -> list[User]:
    """Users by name; `participant_id` None lists everybody's. `containing` is looked for in both names."""
    query = _query().order_by(users.c.name).limit(limit)
    if participant_id is not None:
        query = query.where(users.c.participant_id == participant_id)
    if after is not None:
        query = query.where(users.c.name > after)
    if containing:
        found = users.c.name.icontains(containing, autoescape=True)
        query = query.where(found | users.c.full_name.icontains(containing, autoescape=True))
    return [user_of(row) for row in connection.execute(query)]


def has_operator(connection: Connection) -> bool:
    query = select(users.c.id).where(users.c.scope == Scope.OPERATOR.value, users.c.disabled_at.is_(None))
    return connection.execute(query.limit(1)).first() is not None


def read_password_hash(connection: Connection, user_id: int) -> str:
    found: str = connection.execute(select(users.c.password_hash).where(users.c.id == user_id)).scalar_one()
    return found


def set_password(connection: Connection, user_id: int, password_hash: str, *, temporary: bool) -> None:
    """From now on this password opens the account; a temporary one must be changed at the next log-in."""
    now = func.clock_timestamp()
    connection.execute(
        update(users)
        .where(users.c.id == user_id)
        .values(
            password_hash=password_hash,
            password_changed_at=now,
            must_change_password=temporary,
            password_until=now + TEMPORARY if temporary else None,
        )
    )


def renew_hash(connection: Connection, user_id: int, password_hash: str) -> None:
    """The same password, hashed with today's parameters."""
    connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))


def change_user(connection: Connection, user_id: int, values: Mapping[str, Any]) -> None:
    """`values`: `full_name`, `disabled` (bool)."""
    columns: dict[str, Any] = {name: values[name] for name in ("full_name",) if name in values}
    if "disabled" in values:
        disabled_at = func.coalesce(users.c.disabled_at, func.clock_timestamp())
        columns["disabled_at"] = disabled_at if values["disabled"] else None
    if columns:
        connection.execute(update(users).where(users.c.id == user_id).values(**columns))


def user_of(row: Row) -> User:
    """From a row of `_query`, or one that has all columns of the table."""
    return User(
        id=row.id,
        name=row.name,
        full_name=row.full_name,
        scope=Scope(row.scope),
        participant_id=row.participant_id,
        merchant_id=row.merchant_id,
        password_changed_at=row.password_changed_at,
        must_change_password=row.must_change_password,
        password_until=row.password_until,
        has_totp=row.totp_confirmed_at is not None,
        made_at=row.made_at,
        made_by=row.made_by,
        disabled_at=row.disabled_at,
        last_seen_at=getattr(row, "last_seen_at", None),
    )


def _query() -> Any:
    seen = (
        select(func.max(user_sessions.c.seen_at))
        .where(and_(user_sessions.c.user_id == users.c.id))
        .scalar_subquery()
        .label("last_seen_at")
    )
    return select(users, seen)
