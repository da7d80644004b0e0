"""Members: people enrolled by their home participant, what is kept of them, and how it is erased."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import structlog
from flask import Response, g, request
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from api import people
from api.auth import actor, current_caller, guard, own_participant
from api.export import Export
from api.key_owners import envelope, participants_of
from api.narrowing import NOTHING
from api.once import once
from api.problems import FieldError, HttpCode, Problem, refusal_response
from api.schemas.common import KEY_WELCOME, page_of
from api.schemas.ledger import MemberInput
from api.schemas.people import ErasureInput, MemberChange, MemberQuery, PersonExportSchema, PersonSchema
from api.services import services, transaction
from api.web import Blueprint, answer, cursor_number, idempotency_key, json_body, page
from clearing import ids
from clearing.core.commands import Caller, Scope
from clearing.core.directory import Directory
from clearing.core.enrolment import Enrolled
from clearing.core.outcomes import Code, Refusal, Replayed
from clearing.erasure import erase_member
from clearing.member_change import change_member
from clearing.members import Member, MemberFilter, list_members, participant_of, read_member
from users.audit import audit

log = structlog.get_logger(__name__)

#: Of a change that meets another one of the same phone.
TRIES_MAX = 3

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
        former_hashes=stands.former_hashes,
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


@blueprint.route("/members")
@guard(Scope.PARTICIPANT, Scope.OPERATOR, Scope.AUDITOR)
@blueprint.arguments(MemberQuery, location="query")
@blueprint.response(200, page_of(PersonSchema))
def list_own(query: dict[str, Any]) -> Response:
    """A participant's own members, those enrolled last first; the hub sees all, with masked names

    By the whole phone, however it is written (own members only), any of the member's cards, or tier. Names
    are encrypted, each time otherwise, so nobody is found by a name or a part of one.
    """
    return answer(members_page(query))


def members_page(query: Mapping[str, Any]) -> dict[str, Any]:
    """What the caller may see of the query's members, as JSON. Raises Problem."""
    caller, limit = current_caller(), query["limit"]
    own = own_participant(caller)
    if query["phone"] is not None and own is None:
        detail = "Only a member's own participant searches by phone: whose it is concerns nobody else."
        raise Problem(Code.FORBIDDEN, detail, [FieldError("?phone", detail)])
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        named = directory.participant(query["participant"]) if query["participant"] else None
        if query["participant"] and (named is None or own not in (None, named.id)):
            return NOTHING
        wanted = MemberFilter(
            own if named is None else named.id, query["phone"], query["card"], query["tier"]
        )
        before = cursor_number(query["cursor"])
        found = list_members(connection, services().personal_data, wanted, before, limit + 1)
    return page(found, limit, lambda one: _member(one, directory, caller), lambda one: one.id)


@blueprint.route("/members/<member_id>", methods=["PATCH"])
@guard(Scope.PARTICIPANT, Scope.OPERATOR)
@blueprint.arguments(MemberChange)
@blueprint.response(200, PersonSchema)
def change(body: dict[str, Any], member_id: str) -> Response:
    """Correct a member's name, phone or tier; the audit log tells which, and who did it

    A phone whose person another participant has enrolled is refused. Sent again it changes nothing.
    """
    return answer(changed_member(member_id, body))


def changed_member(member_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The member as JSON after the change. Raises Problem."""
    for tries_left in reversed(range(TRIES_MAX)):
        try:
            with services().engine.begin() as connection:
                _change(connection, member_id, body)
                directory = services().directory(connection)
                member = _visible_member(connection, member_id)
            return _member(member, directory, current_caller())
        except IntegrityError:
            # Somebody else took the phone at the same moment; the next look sees it.
            if not tries_left:
                raise
    raise AssertionError("the last try raises or returns")


def _change(connection: Connection, member_id: str, body: Mapping[str, Any]) -> None:
    caller, directory = current_caller(), services().directory(connection)
    number = _visible_number(connection, member_id)
    outcome = change_member(connection, services().personal_data, directory, number, body)
    if outcome is None:
        raise Problem(
            HttpCode.NOT_FOUND, "This member's data was erased. Enrol the person anew, with a new card."
        )
    if isinstance(outcome, Refusal):
        raise Problem(outcome.code, outcome.detail, [FieldError(f"/{outcome.field}", outcome.detail)])
    if outcome.fields:
        before, after = outcome.tiers
        tiers = {"tier": {"before": before, "after": after}} if "tier" in outcome.fields else {}
        audit(
            connection,
            actor(caller),
            "member.changed",
            f"member:{member_id}",
            {"fields": list(outcome.fields), **tiers},
            participant_id=participant_of(connection, number),
            address=request.remote_addr,
        )


@blueprint.route("/members/<member_id>")
@guard(Scope.PARTICIPANT, Scope.OPERATOR, Scope.AUDITOR)
@blueprint.response(200, PersonSchema)
def read_one(member_id: str) -> Response:
    """One member of the caller's own; others' are not shown"""
    return answer(member_shown(member_id))


def member_shown(member_id: str) -> dict[str, Any]:
    """One member as JSON; raises Problem if the caller sees none."""
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        member = _visible_member(connection, member_id)
    return _member(member, directory, current_caller())


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
