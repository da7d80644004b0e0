"""Disputes of statement lines."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response
from sqlalchemy import Connection

from api.auth import FINANCE, current_caller, guard, own_participant
from api.narrowing import NOTHING
from api.new_id import new_id
from api.once import once
from api.problems import FieldError, Problem
from api.schemas.disputes import (
    AcceptInput,
    AnswerInput,
    DisputeInput,
    DisputePageSchema,
    DisputeQuery,
    DisputeThreadSchema,
    RejectInput,
    WithdrawInput,
)
from api.services import services, transaction
from api.v1.periods import number_of
from api.web import Blueprint, answer, cursor_number, page
from clearing import ids
from clearing.beside import Beside, nothing
from clearing.core.accounts import HUB, HUB_CODE
from clearing.core.commands import Scope
from clearing.core.directory import Directory
from clearing.core.outcomes import Code
from clearing.writer import Writer
from settlement.core.disputes import Act, DisputeReason, DisputeStatus
from settlement.disputes import acts
from settlement.disputes.acceptance import Instrument, Judgement, accept
from settlement.disputes.opening import Claim, open_dispute
from settlement.disputes.present import dispute_json, messages_json
from settlement.disputes.query import (
    DisputeFilter,
    list_disputes,
    read_dispute,
    read_followed,
    read_messages,
)
from settlement.disputes.refusals import Actor, DisputeRefusal, unknown

blueprint = Blueprint("disputes", __name__, description="What is said to be wrong with a statement's line")

DISPUTERS = (Scope.FINANCE, Scope.PARTICIPANT)
ANSWERERS = (*DISPUTERS, Scope.OPERATOR)


@blueprint.route("/disputes", methods=["POST"])
@guard(*DISPUTERS)
@blueprint.arguments(DisputeInput)
@blueprint.response(201, DisputeThreadSchema)
@once(blueprint)
def open_one(body: dict[str, Any]) -> Response:
    """Dispute a line of one's own statement, or a part of it; the settlement goes on

    The other party of the obligation is asked to answer; for `wrong_fee`, and where only a fee is charged,
    the hub. After the statement's `dispute_until` it is flagged as late.
    """
    return answer(opened(body), 201)


@blueprint.route("/disputes")
@guard(*FINANCE)
@blueprint.arguments(DisputeQuery, location="query")
@blueprint.response(200, DisputePageSchema)
def list_all(query: dict[str, Any]) -> Response:
    """The newest first; a participant sees those that it has opened or is to answer"""
    return answer(disputes_page(query))


def disputes_page(query: Mapping[str, Any]) -> dict[str, Any]:
    """One page of the list as JSON, narrowed as the query of `GET /v1/disputes` says. Raises Problem."""
    viewer = own_participant(current_caller())
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        parties = {name: _party(directory, query[name]) for name in ("participant", "waits_for")}
        if any(query[name] is not None and parties[name] is None for name in parties):
            return NOTHING
        wanted = DisputeFilter(
            visible_to=viewer,
            status=DisputeStatus(query["status"]) if query["status"] else None,
            period=number_of(query["period"]) if query["period"] else None,
            participant_id=parties["participant"],
            waits_for=parties["waits_for"],
        )
        before = cursor_number(query["cursor"])
        rows = list_disputes(connection, wanted, before, query["limit"] + 1)
        followed = read_followed(connection, rows, viewer)
    return page(
        followed,
        query["limit"],
        lambda one: dispute_json(one, directory, viewer),
        lambda one: one.dispute.id,
    )


@blueprint.route("/disputes/<dispute_id>")
@guard(*FINANCE)
@blueprint.response(200, DisputeThreadSchema)
def read_one(dispute_id: str) -> Response:
    """One dispute with its thread"""
    return answer(dispute_shown(dispute_id))


@blueprint.route("/disputes/<dispute_id>/answers", methods=["POST"])
@guard(*ANSWERERS)
@blueprint.arguments(AnswerInput)
@blueprint.response(200, DisputeThreadSchema)
@once(blueprint)
def answer_one(body: dict[str, Any], dispute_id: str) -> Response:
    """Add to the thread; after the counterparty's word the operator decides

    `proposes` tells the operator what one thinks should become of it.
    """
    return answer(answered(dispute_id, body))


@blueprint.route("/disputes/<dispute_id>/accept", methods=["POST"])
@guard(*ANSWERERS)
@blueprint.arguments(AcceptInput, required=False)
@blueprint.response(200, DisputeThreadSchema)
@once(blueprint, repeatable=True)
def accept_one(body: dict[str, Any], dispute_id: str) -> Response:
    """Accept it, and book the correction in the open period; to be repeated if the answer was lost

    By the counterparty at any time, by the operator once that has answered or its time is over. The fee of
    what is taken back goes back with it.
    """
    return answer(accepted(dispute_id, body))


@blueprint.route("/disputes/<dispute_id>/reject", methods=["POST"])
@guard(*ANSWERERS)
@blueprint.arguments(RejectInput)
@blueprint.response(200, DisputeThreadSchema)
@once(blueprint)
def reject_one(body: dict[str, Any], dispute_id: str) -> Response:
    """Reject it and say why

    By the counterparty as its answer, or by the operator as in accepting. The line may be disputed again;
    then the operator decides.
    """
    return answer(rejected(dispute_id, body))


@blueprint.route("/disputes/<dispute_id>/withdraw", methods=["POST"])
@guard(*DISPUTERS)
@blueprint.arguments(WithdrawInput, required=False)
@blueprint.response(200, DisputeThreadSchema)
@once(blueprint)
def withdraw_one(body: dict[str, Any], dispute_id: str) -> Response:
    """Take one's own dispute back"""
    return answer(withdrawn(dispute_id, body))


