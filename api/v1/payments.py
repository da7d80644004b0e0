"""Payments on nets: record, take back, carry forward, and the file of what the hub pays out."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response
from sqlalchemy import Connection, Row

from api import present
from api.auth import FINANCE, SEES_ALL, current_caller, guard, own_participant
from api.once import once
from api.posting import REPLAYED
from api.problems import FieldError, Problem
from api.schemas.payments import (
    CarriedSchema,
    PaymentFileQuery,
    PaymentInput,
    PaymentListSchema,
    PaymentQuery,
    PaymentSchema,
    ReasonInput,
)
from api.services import services, transaction
from api.v1.participants import participant_id
from api.v1.periods import number_of
from api.web import Blueprint, answer
from clearing import ids
from clearing.beside import Beside, nothing
from clearing.core.calendar import period_name
from clearing.core.commands import Scope
from clearing.core.directory import Directory
from clearing.core.outcomes import Code
from clearing.query import database_time
from settlement.judging import NewPayment, payment_id
from settlement.payments import (
    Carried,
    Recorded,
    carry_forward,
    list_payments,
    record_payment,
    reverse_payment,
)
from settlement.payout import (
    Changed,
    Payouts,
    account_text,
    execution_day,
    not_confirmed,
    read_payouts,
    remember_file,
)
from settlement.refusals import Refusal
from settlement.render import pain

blueprint = Blueprint("payments", __name__, description="Money paid on nets")


@blueprint.route("/settlements/<period>/payments", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.arguments(PaymentInput)
@blueprint.response(201, PaymentSchema)
@once(blueprint)
def record(body: dict[str, Any], period: str) -> Response:
    """Put a payment on record; partial and repeated ones add up

    The bank's reference stands for one payment: the same one again is answered with the first and
    `Idempotency-Replayed: true`, another one with `duplicate_reference`. Payments out need an approved
    period. What goes the wrong way (`wrong_direction`) or far beyond the net (`to_be_confirmed`) is put on
    record only with `confirmed`.
    """
    number, code, confirmed = number_of(period), body.pop("participant"), body.pop("confirmed")
    with transaction() as connection:
        directory = services().directory(connection)
        participant = directory.participant(code)
        if participant is None:
            detail = f"There is no participant {code!r}."
            raise Problem(Code.MALFORMED, detail, [FieldError("/participant", detail)])
        payment = NewPayment(participant.id, **body)
        outcome = record_payment(connection, number, payment, current_caller().key_id, confirmed=confirmed)
    return _answered(outcome, directory)


@blueprint.route("/settlements/<period>/payments")
@guard(*FINANCE)
@blueprint.arguments(PaymentQuery, location="query")
@blueprint.response(200, PaymentListSchema)
def list_all(query: dict[str, Any], period: str) -> Response:
    """Payments of a period in the order in which they were recorded; a participant sees its own"""
    return answer({"data": payments_of(period, query["participant"]), "next_cursor": None})


@blueprint.route("/settlements/<period>/payments/<payment>/reversals", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.arguments(ReasonInput)
@blueprint.response(201, PaymentSchema)
@once(blueprint)
def take_back(body: dict[str, Any], period: str, payment: str) -> Response:
    """Take a payment back that was recorded by mistake: its opposite is put on record

    Afterwards its bank reference can be recorded anew.
    """
    number = number_of(period)
    (id_,) = ids.decode("pay", payment) or (0,)
    with transaction() as connection:
        directory = services().directory(connection)
        outcome = reverse_payment(connection, number, id_, body["reason"], current_caller().key_id)
    return _answered(outcome, directory)


@blueprint.route("/settlements/<period>/<participant>/carry-forward", methods=["POST"])
@guard(Scope.OPERATOR)
@blueprint.arguments(ReasonInput)
@blueprint.response(200, CarriedSchema)
@once(blueprint)
def carry(body: dict[str, Any], period: str, participant: str) -> Response:
    """Let what is left of a net enter the next settlement instead of being paid

    Whoever owes it: also what was paid too much. A second call finds nothing left and gives the first answer.
    """
    number, who = number_of(period), participant_id(participant)
    with transaction() as connection:
        outcome = carry_forward(connection, number, who, body["reason"], current_caller().key_id)
    if isinstance(outcome, Refusal):
        raise Problem(outcome.code.value, outcome.detail)
    return answer(_carried(outcome, period, participant), headers=_replayed(outcome.replayed))


@blueprint.route("/settlements/<period>/payments.xml")
@guard(*SEES_ALL)
@blueprint.arguments(PaymentFileQuery, location="query")
@blueprint.response(200, {"type": "string"}, content_type=pain.MEDIA_TYPE)
def payment_file(query: dict[str, Any], period: str) -> Response:
    """What the hub has still to pay out, as ISO 20022 pain.001.001.09 for its bank

    Of an approved period; payments out that are on record are taken off. The same payouts have the same
    message id each time, by which one debit of the bank for all of them is matched. If a bank account was
    changed since the approval, the file is refused (`accounts_changed`, with each change in `errors`) until
    that is confirmed.
    """
    return payment_file_of(period, query["execution_on"], query["accounts_confirmed"])


def payment_file_of(
    period: str, execution_on: date | None, confirmed: int | None, beside: Beside = nothing
) -> Response:
    """The payment file, kept in mind as given out. Raises Problem."""
    with services().engine.begin() as connection:
        payouts = payouts_of(connection, period)
        zone = services().directory(connection).rulebook.settings.time_zone
        refusal = not_confirmed(payouts, confirmed)
        if refusal is not None:
            errors = [_changed(one, zone) for one in payouts.changed]
            raise Problem(refusal.code.value, refusal.detail, errors)
        now = database_time(connection).astimezone(zone)
        on = execution_day(payouts, now.date(), execution_on)
        if isinstance(on, Refusal):
            raise Problem(on.code.value, on.detail, [FieldError("?execution_on", on.detail)])
        remember_file(connection, payouts, current_caller().key_id)
        beside(connection)
    headers = {"Content-Disposition": f'attachment; filename="{pain.filename(payouts)}"'}
    return Response(pain.pain_001(payouts, now, on), headers=headers, content_type=pain.MEDIA_TYPE)


def payouts_of(connection: Connection, period: str) -> Payouts:
    """What the hub has still to pay out. Raises Problem."""
    payouts = read_payouts(connection, number_of(period))
    if isinstance(payouts, Refusal):
        raise Problem(payouts.code.value, payouts.detail)
    return payouts


def _changed(one: Changed, zone: ZoneInfo) -> FieldError:
    return FieldError(
        "?accounts_confirmed",
        f"{one.code}: {account_text(one.before)} → {account_text(one.now)}, changed at"
        f" {present.time_text(one.now.made_at.astimezone(zone))} by {one.now.made_by}.",
    )


def payments_of(period: str, participant: str | None) -> list[dict[str, Any]]:
    """Payments on the nets of a period as JSON; a participant sees its own. Raises Problem."""
    number = number_of(period)
    with services().engine.connect() as connection:
        directory = services().directory(connection)
        wanted = own_participant(current_caller())
        rows = list(list_payments(connection, number, wanted))
        if participant is not None:
            named = directory.participant(participant)
            rows = [row for row in rows if named is not None and row.participant_id == named.id]
    return [payment_json(row, directory) for row in rows]


def payment_json(row: Row, directory: Directory) -> dict[str, Any]:
    zone = directory.rulebook.settings.time_zone

    def time(at: datetime) -> str:
        return present.time_text(at.astimezone(zone))

    return {
        "id": payment_id(row.id),
        "period": period_name(row.period),
        "participant": present.participant_code(directory, row.participant_id),
        "direction": row.direction,
        "amount": row.amount,
        "bank_reference": row.bank_reference,
        "paid_at": time(row.paid_at),
        "note": row.note,
        "reverses": None if row.reverses is None else payment_id(row.reverses),
        "recorded_at": time(row.recorded_at),
        "recorded_by": row.recorded_by if current_caller().scope in SEES_ALL else None,
    }


def _answered(outcome: Recorded | Refusal, directory: Directory) -> Response:
    if isinstance(outcome, Refusal):
        raise Problem(outcome.code.value, outcome.detail)
    body = payment_json(outcome.row, directory)
    return answer(body, 200 if outcome.replayed else 201, _replayed(outcome.replayed))


def _replayed(replayed: bool) -> Mapping[str, str] | None:
    return REPLAYED if replayed else None


def _carried(outcome: Carried, period: str, participant: str) -> dict[str, Any]:
    return {
        "participant": participant,
        "period": period,
        "amount": outcome.amount,
        "outstanding": outcome.balance.outstanding,
        "payment": outcome.balance.payment.value,
    }
