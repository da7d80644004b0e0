"""Members: people enrolled by their home participant."""

from typing import Any
from uuid import uuid4

from flask import Response, request

from api.auth import current_caller, guard, own_participant, owner
from api.problems import HttpCode, Problem, refusal_response
from api.schemas.ledger import MemberInput, MemberSchema
from api.services import services
from api.web import Blueprint, answer, idempotency_key, json_body
from clearing import ids
from clearing.core.commands import Caller, Scope
from clearing.core.directory import Directory
from clearing.core.enrolment import Enrolled
from clearing.core.outcomes import Refusal, Replayed
from clearing.idempotency import key_hash, request_hash
from clearing.members import Member, read_member
from clearing.privacy import masked_name

blueprint = Blueprint("members", __name__, description="Enrolment; nobody enrols another's member")


@blueprint.route("/members", methods=["POST"])
@guard(Scope.PARTICIPANT, Scope.OPERATOR)
@blueprint.arguments(MemberInput)
@blueprint.response(201, MemberSchema)
def enrol(body: dict[str, Any]) -> Response:
    """Enrol a person: a member, a wallet and a card

    An Idempotency-Key is welcome, not required.
    """
    caller = current_caller()
    given = idempotency_key() if "Idempotency-Key" in request.headers else str(uuid4())
    key = key_hash(owner(caller), given)
    enroller = services().enroller
    request_ = enroller.request_of(key, request_hash("member", json_body()), caller, body)
    outcome = enroller.enrol([request_])[0]
    match outcome:
        case Refusal():
            return refusal_response(outcome)
        case Replayed(recorded) if recorded.refusal is not None:
            response = refusal_response(recorded.refusal)
            response.headers["Idempotency-Replayed"] = "true"
            return response
        case Enrolled():
            member_id: int | None = outcome.member_id
        case Replayed(recorded):
            member_id = recorded.member_id
    with services().engine.connect() as connection:
        member = read_member(connection, services().personal_data, member_id=member_id)
        directory = services().directory(connection)
    assert member is not None, "it was just enrolled"
    headers = {"Idempotency-Replayed": "true"} if isinstance(outcome, Replayed) else None
    return answer(_member(member, directory, caller), 201, headers)


@blueprint.route("/members/<member_id>")
@guard(Scope.PARTICIPANT, Scope.OPERATOR, Scope.AUDITOR)
@blueprint.response(200, MemberSchema)
def read_one(member_id: str) -> Response:
    """One member of the caller's own; others' are not shown"""
    numbers = ids.decode("mem", member_id)
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        member = read_member(connection, services().personal_data, member_id=numbers[0]) if numbers else None
    viewer = own_participant(current_caller())
    if member is None or viewer not in (None, member.participant_id):
        raise Problem(HttpCode.NOT_FOUND, f"There is no member {member_id!r}.")
    return answer(_member(member, directory, current_caller()))


def _member(member: Member, directory: Directory, caller: Caller) -> dict[str, Any]:
    """Name and phone in clear for the member's own participant only; not even the hub's people read them."""
    own = caller.participant_id == member.participant_id
    return {
        "id": ids.member_id(member.id),
        "participant": directory.participants[member.participant_id].code,
        "wallet": ids.wallet_id(member.wallet_id),
        "name": member.name if own or member.name is None else masked_name(member.name),
        "phone": member.phone if own else None,
        "tier": member.tier,
        "card": {"number": member.card, "status": member.card_status},
        "enrolled_at": member.enrolled_at.isoformat(),
    }
