"""Merchants: the outlets of a participant, where cards are presented."""

from typing import Any

from flask import Response
from sqlalchemy import Connection, Row

from api.auth import EVERYONE, guard
from api.once import once
from api.problems import FieldError, HttpCode, Problem
from api.schemas.alliance import MerchantChange, MerchantInput, MerchantSchema
from api.schemas.common import PageQuery, page_of
from api.services import services, transaction
from api.v1.participants import participant_id
from api.web import Blueprint, answer, cursor_position, page
from clearing import alliance
from clearing.core.commands import Scope
from clearing.core.outcomes import Code

blueprint = Blueprint("merchants", __name__, description="Hotels and shops of the participants")


@blueprint.route("/participants/<code>/merchants", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.arguments(MerchantInput)
@blueprint.response(201, MerchantSchema)
@once(blueprint)
def admit_merchant(body: dict[str, Any], code: str) -> Response:
    """Admit a merchant of this participant; its code is unique in the alliance"""
    with transaction() as connection:
        return answer(admitted(connection, code, body), 201)


@blueprint.route("/participants/<code>/merchants")
@guard(*EVERYONE)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(MerchantSchema))
def list_merchants(query: dict[str, Any], code: str) -> Response:
    """The participant's merchants, by code"""
    return answer(merchants_page(code, **query))


@blueprint.route("/participants/<code>/merchants/<merchant>", methods=["PATCH"])
@guard(Scope.OPERATOR)
@blueprint.arguments(MerchantChange)
@blueprint.response(200, MerchantSchema)
def change_merchant(body: dict[str, Any], code: str, merchant: str) -> Response:
    """Suspend a merchant or change its settings; takes effect with the next posting"""
    with services().engine.begin() as connection:
        return answer(changed(connection, code, merchant, body))


def admitted(connection: Connection, code: str, body: dict[str, Any]) -> dict[str, Any]:
    """Admit whom a loaded `MerchantInput` describes; the merchant as JSON. Raises Problem."""
    row = alliance.admit_merchant(connection, participant_id(code), body)
    if row is None:
        detail = f"The code {body['code']!r} is taken; choose another."
        raise Problem(Code.ALREADY_EXISTS, detail, [FieldError("/code", detail)])
    return _merchant(row, code)


def merchants_page(code: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of the participant's merchants as JSON, by code. Raises Problem."""
    owner = participant_id(code)
    with services().engine.connect() as connection:
        rows = alliance.list_merchants(connection, owner, cursor_position(cursor) or "", limit + 1)
    return page(rows, limit, lambda row: _merchant(row, code), lambda row: row.code)


def shown_merchant(connection: Connection, code: str, merchant: str) -> dict[str, Any]:
    """One merchant of this participant as JSON; raises Problem."""
    row = alliance.read_merchant(connection, merchant)
    if row is None or row.participant_id != participant_id(code):
        raise Problem(HttpCode.NOT_FOUND, f"{code} has no merchant {merchant!r}.")
    return _merchant(row, code)


def changed(connection: Connection, code: str, merchant: str, body: dict[str, Any]) -> dict[str, Any]:
    """The merchant as JSON after what a loaded `MerchantChange` says; raises Problem."""
    shown_merchant(connection, code, merchant)
    alliance.change_merchant(connection, merchant, body)
    return shown_merchant(connection, code, merchant)


def _merchant(row: Row, participant: str) -> dict[str, Any]:
    return {
        "code": row.code,
        "participant": participant,
        "name": row.name,
        "category": row.category,
        "status": row.status,
        "benefits": row.benefits,
        "admitted_at": row.admitted_at.isoformat(),
    }
