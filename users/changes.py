"""Changes of users and of one's own account, each with its line in the audit log."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from clearing.core.commands import Scope
from clearing.privacy import PersonalData
from users import passwords, totp
from users.accounts import (
    User,
    add_user,
    change_user,
    read_password_hash,
    read_user,
    set_password,
)
from users.audit import audit
from users.delays import count_attempt, forgive
from users.marks import N_
from users.sessions import Session, begin_session, end_session, end_sessions, pass_second_factor


class NotChanged(NamedTuple):
    """`detail`: a sentence that says what to do about `field`."""

    field: str
    detail: str


class Visitor(NamedTuple):
    """Who asks for a change of one's own account, and from where."""

    visit: Session
    address: str | None
    agent: str | None

    @property
    def user(self) -> User:
        return self.visit.user


class NewUser(NamedTuple):
    """`password`: a temporary one, told once."""

    user: User
    password: str


WRONG_PASSWORD = NotChanged("old", N_("This is not your present password."))
WRONG_CODE = NotChanged("code", N_("This code is not right, or it was used before. Wait for the next one."))
TOO_MANY = N_("Too many attempts. Wait a quarter of an hour.")

# ---- one's own account --------------------------------------------------------------------------


def change_own_password(engine: Engine, visitor: Visitor, old: str, new: str) -> str | NotChanged:
    """The token of a new session that takes the place of all others, or why nothing was changed."""
    user = visitor.user
    password_hash = _proven(engine, visitor, old)
    if isinstance(password_hash, NotChanged):
        return password_hash
    if new == old:
        return NotChanged("new", N_("Choose another password than the present one."))
    if (weak := passwords.weakness(new, user.name, user.full_name)) is not None:
        return NotChanged("new", weak)
    renewed = passwords.hashed(new)
    with engine.begin() as connection:
        if read_password_hash(connection, user.id) != password_hash:
            return WRONG_PASSWORD
        set_password(connection, user.id, renewed, temporary=False)
        end_sessions(connection, user.id)
        _audit_own(connection, visitor, "password.changed")
        return begin_session(
            connection,
            user.id,
            visitor.address,
            visitor.agent,
            second_factor=visitor.visit.second_factor,
        )


def give_code(engine: Engine, personal_data: PersonalData, visitor: Visitor, code: str) -> str | NotChanged:
    """The token under which the session goes on with its second factor, or why it does not."""
    user, subject = visitor.user, f"{visitor.user.name} code"
    with engine.begin() as connection:
        if count_attempt(connection, subject, visitor.address) > timedelta(0):
            return NotChanged("code", TOO_MANY)
    with engine.begin() as connection:
        if not totp.accept_code(connection, personal_data, user.id, code):
            _audit_own(connection, visitor, "code.refused")
            return WRONG_CODE
        forgive(connection, subject, visitor.address)
        if not user.has_totp:
            _audit_own(connection, visitor, "second_factor.enrolled")
            # Whoever was in with the password alone has to come in anew.
            end_sessions(connection, user.id, but=visitor.visit.id)
        return pass_second_factor(connection, visitor.visit.id)


def remove_own_second_factor(engine: Engine, visitor: Visitor, password: str) -> NotChanged | None:
    """None when it is gone."""
    password_hash = _proven(engine, visitor, password)
    if isinstance(password_hash, NotChanged):
        return password_hash
    with engine.begin() as connection:
        totp.remove(connection, visitor.user.id)
        _audit_own(connection, visitor, "second_factor.removed")
    return None


def end_own_session(engine: Engine, visitor: Visitor, session_id: int | None) -> None:
    """One of one's own sessions, or with None all but the present one."""
    with engine.begin() as connection:
        if session_id is None:
            ended = end_sessions(connection, visitor.user.id, but=visitor.visit.id)
        else:
            ended = int(end_session(connection, visitor.user.id, session_id))
        if ended:
            _audit_own(connection, visitor, "sessions.ended", {"count": ended})


def _proven(engine: Engine, visitor: Visitor, password: str) -> str | NotChanged:
    """The hash of the password, if this is it. Guessing is counted as at the log-in."""
    user, subject = visitor.user, f"{visitor.user.name} again"
    with engine.begin() as connection:
        if count_attempt(connection, subject, visitor.address) > timedelta(0):
            return NotChanged("old", TOO_MANY)
        password_hash = read_password_hash(connection, user.id)
    if not passwords.is_right(password_hash, password):
        with engine.begin() as connection:
            _audit_own(connection, visitor, "password.refused")
        return WRONG_PASSWORD
    with engine.begin() as connection:
        forgive(connection, subject, visitor.address)
    return password_hash


def _audit_own(
    connection: Connection, visitor: Visitor, what: str, data: Mapping[str, Any] | None = None
) -> None:
    user = visitor.user
    audit(
        connection,
        user.key,
        what,
        user.key,
        data,
        participant_id=user.participant_id,
        address=visitor.address,
    )


# ---- users, by those who look after them ----------------------------------------------------------


def make_user(
    connection: Connection,
    who: str,
    name: str,
    full_name: str,
    scope: Scope,
    participant_id: int | None,
    merchant_id: int | None,
    *,
    noted: Mapping[str, Any] | None = None,
) -> NewUser | None:
    """A user with a temporary password; None if the name is taken. `noted` goes into the audit log, too."""
    password = passwords.temporary_password()
    user = add_user(
        connection,
        name,
        full_name,
        scope,
        passwords.hashed(password),
        made_by=who,
        participant_id=participant_id,
        merchant_id=merchant_id,
    )
    if user is None:
        return None
    _audit_of(
        connection, who, "user.made", user, {"scope": scope.value, "full_name": full_name, **(noted or {})}
    )
    return NewUser(user, password)


def alter_user(connection: Connection, who: str, user: User, values: Mapping[str, Any]) -> User:
    """`values`: `full_name`, `disabled`; to disable somebody ends all sessions."""
    changed = {
        name: value
        for name, value in values.items()
        if value != (user.disabled_at is not None if name == "disabled" else getattr(user, name))
    }
    change_user(connection, user.id, changed)
    if changed.get("disabled"):
        end_sessions(connection, user.id)
    if changed:
        _audit_of(connection, who, "user.changed", user, changed)
    return _again(connection, user)


def reset_password(
    connection: Connection, who: str, user: User, noted: Mapping[str, Any] | None = None
) -> NewUser:
    """A temporary password in place of the one that was forgotten; all sessions end."""
    password = passwords.temporary_password()
    set_password(connection, user.id, passwords.hashed(password), temporary=True)
    end_sessions(connection, user.id)
    _audit_of(connection, who, "password.reset", user, noted)
    return NewUser(_again(connection, user), password)


def remove_second_factor(connection: Connection, who: str, user: User) -> User:
    """For who has lost the telephone; all sessions end."""
    totp.remove(connection, user.id)
    end_sessions(connection, user.id)
    _audit_of(connection, who, "second_factor.removed", user)
    return _again(connection, user)


def end_all_sessions(connection: Connection, who: str, user: User) -> int:
    """How many there were."""
    ended = end_sessions(connection, user.id)
    _audit_of(connection, who, "sessions.ended", user, {"count": ended})
    return ended


def _again(connection: Connection, user: User) -> User:
    found = read_user(connection, user.name)
    assert found is not None, "users are never removed"
    return found


def _audit_of(
    connection: Connection, who: str, what: str, user: User, data: Mapping[str, Any] | None = None
) -> None:
    audit(connection, who, what, user.key, data, participant_id=user.participant_id)