def opened(
    body: Mapping[str, Any], beside: Callable[[Connection, str], None] = lambda connection, dispute_id: None
) -> dict[str, Any]:
    """Open a dispute, with a body as `DisputeInput` loads it; the thread as JSON. Raises Problem."""
    id_ = new_id()
    with transaction() as connection:
        _open(connection, id_, body)
        beside(connection, ids.encode("dsp", id_))
    return _shown(id_)


def would_open(body: Mapping[str, Any]) -> dict[str, Any]:
    """What would be opened, as JSON; changes nothing. Raises Problem as opening it would."""
    id_ = new_id()
    with services().engine.connect() as connection, connection.begin() as transaction:
        _open(connection, id_, body)
        shown = _read_shown(connection, id_)
        transaction.rollback()
    return shown


def dispute_shown(dispute_id: str) -> dict[str, Any]:
    """One dispute with its thread, as JSON. Raises Problem."""
    return _shown(_number(dispute_id))


def possible_acts(dispute_id: str) -> frozenset[Act]:
    """What the caller may do about it now; nothing, if its scope does nothing about disputes."""
    caller = current_caller()
    if caller.scope not in ANSWERERS:
        return frozenset()
    with services().engine.connect() as connection:
        return acts.possible_acts(connection, _number(dispute_id), _actor())


def answered(dispute_id: str, body: Mapping[str, Any], beside: Beside = nothing) -> dict[str, Any]:
    """Add to the thread; it as JSON. Raises Problem."""
    id_ = _number(dispute_id)
    proposes = Act(body["proposes"]) if "proposes" in body else None
    with transaction() as connection:
        outcome = acts.answer(connection, id_, _actor(), body["text"], proposes)
        if isinstance(outcome, DisputeRefusal):
            raise _problem(outcome)
        beside(connection)
    return _shown(id_)


def accepted(dispute_id: str, body: Mapping[str, Any], beside: Beside = nothing) -> dict[str, Any]:
    """Accept it and book the correction; it as JSON. Raises Problem."""
    id_, caller = _number(dispute_id), current_caller()
    judgement = Judgement(_actor(), caller, Instrument(body["by"]), body.get("text"))
    with Writer(services().engine) as writer:
        outcome = accept(writer, id_, judgement, beside)
    if isinstance(outcome, DisputeRefusal):
        raise _problem(outcome)
    return _shown(id_)


def rejected(dispute_id: str, body: Mapping[str, Any], beside: Beside = nothing) -> dict[str, Any]:
    """Reject it; it as JSON. Raises Problem."""
    id_ = _number(dispute_id)
    with transaction() as connection:
        outcome = acts.reject(connection, id_, _actor(), body["text"], beside)
        if isinstance(outcome, DisputeRefusal):
            raise _problem(outcome)
    return _shown(id_)


def withdrawn(dispute_id: str, body: Mapping[str, Any], beside: Beside = nothing) -> dict[str, Any]:
    """Take it back; it as JSON. Raises Problem."""
    id_ = _number(dispute_id)
    with transaction() as connection:
        outcome = acts.withdraw(connection, id_, _actor(), body.get("text"), beside)
        if isinstance(outcome, DisputeRefusal):
            raise _problem(outcome)
    return _shown(id_)


def _open(connection: Connection, id_: int, body: Mapping[str, Any]) -> None:
    claim = _claim(services().directory(connection), body)
    outcome = open_dispute(connection, id_, claim, _actor())
    if isinstance(outcome, DisputeRefusal):
        raise _problem(outcome)


def _shown(id_: int) -> dict[str, Any]:
    with transaction() as connection:
        return _read_shown(connection, id_)


def _read_shown(connection: Connection, id_: int) -> dict[str, Any]:
    viewer = own_participant(current_caller())
    directory = services().directory(connection)
    row = read_dispute(connection, id_, viewer)
    if row is None:
        raise _problem(unknown())
    [followed] = read_followed(connection, [row], viewer)
    messages = messages_json(read_messages(connection, id_), directory)
    return {**dispute_json(followed, directory, viewer), "messages": messages}


def _actor() -> Actor:
    caller = current_caller()
    return Actor(HUB if caller.participant_id is None else caller.participant_id, caller.key_id)


def _number(dispute_id: str) -> int:
    """The number behind the id; 0 for a text that is none."""
    (id_,) = ids.decode("dsp", dispute_id) or (0,)
    return id_


def _party(directory: Directory, code: str | None) -> int | None:
    if code == HUB_CODE:
        return HUB
    participant = directory.participant(code) if code is not None else None
    return participant.id if participant else None


def _claim(directory: Directory, body: Mapping[str, Any]) -> Claim:
    transaction = issuer_id = None
    if "transaction" in body:
        decoded = ids.decode("txn", body["transaction"], 2) or (0, 0)
        transaction = decoded[0], decoded[1]
        issuer = directory.participant(body["issuer"])
        if issuer is None:
            detail = f"There is no participant {body['issuer']!r}."
            raise Problem(Code.MALFORMED, detail, [FieldError("/issuer", detail)])
        issuer_id = issuer.id
    return Claim(
        statement_id=body["statement"],
        reason=DisputeReason(body["reason"]),
        text=body["text"],
        line=body.get("line"),
        transaction=transaction,
        issuer_id=issuer_id,
        points=body.get("points"),
        amount=body.get("amount"),
    )


def _problem(refusal: DisputeRefusal) -> Problem:
    errors = [FieldError(f"/{refusal.field}", refusal.detail)] if refusal.field else []
    return Problem(refusal.code, refusal.detail, errors)
