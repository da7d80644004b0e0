"""Participants: the parties that settle."""

from typing import Any

from flask import Response
from sqlalchemy import Connection, Row

from api.auth import EVERYONE, current_caller, guard, own_participant
from api.once import once
from api.problems import FieldError, HttpCode, Problem
from api.schemas.alliance import ParticipantChange, ParticipantInput, ParticipantQuery, ParticipantSchema
from api.schemas.common import page_of
from api.services import services, transaction
from api.web import Blueprint, answer, cursor_position, page
from clearing import alliance
from clearing.core.amounts import rate_text
from clearing.core.calendar import ExpiryKind, ExpiryPolicy
from clearing.core.commands import Scope
from clearing.core.outcomes import Code
from clearing.limits import read_debits

blueprint = Blueprint("participants", __name__, description="Independent groups that issue cards and points")


@blueprint.route("/participants", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.arguments(ParticipantInput)
@blueprint.response(201, ParticipantSchema)
@once(blueprint)
def admit_participant(body: dict[str, Any]) -> Response:
    """Admit a participant"""
    with transaction() as connection:
        return answer(admitted(connection, body), 201)


@blueprint.route("/participants")
@guard(*EVERYONE)
@blueprint.arguments(ParticipantQuery, location="query")
@blueprint.response(200, page_of(ParticipantSchema))
def list_participants(query: dict[str, Any]) -> Response:
    """All participants, by code; or with `status` those that take part, or that are suspended"""
    return answer(participants_page(**query))


@blueprint.route("/participants/<code>")
@guard(*EVERYONE)
@blueprint.response(200, ParticipantSchema)
def read_participant(code: str) -> Response:
    """One participant"""
    with services().engine.connect() as connection:
        return answer(shown_participant(connection, code))


@blueprint.route("/participants/<code>", methods=["PATCH"])
@guard(Scope.OPERATOR)
@blueprint.arguments(ParticipantChange)
@blueprint.response(200, ParticipantSchema)
def change_participant(body: dict[str, Any], code: str) -> Response:
    """Suspend a participant or change its settings; takes effect with the next posting"""
    with services().engine.begin() as connection:
        return answer(changed(connection, code, body))


def admitted(connection: Connection, body: dict[str, Any]) -> dict[str, Any]:
    """Admit who a loaded `ParticipantInput` describes; the participant as JSON. Raises Problem."""
    row = alliance.admit_participant(connection, _columns(body, enabled_before=False))
    if row is None:
        detail = f"The code {body['code']!r} is taken; choose another."
        raise Problem(Code.ALREADY_EXISTS, detail, [FieldError("/code", detail)])
    return _participant(row, 0)


def participants_page(limit: int, cursor: str | None, status: str | None = None) -> dict[str, Any]:
    """A page of the participants with this status, or of all, as JSON, by code."""
    with services().engine.connect() as connection:
        rows = alliance.list_participants(connection, cursor_position(cursor) or "", limit + 1, status)
        debits = read_debits(connection, [row.id for row in rows])
    return page(rows, limit, lambda row: _participant(row, debits[row.id]), lambda row: row.code)


def shown_participant(connection: Connection, code: str) -> dict[str, Any]:
    """One participant as JSON; raises Problem."""
    row = _found(alliance.read_participant(connection, code), code)
    return _participant(row, read_debits(connection, [row.id])[row.id])


def changed(connection: Connection, code: str, body: dict[str, Any]) -> dict[str, Any]:
    """The participant as JSON after what a loaded `ParticipantChange` says; raises Problem."""
    before = _found(alliance.read_participant(connection, code), code)
    permitted = before.stored_value_permit is not None
    alliance.change_participant(connection, code, _columns(body, enabled_before=permitted))
    return shown_participant(connection, code)


def participant_id(code: str) -> int:
    """The id behind the code; raises Problem."""
    with services().engine.connect() as connection:
        row_id: int = _found(alliance.read_participant(connection, code), code).id
    return row_id


def _found(row: Row | None, code: str) -> Row:
    if row is None:
        raise Problem(HttpCode.NOT_FOUND, f"There is no participant {code!r}.")
    return row


def _columns(body: dict[str, Any], *, enabled_before: bool) -> dict[str, Any]:
    """The body as columns. `enabled_before`: a permit for stored value is on record already."""
    columns = dict(body)
    if columns.get("stored_value_enabled") and not (columns.get("stored_value_permit") or enabled_before):
        detail = "Record the licence or custodian reference that permits it, to enable stored value."
        raise Problem(Code.MALFORMED, detail, [FieldError("/stored_value_permit", detail)])
    expiry = columns.pop("expiry", None)
    if expiry is not None:
        policy = ExpiryPolicy(**expiry)
        if policy.kind is ExpiryKind.FIXED and not {"month", "day"} <= expiry.keys():
            detail = "Say month and day."
            raise Problem(Code.MALFORMED, detail, [FieldError("/expiry", detail)])
        columns |= {
            "expiry_kind": policy.kind.value,
            "expiry_months": policy.months,
            "expiry_month": policy.month,
            "expiry_day": policy.day,
        }
    return columns


def _participant(row: Row, debit: int) -> dict[str, Any]:
    viewer = own_participant(current_caller())
    confidential = {"net_debit_cap": row.net_debit_cap, "net_debit": debit}
    match row.expiry_kind:
        case ExpiryKind.ROLLING:
            expiry = {"kind": "rolling", "months": row.expiry_months}
        case ExpiryKind.FIXED:
            expiry = {"kind": "fixed", "month": row.expiry_month, "day": row.expiry_day}
        case _:
            expiry = {"kind": "never"}
    return {
        "code": row.code,
        "name": row.name,
        "status": row.status,
        "earn_rate": rate_text(row.earn_rate),
        "expiry": expiry,
        "conversion_ratio": rate_text(row.conversion_ratio),
        "registered_name": row.registered_name,
        "address": row.address,
        "tax_number": row.tax_number,
        "tiers": row.tiers,
        "stored_value_enabled": row.stored_value_enabled,
        "stored_value_permit": row.stored_value_permit,
        "admitted_at": row.admitted_at.isoformat(),
        **(confidential if viewer in (None, row.id) else {}),
    }
