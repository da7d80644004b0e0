"""Members: people enrolled by their home participant, what is kept of them, and how it is erased."""

from typing import Any
from uuid import uuid4

import structlog
from flask import Response, g, request
from sqlalchemy import Connection

from api import people
from api.auth import current_caller, guard, own_participant
from api.export import Export
from api.key_owners import envelope, participants_of
from api.once import once
from api.problems import HttpCode, Problem, refusal_response
from api.schemas.common import KEY_WELCOME
from api.schemas.ledger import MemberInput
from api.schemas.people import ErasureInput, PersonExportSchema, PersonSchema
from api.services import services, transaction
from api.web import Blueprint, answer, idempotency_key, json_body
from clearing import ids
from clearing.core.commands import Caller, Scope
from clearing.core.directory import Directory
from clearing.core.enrolment import Enrolled
from clearing.core.outcomes import Refusal, Replayed
from clearing.erasure import erase_member
from clearing.members import Member, participant_of, read_member

log = structlog.get_logger(__name__)

blueprint = Blueprint("members", __name__, description="People: enrolled, exported, erased")


@blueprint.route("/members", methods=["POST"])
@guard(Scope.PARTICIPANT, Scope.OPERATOR)
@blueprint.arguments(MemberInput)
@blueprint.doc(parameters=[KEY_WELCOME])
@blueprint.response(201, PersonSchema)
def enrol(body: dict[str, Any]) -> Response:
    """Enrol a person: a member, a wallet and a card

    An Idempotency-Key is welcome, not required; it is the participant's, whoever sends it.
    """
    caller = current_caller()
    given = idempotency_key() if "Idempotency-Key" in request.headers else str(uuid4())
    enroller, known = services().enroller, services()
    [participant_id] = participants_of(caller, "member", [body], known.engine, known.directory_cache)
    stands = envelope(caller, participant_id, given, "member", body, json_body())
    request_ = enroller.request_of(
        stands.key,
        stands.request_hash,
        caller,
        body,
        former_key=stands.former_key,
        former_hash=stands.former_hash,
    )
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
@blueprint.response(200, PersonSchema)
def read_one(member_id: str) -> Response:
    """One member of the caller's own; others' are not shown"""
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        member = _visible_member(connection, member_id)
    return answer(_member(member, directory, current_caller()))


@blueprint.route("/members/<member_id>/export")
@guard(Scope.PARTICIPANT, Scope.OPERATOR)
@blueprint.response(200, PersonExportSchema)
def export_one(member_id: str) -> Response:
    """All that is kept of a person, in clear, for the member's own participant and the operator

    Holds and transactions are those made with the participant's cards, and those that concern it. The log
    tells who took it (`member_exported`).
    """
    caller = current_caller()
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        member = _visible_member(connection, member_id)
    export = Export(services().engine, member, directory, caller)
    log.info("member_exported", member=member_id, by=caller.key_id, request_id=g.request_id)
    headers = {"Content-Disposition": f'attachment; filename="{member_id}.json"'}
    return Response(export.stream(), headers=headers, content_type="application/json")


@blueprint.route("/members/<member_id>/erasure", methods=["POST"])
@guard(Scope.PARTICIPANT, Scope.OPERATOR)
@blueprint.arguments(ErasureInput)
@blueprint.response(200, PersonSchema)
@once(blueprint)
def erase(body: dict[str, Any], member_id: str) -> Response:
    """Erase a person's name and phone for good, and block the cards

    What was booked stays, and tells of nobody any more; balances end as they would have. Refused while the
    wallet has an open hold. Afterwards the phone can be enrolled anew. Sent again it changes nothing.
    """
    caller = current_caller()
    with transaction() as connection:
        directory = services().directory(connection)
        outcome = erase_member(connection, _visible_number(connection, member_id))
        if isinstance(outcome, Refusal):
            return refusal_response(outcome)
        member = _visible_member(connection, member_id)
    if outcome:
        log.info(
            "member_erased",
            member=member_id,
            by=caller.key_id,
            reason=body["reason"],
            request_id=g.request_id,
        )
    return answer(_member(member, directory, caller))


def _visible_member(connection: Connection, member_id: str) -> Member:
    number = _visible_number(connection, member_id)
    member = read_member(connection, services().personal_data, member_id=number)
    assert member is not None, "members stay"
    return member


def _visible_number(connection: Connection, member_id: str) -> int:
    """The member's number. A participant sees its own members; others do not exist for it."""
    numbers = ids.decode("mem", member_id)
    enrolled_by = participant_of(connection, numbers[0]) if numbers else None
    if numbers is None or enrolled_by is None or own_participant(current_caller()) not in (None, enrolled_by):
        raise Problem(HttpCode.NOT_FOUND, f"There is no member {member_id!r}.")
    return numbers[0]


def _member(member: Member, directory: Directory, caller: Caller) -> dict[str, Any]:
    """Name and phone in clear for the member's own participant; the hub reads them in exports only."""
    own = caller.participant_id == member.participant_id
    return people.member(member, directory, in_clear=own)
