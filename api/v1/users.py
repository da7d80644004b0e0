"""Users: people who log in to the pages. The operator looks after all, a participant after its own."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from sqlalchemy import Connection

from api import present
from api.auth import actor, current_caller, guard, own_participant
from api.once import once
from api.places import may_manage, place_of
from api.problems import FieldError, HttpCode, Problem
from api.schemas.common import PageQuery, page_of
from api.schemas.users import EndedSchema, UserChange, UserInput, UserSchema, UserWithPasswordSchema
from api.services import services, transaction
from api.web import Blueprint, answer, cursor_position, page
from clearing.beside import Beside, nothing
from clearing.core.commands import Scope
from clearing.core.directory import Directory
from clearing.core.outcomes import Code
from users import changes
from users.accounts import User, list_users, read_user
from users.changes import NewUser

blueprint = Blueprint("users", __name__, description="People who log in to the pages")

MANAGERS = (Scope.OPERATOR, Scope.PARTICIPANT)
READERS = (*MANAGERS, Scope.AUDITOR)


@blueprint.route("/users", methods=["POST"])
@guard(*MANAGERS)
@blueprint.arguments(UserInput)
@blueprint.response(201, UserWithPasswordSchema)
@once(blueprint, told_once="password")
def make(body: dict[str, Any]) -> Response:
    """Make a user with a temporary password, which is in this answer and never shown again"""
    return answer(make_user(body), 201)


@blueprint.route("/users")
@guard(*READERS)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(UserSchema))
def list_all(query: dict[str, Any]) -> Response:
    """Users by name: all of them, or the participant's own"""
    return answer(users_page(**query))


@blueprint.route("/users/<name>")
@guard(*READERS)
@blueprint.response(200, UserSchema)
def read(name: str) -> Response:
    """One user"""
    return answer(user_json(name))


@blueprint.route("/users/<name>", methods=["PATCH"])
@guard(*MANAGERS)
@blueprint.arguments(UserChange)
@blueprint.response(200, UserSchema)
def change(body: dict[str, Any], name: str) -> Response:
    """Disable a user, let one in again, or mend the full name; another role needs another user"""
    return answer(change_user(name, body))


@blueprint.route("/users/<name>/password", methods=["POST"])
@guard(*MANAGERS)
@blueprint.response(200, UserWithPasswordSchema)
@once(blueprint, told_once="password")
def reset(name: str) -> Response:
    """Put a temporary password in place of a forgotten one; all sessions of the user end"""
    return answer(reset_password(name))


@blueprint.route("/users/<name>/second-factor", methods=["DELETE"])
@guard(*MANAGERS)
@blueprint.response(200, UserSchema)
def remove(name: str) -> Response:
    """Take away the second factor of who has lost the telephone; all sessions of the user end"""
    return answer(remove_second_factor(name))


@blueprint.route("/users/<name>/sessions", methods=["DELETE"])
@guard(*MANAGERS)
@blueprint.response(200, EndedSchema)
def end(name: str) -> Response:
    """Log a user out everywhere"""
    return answer(end_sessions(name))


def make_user(
    body: dict[str, Any], first: Beside = nothing, noted: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """As JSON, with the temporary password. Raises Problem.

    `first` begins the transaction; what it raises undoes it. `noted` goes into the audit log, too.
    """
    caller = current_caller()
    with transaction() as connection:
        first(connection)
        directory = services().directory(connection)
        participant_id, merchant_id = place_of(directory, body)
        may_manage(caller, body["scope"], participant_id)
        made = changes.make_user(
            connection,
            actor(caller),
            body["name"],
            body["full_name"],
            body["scope"],
            participant_id,
            merchant_id,
            noted=noted,
        )
        if made is None:
            detail = f"The name {body['name']!r} is taken, or was; choose another."
            raise Problem(Code.ALREADY_EXISTS, detail, [FieldError("/name", detail)])
    return _with_password(made, directory)


def users_page(*, cursor: str | None, limit: int, containing: str | None = None) -> dict[str, Any]:
    """One page of the list, as JSON. Raises Problem."""
    viewer = own_participant(current_caller())
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        after = cursor_position(cursor)
        rows = list_users(connection, viewer, after, limit + 1, containing=containing)
    return page(rows, limit, lambda user: _user(user, directory), lambda user: user.name)


def user_json(name: str) -> dict[str, Any]:
    with services().engine.connect() as connection:
        return _user(_found(connection, name), services().directory(connection))


def change_user(name: str, values: dict[str, Any]) -> dict[str, Any]:
    with services().engine.begin() as connection:
        user = _managed(connection, name)
        if values.get("disabled") and user.key == current_caller().key_id:
            raise Problem(Code.FORBIDDEN, "Nobody disables themselves; ask somebody else to.")
        user = changes.alter_user(connection, actor(current_caller()), user, values)
        return _user(user, services().directory(connection))


def reset_password(
    name: str, first: Beside = nothing, noted: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """As JSON, with the temporary password; `first` and `noted` as in `make_user`. Raises Problem."""
    with transaction() as connection:
        first(connection)
        user = _managed(connection, name)
        if user.key == current_caller().key_id:
            raise Problem(Code.FORBIDDEN, "Change your own password on your account's page.")
        made = changes.reset_password(connection, actor(current_caller()), user, noted)
        return _with_password(made, services().directory(connection))


def remove_second_factor(name: str) -> dict[str, Any]:
    with services().engine.begin() as connection:
        user = _managed(connection, name)
        if user.key == current_caller().key_id:
            raise Problem(Code.FORBIDDEN, "Take your own second factor away on your account's page.")
        user = changes.remove_second_factor(connection, actor(current_caller()), user)
        return _user(user, services().directory(connection))


def end_sessions(name: str) -> dict[str, Any]:
    with services().engine.begin() as connection:
        user = _managed(connection, name)
        return {"ended": changes.end_all_sessions(connection, actor(current_caller()), user)}


def _found(connection: Connection, name: str) -> User:
    """A user whom the caller may see; others do not exist for it."""
    user = read_user(connection, name)
    viewer = own_participant(current_caller())
    if user is None or viewer not in (None, user.participant_id):
        raise Problem(HttpCode.NOT_FOUND, f"There is no user {name!r}.")
    return user


def _managed(connection: Connection, name: str) -> User:
    """A user whom the caller may change."""
    user = _found(connection, name)
    may_manage(current_caller(), user.scope, user.participant_id)
    return user


def _with_password(made: NewUser, directory: Directory) -> dict[str, Any]:
    return _user(made.user, directory) | {"password": made.password}


def _user(user: User, directory: Directory) -> dict[str, Any]:
    merchant = directory.merchant(user.merchant_id).code if user.merchant_id is not None else None
    return {
        "name": user.name,
        "full_name": user.full_name,
        "scope": user.scope.value,
        "participant": present.participant_code(directory, user.participant_id),
        "merchant": merchant,
        "second_factor": user.has_totp,
        "temporary_password": user.must_change_password,
        "disabled": user.disabled_at is not None,
        "made_at": user.made_at.isoformat(),
        "made_by": user.made_by,
        "last_seen_at": user.last_seen_at.isoformat() if user.last_seen_at else None,
    }
