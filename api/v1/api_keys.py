"""API keys: made by the operator for anybody, and by a participant for its own merchants and finance."""

from typing import Any

from flask import Response
from sqlalchemy import Connection

from api import present
from api.auth import current_caller, guard
from api.once import once
from api.places import may_manage, place_of
from api.problems import HttpCode, Problem
from api.schemas.alliance import ApiKeyInput, ApiKeyQuery, ApiKeySchema, NewApiKeySchema
from api.schemas.common import page_of
from api.services import services, transaction
from api.web import Blueprint, answer, cursor_position, page
from clearing import keys
from clearing.core.commands import Scope
from clearing.core.directory import Directory

blueprint = Blueprint("api keys", __name__, description="Who may call this API")


@blueprint.route("/api-keys", methods=["POST"])
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.arguments(ApiKeyInput)
@blueprint.response(201, NewApiKeySchema)
@once(blueprint, told_once="key")
def make_api_key(body: dict[str, Any]) -> Response:
    """Make a key; its text is in this answer and never shown again, also not when the call is repeated"""
    with transaction() as connection:
        return answer(made_key(connection, body), 201)


@blueprint.route("/api-keys")
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.arguments(ApiKeyQuery, location="query")
@blueprint.response(200, page_of(ApiKeySchema))
def list_api_keys(query: dict[str, Any]) -> Response:
    """Keys without their secrets: all of them, or the participant's own; `revoked=false` are those in use"""
    return answer(keys_page(current_caller().participant_id, **query))


@blueprint.route("/api-keys/<key_id>/rotate", methods=["POST"])
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.response(201, NewApiKeySchema)
@once(blueprint, told_once="key")
def rotate_api_key(key_id: str) -> Response:
    """Make a new key with the same rights; the old one works until it is revoked

    Its text is in this answer only, as of a new key.
    """
    with transaction() as connection:
        return answer(rotated_key(connection, key_id), 201)


@blueprint.route("/api-keys/<key_id>", methods=["DELETE"])
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.response(200, ApiKeySchema)
def revoke_api_key(key_id: str) -> Response:
    """Revoke a key: from now on it opens nothing"""
    with services().engine.begin() as connection:
        revoked = revoked_key(connection, key_id)
    services().keyring.forget(key_id)
    return answer(revoked)


def made_key(connection: Connection, body: dict[str, Any]) -> dict[str, Any]:
    """Make the key that a loaded `ApiKeyInput` describes; as JSON, with its text. Raises Problem."""
    directory = services().directory(connection)
    participant_id, merchant_id = place_of(directory, body)
    may_manage(current_caller(), body["scope"], participant_id)
    text, key = keys.make_key(
        connection,
        body["scope"],
        body["name"] or "",
        participant_id=participant_id,
        merchant_id=merchant_id,
        made_by=current_caller().key_id,
    )
    return _api_key(key, directory) | {"key": text}


def keys_page(
    participant_id: int | None, limit: int, cursor: str | None, revoked: bool | None = None
) -> dict[str, Any]:
    """A page of keys as JSON, by id: a participant's, or everybody's; `revoked` None does not narrow."""
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        rows = keys.list_keys(connection, participant_id, cursor_position(cursor), limit + 1, revoked)
    return page(rows, limit, lambda key: _api_key(key, directory), lambda key: key.id)


def shown_key(connection: Connection, key_id: str) -> dict[str, Any]:
    """One key that the caller may manage, as JSON; raises Problem."""
    return _api_key(_managed_key(connection, key_id), services().directory(connection))


def rotated_key(connection: Connection, key_id: str) -> dict[str, Any]:
    """A new key with the rights of this one, as JSON with its text; raises Problem."""
    old = _managed_key(connection, key_id)
    if old.revoked_at is not None:
        raise Problem(HttpCode.NOT_FOUND, f"API key {key_id!r} was revoked; make a new one.")
    text, key = keys.make_key(
        connection,
        old.caller.scope,
        old.name,
        participant_id=old.caller.participant_id,
        merchant_id=old.caller.merchant_id,
        made_by=current_caller().key_id,
    )
    return _api_key(key, services().directory(connection)) | {"key": text}


def revoked_key(connection: Connection, key_id: str) -> dict[str, Any]:
    """The key as JSON once it is revoked; after the commit the keyring must forget it. Raises Problem."""
    _managed_key(connection, key_id)
    keys.revoke_key(connection, key_id)
    return shown_key(connection, key_id)


def _managed_key(connection: Connection, key_id: str) -> keys.StoredKey:
    """A key that the caller may manage; others do not exist for it."""
    key = keys.read_key(connection, key_id)
    caller = current_caller()
    if key is None or (
        caller.scope is not Scope.OPERATOR and key.caller.participant_id != caller.participant_id
    ):
        raise Problem(HttpCode.NOT_FOUND, f"There is no API key {key_id!r}.")
    return key


def _api_key(key: keys.StoredKey, directory: Directory) -> dict[str, Any]:
    merchant_id = key.caller.merchant_id
    return {
        "id": key.id,
        "scope": key.caller.scope.value,
        "participant": present.participant_code(directory, key.caller.participant_id),
        "merchant": directory.merchant(merchant_id).code if merchant_id is not None else None,
        "name": key.name,
        "made_at": key.made_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }
