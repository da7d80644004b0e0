"""Webhook endpoints: where a participant, or the hub, wants to be told of its events."""

from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy import Connection, Row

from api import present
from api.auth import current_caller, guard
from api.new_id import new_id
from api.once import once
from api.problems import FieldError, HttpCode, Problem
from api.schemas.common import PageQuery, page_of
from api.schemas.webhooks import (
    DeliveryQuery,
    NewWebhookEndpointSchema,
    ReplayInput,
    ReplaySchema,
    WebhookDeliverySchema,
    WebhookEndpointChange,
    WebhookEndpointInput,
    WebhookEndpointSchema,
)
from api.services import services, transaction
from api.web import Blueprint, answer, cursor_number, page
from clearing import ids
from clearing.core.accounts import HUB
from clearing.core.commands import Scope
from clearing.core.directory import Directory
from clearing.core.events import ON_DEMAND
from clearing.core.outcomes import Code
from clearing.query import database_time
from webhooks import deliveries, endpoints, outbox
from webhooks.addresses import UrlRefused
from webhooks.deliveries import Delivery

blueprint = Blueprint("webhook endpoints", __name__, description="Where events are delivered to")

ENDPOINT = "/webhook-endpoints/<endpoint_id>"


@blueprint.route("/webhook-endpoints", methods=["POST"])
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.arguments(WebhookEndpointInput)
@blueprint.response(201, NewWebhookEndpointSchema)
@once(blueprint, told_once="secret")
def register(body: dict[str, Any]) -> Response:
    """Register an endpoint; its secret is in this answer and never shown again

    Deliveries are signed as standardwebhooks.com describes. An operator's endpoint is told of the hub's own
    events.
    """
    _check(body)
    endpoint_id = new_id()
    with transaction() as connection:
        directory = services().directory(connection)
        made = endpoints.register(
            connection,
            services().personal_data,
            endpoint_id,
            _owner(),
            body,
            made_by=current_caller().key_id,
            at=database_time(connection),
        )
        if made is None:
            raise Problem(
                HttpCode.TOO_MANY_ENDPOINTS,
                f"There are {endpoints.ENDPOINTS_MAX} endpoints already; remove one that is not needed.",
            )
        row, secret = made
    return answer(_endpoint(row, directory) | {"secret": secret}, 201)


@blueprint.route("/webhook-endpoints")
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(WebhookEndpointSchema))
def list_all(query: dict[str, Any]) -> Response:
    """One's own endpoints, without their secrets"""
    after = cursor_number(query["cursor"]) or 0
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        rows = endpoints.list_endpoints(connection, _owner(), after, query["limit"] + 1)
    return answer(page(rows, query["limit"], lambda row: _endpoint(row, directory), lambda row: row.id))


@blueprint.route(ENDPOINT)
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.response(200, WebhookEndpointSchema)
def read_one(endpoint_id: str) -> Response:
    """One endpoint, and whether it is well"""
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        return answer(_endpoint(_found(connection, endpoint_id), directory))


@blueprint.route(ENDPOINT, methods=["PATCH"])
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.arguments(WebhookEndpointChange)
@blueprint.response(200, WebhookEndpointSchema)
def change(body: dict[str, Any], endpoint_id: str) -> Response:
    """Change where and what, or disable and enable; what is pending when it is disabled is dropped"""
    _check(body)
    with services().engine.begin() as connection:
        directory = services().directory(connection)
        row = endpoints.change(connection, _owner(), _id(endpoint_id), body, database_time(connection))
        if row is None:
            raise _unknown(endpoint_id)
    return answer(_endpoint(row, directory))


@blueprint.route(ENDPOINT, methods=["DELETE"])
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.response(200, WebhookEndpointSchema)
def remove(endpoint_id: str) -> Response:
    """Remove an endpoint and all that is known of its deliveries; answers with what it was"""
    with services().engine.begin() as connection:
        directory = services().directory(connection)
        row = endpoints.remove(connection, _owner(), _id(endpoint_id))
        if row is None:
            raise _unknown(endpoint_id)
    return answer(_endpoint(row, directory))


@blueprint.route(f"{ENDPOINT}/rotate-secret", methods=["POST"])
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.response(201, NewWebhookEndpointSchema)
@once(blueprint, told_once="secret")
def rotate_secret(endpoint_id: str) -> Response:
    """Make a new secret; for a day deliveries carry signatures by both, the new one and the one before"""
    with transaction() as connection:
        directory = services().directory(connection)
        made = endpoints.rotate_secret(
            connection, services().personal_data, _owner(), _id(endpoint_id), database_time(connection)
        )
        if made is None:
            raise _unknown(endpoint_id)
        row, secret = made
    return answer(_endpoint(row, directory) | {"secret": secret}, 201)


@blueprint.route(f"{ENDPOINT}/test", methods=["POST"])
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.response(202, WebhookDeliverySchema)
@once(blueprint)
def send_test(endpoint_id: str) -> Response:
    """Send an event `endpoint.test`, tried once; its delivery tells within seconds how it went"""
    with transaction() as connection:
        row = _called(connection, endpoint_id)
        event_id = outbox.send_test(connection, row.participant_id, row.id, database_time(connection))
        return _shown(connection, row.id, event_id)


