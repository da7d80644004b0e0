"""Merchants: the outlets of a participant, where cards are presented."""

from typing import Any

from flask import Response
from sqlalchemy import Row

from api.auth import EVERYONE, guard
from api.problems import HttpCode, Problem
from api.schemas.alliance import MerchantChange, MerchantInput, MerchantSchema
from api.schemas.common import PageQuery, page_of
from api.services import services
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
def admit_merchant(body: dict[str, Any], code: str) -> Response:
    """Admit a merchant of this participant; its code is unique in the alliance"""
    owner = participant_id(code)
    with services().engine.begin() as connection:
        row = alliance.admit_merchant(connection, owner, body)
        if row is None:
            raise Problem(Code.ALREADY_EXISTS, f"The code {body['code']!r} is taken; choose another.")
    return answer(_merchant(row, code), 201)


@blueprint.route("/participants/<code>/merchants")
@guard(*EVERYONE)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(MerchantSchema))
def list_merchants(query: dict[str, Any], code: str) -> Response:
    """The participant's merchants, by code"""
    owner = participant_id(code)
    after = cursor_position(query["cursor"]) or ""
    with services().engine.connect() as connection:
        rows = alliance.list_merchants(connection, owner, after, query["limit"] + 1)
    return answer(page(rows, query["limit"], lambda row: _merchant(row, code), lambda row: row.code))


@blueprint.route("/participants/<code>/merchants/<merchant>", methods=["PATCH"])
@guard(Scope.OPERATOR)
@blueprint.arguments(MerchantChange)
@blueprint.response(200, MerchantSchema)
def change_merchant(body: dict[str, Any], code: str, merchant: str) -> Response:
    """Suspend a merchant or change its settings; takes effect with the next posting"""
    owner = participant_id(code)
    with services().engine.begin() as connection:
        before = alliance.read_merchant(connection, merchant)
        if before is None or before.participant_id != owner:
            raise Problem(HttpCode.NOT_FOUND, f"{code} has no merchant {merchant!r}.")
        row = alliance.change_merchant(connection, merchant, body)
    assert row is not None, "merchants are never deleted"
    return answer(_merchant(row, code))


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
