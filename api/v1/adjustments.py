"""Adjustments by hand: one operator proposes, another approves."""

from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy import Connection, Row

from api import present
from api.auth import current_caller, guard
from api.new_id import new_id
from api.once import once
from api.posting import post
from api.problems import FieldError, HttpCode, Problem
from api.schemas.adjustments import AdjustmentInput, AdjustmentQuery, AdjustmentSchema
from api.schemas.common import page_of
from api.services import services, transaction
from api.web import Blueprint, answer, cursor_number, page
from clearing import adjustments, ids
from clearing.adjustments import HUB_WALLET, AdjustmentKind, AdjustmentStatus
from clearing.beside import Beside, nothing
from clearing.core.accounts import HUB, HUB_CODE
from clearing.core.adjustment import ended
from clearing.core.commands import Scope
from clearing.core.directory import Directory
from clearing.core.outcomes import Code, Recorded
from clearing.load import read_recorded
from clearing.query import database_time, read_card

blueprint = Blueprint("adjustments", __name__, description="What two operators agree to set right by hand")


@blueprint.route("/adjustments", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.arguments(AdjustmentInput)
@blueprint.response(201, AdjustmentSchema)
@once(blueprint)
def propose(body: dict[str, Any]) -> Response:
    """Propose points for a card (or away from it), or money between participants; nothing is booked yet"""
    with transaction() as connection:
        return answer(proposed(connection, body), 201)


@blueprint.route("/adjustments")
@guard(Scope.OPERATOR, Scope.AUDITOR)
@blueprint.arguments(AdjustmentQuery, location="query")
@blueprint.response(200, page_of(AdjustmentSchema))
def list_all(query: dict[str, Any]) -> Response:
    """The newest first; `status=proposed` are those that wait for somebody"""
    return answer(adjustments_page(**query))


@blueprint.route("/adjustments/<adjustment_id>")
@guard(Scope.OPERATOR, Scope.AUDITOR)
@blueprint.response(200, AdjustmentSchema)
def read_one(adjustment_id: str) -> Response:
    """One adjustment, with what became of it"""
    return answer(shown_adjustment(adjustment_id))


@blueprint.route("/adjustments/<adjustment_id>/approve", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.response(200, AdjustmentSchema)
@once(blueprint, repeatable=True)
def approve(adjustment_id: str) -> Response:
    """Approve what somebody else has proposed, and book it; to be repeated if the answer was lost"""
    return answer(approved(adjustment_id))


@blueprint.route("/adjustments/<adjustment_id>/reject", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.response(200, AdjustmentSchema)
@once(blueprint)
def reject(adjustment_id: str) -> Response:
    """Reject it, or take one's own proposal back"""
    return answer(rejected(adjustment_id))


def proposed(connection: Connection, body: dict[str, Any]) -> dict[str, Any]:
    """Propose what a loaded `AdjustmentInput` describes; the adjustment as JSON. Raises Problem."""
    directory = services().directory(connection)
    values = _values(connection, body, directory)
    row = adjustments.propose(connection, new_id(), values, current_caller().key_id)
    return _adjustment(row, None, directory)


def check_adjustment(connection: Connection, body: dict[str, Any]) -> None:
    """Whether all that a loaded `AdjustmentInput` names is there; raises Problem."""
    _values(connection, body, services().directory(connection))


def adjustments_page(status: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of adjustments as JSON, the newest first."""
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        rows = adjustments.list_adjustments(connection, status, cursor_number(cursor), limit + 1)
        recorded = _recorded(connection, rows)
    return page(
        rows, limit, lambda row: _adjustment(row, recorded.get(row.id), directory), lambda row: row.id
    )


def approved(adjustment_id: str, beside: Beside = nothing) -> dict[str, Any]:
    """Approve and book it; the adjustment as JSON. Raises Problem."""
    caller = current_caller()
    with services().engine.begin() as connection:
        row = _found(connection, adjustment_id)
        if row.proposed_by == caller.key_id:
            raise Problem(Code.FORBIDDEN, "Who proposed it cannot approve it; ask another operator.")
        row = _decided(connection, row, AdjustmentStatus.APPROVED, beside)
    if row.status != AdjustmentStatus.APPROVED:
        raise Problem(Code.ALREADY_EXISTS, f"It was {row.status} before; propose a new one.")
    post(adjustments.command(row, caller))
    return shown_adjustment(adjustment_id)


def rejected(adjustment_id: str, beside: Beside = nothing) -> dict[str, Any]:
    """Reject it; the adjustment as JSON. Raises Problem."""
    with transaction() as connection:
        row = _decided(connection, _found(connection, adjustment_id), AdjustmentStatus.REJECTED, beside)
    if row.status != AdjustmentStatus.REJECTED:
        raise Problem(Code.ALREADY_EXISTS, "It was approved before; propose the opposite to undo it.")
    return shown_adjustment(adjustment_id)


def shown_adjustment(adjustment_id: str) -> dict[str, Any]:
    """One adjustment as JSON, with what became of it; raises Problem."""
    with transaction() as connection:
        row = _found(connection, adjustment_id)
        directory = services().directory(connection)
        recorded = _recorded(connection, [row])
    return _adjustment(row, recorded.get(row.id), directory)


def _decided(connection: Connection, row: Row, status: AdjustmentStatus, beside: Beside) -> Row:
    """The adjustment as it is then: by this decision, or by that of somebody who was faster."""
    decided = adjustments.decide(connection, row.id, status, current_caller().key_id)
    if decided is not None:
        beside(connection)
        return decided
    now = adjustments.read_adjustment(connection, row.id)
    assert now is not None, "adjustments are never deleted"
    return now


def _found(connection: Connection, adjustment_id: str) -> Row:
    (id_,) = ids.decode("adj", adjustment_id) or (0,)
    row = adjustments.read_adjustment(connection, id_)
    if row is None:
        raise Problem(HttpCode.NOT_FOUND, f"There is no adjustment {adjustment_id!r}.")
    return row


def _values(connection: Connection, body: dict[str, Any], directory: Directory) -> dict[str, Any]:
    common = {"kind": body["kind"], "reason": body["reason"]}
    if body["kind"] == AdjustmentKind.MONEY:
        debtor, creditor = (_party(directory, body, field) for field in ("debtor", "creditor"))
        return {
            **common,
            "wallet_id": HUB_WALLET,
            "debtor_id": debtor,
            "creditor_id": creditor,
            "amount": body["amount"],
        }
    card = read_card(connection, body["card"])
    if card is None:
        raise Problem(Code.CARD_UNKNOWN, f"No participant has issued a card {body['card']!r}.")
    today = database_time(connection).astimezone(directory.rulebook.settings.time_zone).date()
    refusal = ended(body["points"], body.get("expires_on"), today)
    if refusal is not None:
        raise Problem(refusal.code, refusal.detail, [FieldError("/expires_on", refusal.detail)])
    return {
        **common,
        "wallet_id": card.wallet_id,
        "card_number": card.number,
        "issuer_id": _party(directory, body, "issuer"),
        "points": body["points"],
        "expires_on": body.get("expires_on"),
    }


def _party(directory: Directory, body: dict[str, Any], field: str) -> int:
    code = body[field]
    if code == HUB_CODE and field != "issuer":
        return HUB
    participant = directory.participant(code)
    if participant is None:
        detail = f"There is no participant {code!r}."
        raise Problem(Code.MALFORMED, detail, [FieldError(f"/{field}", detail)])
    return participant.id


def _recorded(connection: Connection, rows: list[Row]) -> dict[int, Recorded]:
    """What became of the approved ones, by id."""
    keys = {adjustments.posting_key(row.id): row.id for row in rows}
    return {keys[key]: found for key, found in read_recorded(connection, list(keys)).items()}


def _adjustment(row: Row, recorded: Recorded | None, directory: Directory) -> dict[str, Any]:
    def code(participant_id: int | None) -> str | None:
        return present.participant_code(directory, participant_id)

    zone = directory.rulebook.settings.time_zone

    def time(at: datetime | None) -> str | None:
        return None if at is None else present.time_text(at.astimezone(zone))

    transaction = refusal = None
    if recorded is not None and recorded.transaction_id is not None:
        transaction = ids.transaction_id(recorded.wallet_id or HUB_WALLET, recorded.transaction_id)
    if recorded is not None and recorded.refusal is not None:
        refusal = recorded.refusal.detail
    return {
        "id": ids.encode("adj", row.id),
        "kind": row.kind,
        "status": row.status,
        "reason": row.reason,
        "card": row.card_number,
        "issuer": code(row.issuer_id),
        "points": row.points,
        "expires_on": None if row.expires_on is None else row.expires_on.isoformat(),
        "debtor": code(row.debtor_id),
        "creditor": code(row.creditor_id),
        "amount": row.amount,
        "proposed_by": row.proposed_by,
        "proposed_at": time(row.proposed_at),
        "decided_by": row.decided_by,
        "decided_at": time(row.decided_at),
        "transaction": transaction,
        "refusal": refusal,
    }