@blueprint.route(f"{ENDPOINT}/deliveries")
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.arguments(DeliveryQuery, location="query")
@blueprint.response(200, page_of(WebhookDeliverySchema))
def list_deliveries(query: dict[str, Any], endpoint_id: str) -> Response:
    """The newest event first, each with its attempts and the time of the next one"""
    before = cursor_number(query["cursor"])
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        row = _found(connection, endpoint_id)
        found = deliveries.list_deliveries(connection, row.id, query["status"], before, query["limit"] + 1)
    return answer(
        page(found, query["limit"], lambda one: _delivery(one, directory), lambda one: one.row.event_id)
    )


@blueprint.route(f"{ENDPOINT}/deliveries/<delivery_id>/replay", methods=["POST"])
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.response(202, WebhookDeliverySchema)
@once(blueprint)
def replay_one(endpoint_id: str, delivery_id: str) -> Response:
    """Deliver an event once more, with the same `webhook-id`, whatever became of it"""
    with transaction() as connection:
        row = _called(connection, endpoint_id)
        of_endpoint, event_id = ids.decode("whd", delivery_id, 2) or (0, 0)
        if of_endpoint != row.id or not outbox.replay_one(
            connection, row.id, event_id, database_time(connection)
        ):
            raise Problem(HttpCode.NOT_FOUND, f"There is no delivery {delivery_id!r} to this endpoint.")
        return _shown(connection, row.id, event_id)


@blueprint.route(f"{ENDPOINT}/replay", methods=["POST"])
@guard(Scope.OPERATOR, Scope.PARTICIPANT)
@blueprint.arguments(ReplayInput)
@blueprint.response(202, ReplaySchema)
@once(blueprint)
def replay_range(body: dict[str, Any], endpoint_id: str) -> Response:
    """Deliver what was made in a time and not received, also while the endpoint was disabled"""
    with transaction() as connection:
        row = _called(connection, endpoint_id)
        at = database_time(connection)
        replayed = outbox.replay_range(
            connection,
            row.id,
            body["since"],
            body["until"] or at,
            delivered_too=body["delivered_too"],
            at=at,
        )
    return answer({"deliveries": replayed}, 202)


def _owner() -> int:
    """Whose endpoints the caller looks after: its participant's, or the hub's."""
    participant_id = current_caller().participant_id
    return HUB if participant_id is None else participant_id


def _check(body: dict[str, Any]) -> None:
    """Raises Problem for a URL that is not called, and for events of which the hub is not told."""
    if _owner() == HUB and ON_DEMAND & set(body.get("event_types") or ()):
        detail = "The hub is told of its own events; it has all transactions in its books."
        raise Problem(Code.MALFORMED, detail, [FieldError("/event_types", detail)])
    if "url" in body:
        try:
            services().webhook_addresses.check(body["url"])
        except UrlRefused as refused:
            raise Problem(HttpCode.URL_REFUSED, str(refused), [FieldError("/url", str(refused))]) from refused


def _id(endpoint_id: str) -> int:
    (number,) = ids.decode("whe", endpoint_id) or (0,)
    return number


def _found(connection: Connection, endpoint_id: str) -> Row:
    row = endpoints.read_endpoint(connection, _owner(), _id(endpoint_id))
    if row is None:
        raise _unknown(endpoint_id)
    return row


def _called(connection: Connection, endpoint_id: str) -> Row:
    """One that is enabled, and held so; to others nothing is sent."""
    row = endpoints.hold_endpoint(connection, _owner(), _id(endpoint_id))
    if row is None:
        raise _unknown(endpoint_id)
    if not row.enabled:
        raise Problem(
            HttpCode.ENDPOINT_DISABLED, 'The endpoint is disabled; PATCH it with {"enabled": true}.'
        )
    return row


def _unknown(endpoint_id: str) -> Problem:
    return Problem(HttpCode.NOT_FOUND, f"There is no webhook endpoint {endpoint_id!r}.")


def _shown(connection: Connection, endpoint_id: int, event_id: int) -> Response:
    found = deliveries.read_delivery(connection, endpoint_id, event_id)
    assert found is not None, "it was just written"
    return answer(_delivery(found, services().directory(connection)), 202)


def _endpoint(row: Row, directory: Directory) -> dict[str, Any]:
    return {
        "id": endpoints.endpoint_id_text(row.id),
        "url": row.url,
        "event_types": row.event_types,
        "description": row.description,
        "enabled": row.enabled,
        "disabled_reason": row.disabled_reason,
        "disabled_at": _time(row.disabled_at, directory),
        "failing_since": _time(row.failing_since, directory),
        "old_secret_until": _time(row.old_secret_until, directory),
        "made_at": _time(row.made_at, directory),
    }


def _delivery(one: Delivery, directory: Directory) -> dict[str, Any]:
    row = one.row
    return {
        "id": ids.encode("whd", row.endpoint_id, row.event_id),
        "endpoint": endpoints.endpoint_id_text(row.endpoint_id),
        "event": ids.encode("evt", row.event_id),
        "type": row.type,
        "made_at": _time(row.made_at, directory),
        "status": row.status,
        "next_attempt_at": _time(row.due_at, directory) if row.status == "pending" else None,
        "delivered_at": _time(row.delivered_at, directory),
        "attempts": [
            {
                "number": attempt.number,
                "at": _time(attempt.at, directory),
                "duration_ms": attempt.duration_ms,
                "status_code": attempt.status_code,
                "error": attempt.error,
            }
            for attempt in one.attempts
        ],
    }


def _time(at: datetime | None, directory: Directory) -> str | None:
    return None if at is None else present.time_text(at.astimezone(directory.rulebook.settings.time_zone))
