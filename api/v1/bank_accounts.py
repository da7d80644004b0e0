"""Bank accounts of participants and of the hub."""

from typing import Any

from flask import Response
from sqlalchemy import Row

from api import present
from api.auth import FINANCE, SEES_ALL, current_caller, guard, own_participant
from api.problems import HttpCode, Problem
from api.schemas.payments import BankAccountInput, BankAccountSchema
from api.services import services
from api.v1.participants import participant_id
from api.web import Blueprint, answer
from clearing.core.accounts import HUB, HUB_CODE
from clearing.core.commands import Scope
from clearing.core.outcomes import Code
from settlement.bank_accounts import put_account, read_account

blueprint = Blueprint("bank accounts", __name__, description="Where the hub pays from, and to")

FIELDS = tuple(name for name in BankAccountInput().fields)


@blueprint.route("/participants/<code>/bank-account", methods=["PUT"])
@guard(Scope.OPERATOR)
@blueprint.arguments(BankAccountInput)
@blueprint.response(200, BankAccountSchema)
def put_of_participant(body: dict[str, Any], code: str) -> Response:
    """Put the account on record to which the participant is paid; earlier ones are kept"""
    return _put(participant_id(code), body, code)


@blueprint.route("/participants/<code>/bank-account")
@guard(*FINANCE)
@blueprint.response(200, BankAccountSchema)
def read_of_participant(code: str) -> Response:
    """The account to which the participant is paid; a participant sees its own"""
    id_ = participant_id(code)
    if own_participant(current_caller()) not in (None, id_):
        raise Problem(Code.FORBIDDEN, "This key sees the bank account of its own participant only.")
    return answer(_read(id_, code))


@blueprint.route("/alliance/bank-account", methods=["PUT"])
@guard(Scope.OPERATOR)
@blueprint.arguments(BankAccountInput)
@blueprint.response(200, BankAccountSchema)
def put_of_hub(body: dict[str, Any]) -> Response:
    """Put the hub's own account on record, from which it pays; earlier ones are kept"""
    return _put(HUB, body, HUB_CODE)


@blueprint.route("/alliance/bank-account")
@guard(*FINANCE)
@blueprint.response(200, BankAccountSchema)
def read_of_hub() -> Response:
    """The hub's own account, to which participants pay"""
    return answer(account_of_hub())


def _put(id_: int, body: dict[str, Any], code: str) -> Response:
    with services().engine.begin() as connection:
        row = put_account(connection, id_, body, current_caller().key_id)
        zone = services().directory(connection).rulebook.settings.time_zone
    return answer(_account(row, code, present.time_text(row.made_at.astimezone(zone))))


def account_of_hub() -> dict[str, Any]:
    """The hub's account as JSON. Raises Problem if none is on record."""
    return _read(HUB, HUB_CODE)


def _read(id_: int, code: str) -> dict[str, Any]:
    with services().engine.connect() as connection:
        row = read_account(connection, id_)
        zone = services().directory(connection).rulebook.settings.time_zone
    if row is None:
        raise Problem(HttpCode.NOT_FOUND, f"No bank account of {code} is on record.")
    return _account(row, code, present.time_text(row.made_at.astimezone(zone)))


def _account(row: Row, code: str, made_at: str) -> dict[str, Any]:
    return {
        "participant": code,
        **{name: row._mapping[name] for name in FIELDS},
        "made_at": made_at,
        "made_by": row.made_by if current_caller().scope in SEES_ALL else None,
    }
