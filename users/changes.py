"""Changes of users and of one's own account, each with its line in the audit log."""

from typing import NamedTuple

from sqlalchemy import Connection, Engine

from users import passwords
from users.accounts import User, read_password_hash, set_password
from users.audit import audit
from users.marks import N_
from users.sessions import Session, begin_session, end_sessions


class NotChanged(NamedTuple):
    """`detail`: a sentence that says what to do about `field`."""

    field: str
    detail: str


def change_own_password(
    engine: Engine,
    user: User,
    old: str,
    new: str,
    visit: Session,
    address: str | None,
    agent: str | None,
) -> str | NotChanged:
    """The token of a new session that takes the place of all others, or why nothing was changed."""
    with engine.connect() as connection:
        password_hash = read_password_hash(connection, user.id)
    if not passwords.is_right(password_hash, old):
        with engine.begin() as connection:
            _audit(connection, user, "password.refused", address)
        return NotChanged("old", N_("This is not your present password."))
    if new == old:
        return NotChanged("new", N_("Choose another password than the present one."))
    if (weak := passwords.weakness(new, user.name, user.full_name)) is not None:
        return NotChanged("new", weak)
    renewed = passwords.hashed(new)
    with engine.begin() as connection:
        if read_password_hash(connection, user.id) != password_hash:
            return NotChanged("old", N_("This is not your present password."))
        set_password(connection, user.id, renewed, temporary=False)
        end_sessions(connection, user.id)
        token = begin_session(connection, user.id, address, agent, second_factor=visit.second_factor)
        _audit(connection, user, "password.changed", address)
    return token


def _audit(connection: Connection, user: User, what: str, address: str | None) -> None:
    audit(connection, user.key, what, user.key, participant_id=user.participant_id, address=address)
