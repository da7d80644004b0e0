"""What is sent and answered about disputes."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.fields import CodeText, Remark, Text
from api.schemas.common import PageQuery, fen, not_both, page_of, whole
from clearing.core.amounts import MAX_QUANTITY
from settlement.core.disputes import Act, DisputeReason, DisputeStatus
from settlement.disputes.acceptance import Instrument

REASONS = [str(one) for one in DisputeReason]
STATUSES = [str(one) for one in DisputeStatus]
#: What an accepted dispute may be corrected by; `none` is only ever found.
ASKED = [str(one) for one in Instrument if one is not Instrument.NONE]
TEXT_MOST = 2_000

_OF_LINE = ("transaction", "issuer")


class DisputeInput(Schema):
    """The line of one's own statement by `line`, or by `transaction` and `issuer`; all of it, or so many
    `points` of a redemption, or fen (`amount`). With `wrong_fee`, `amount` is fen of the fee.
    """

    statement = Text(required=True, most=64, metadata={"example": "stm_00000000c5k2y"})
    line = whole("Number of the line in the detail", validate=validate.Range(1, 2**31 - 1))
    transaction = Text(most=64)
    issuer = CodeText()
    reason = fields.String(required=True, validate=validate.OneOf(REASONS))
    text = Remark(
        required=True, most=TEXT_MOST, metadata={"description": "What is wrong, for the other side"}
    )
    points = whole("Points that should not be there", validate=validate.Range(1, MAX_QUANTITY))
    amount = fen("Fen that should not be there", validate=validate.Range(1, MAX_QUANTITY))

    @validates_schema(skip_on_field_errors=True)
    def _one_line(self, data: dict[str, Any], **_: Any) -> None:
        not_both(data)
        if "line" in data:
            for field in _OF_LINE:
                if field in data:
                    raise ValidationError("Give the line, or transaction and issuer.", field)
            return
        for field in _OF_LINE:
            if field not in data:
                raise ValidationError("Give the line, or transaction and issuer.", field)


class DisputeQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    period = Text(load_default=None, metadata={"description": "Of the disputed line", "example": "2026-11"})
    participant = Text(load_default=None, metadata={"description": "Either of the two parties"})
    waits_for = Text(load_default=None, metadata={"description": "Whose turn it is: a code, or HUB"})


class AnswerInput(Schema):
    text = Remark(required=True, most=TEXT_MOST)
    proposes = fields.String(validate=validate.OneOf([str(Act.ACCEPT), str(Act.REJECT)]))


class AcceptInput(Schema):
    """`reversal` undoes the transaction, and the member has the points or the value again: only by the
    acceptor's own key of scope participant or the operator's, and where the transaction has one leg.
    """

    by = fields.String(load_default=Instrument.MONEY, validate=validate.OneOf(ASKED))
    text = Remark(most=TEXT_MOST)


class RejectInput(Schema):
    text = Remark(required=True, most=TEXT_MOST, metadata={"description": "Why it is rejected"})


class WithdrawInput(Schema):
    text = Remark(most=TEXT_MOST)


class DisputeCorrectionSchema(Schema):
    """What was taken back, in fen with the signs of the line; `transactions` are those that did it.

    `none`: all of it had been reversed or corrected before.
    """

    by = fields.String(validate=validate.OneOf([str(one) for one in Instrument]))
    obligation = fields.Integer()
    fee = fields.Integer(metadata={"description": "The viewer's own; of both sides for the hub"})
    transactions = fields.List(fields.String())


class DisputeSchema(Schema):
    """`statement` and `line` are the viewer's own. `obligation` and `fee` (the viewer's own; for the hub of
    both sides) are what is at stake. `member` is the viewer's own token, as on its statements.
    """

    id = fields.String()
    status = fields.String(validate=validate.OneOf(STATUSES))
    waits_for = fields.String(allow_none=True)
    due_on = fields.Date(
        allow_none=True,
        metadata={"description": "The counterparty's last day to answer; then the operator may"},
    )
    participant = fields.String(metadata={"description": "Who opened it"})
    counterparty = fields.String(metadata={"description": "Who is to answer it; HUB where it is about a fee"})
    reason = fields.String(validate=validate.OneOf(REASONS))
    late = fields.Boolean(metadata={"description": "Opened after the statement's `dispute_until`"})
    period = fields.String()
    statement = fields.String()
    line = fields.Integer()
    transaction = fields.String()
    transaction_kind = fields.String()
    kind = fields.String()
    issuer = fields.String()
    acceptor = fields.String()
    merchant = fields.String(allow_none=True)
    reference = fields.String(allow_none=True)
    occurred_at = fields.AwareDateTime()
    member = fields.String(allow_none=True)
    points = fields.Integer(allow_none=True)
    amount = fields.Integer(allow_none=True)
    obligation = fields.Integer()
    fee = fields.Integer()
    opened_at = fields.AwareDateTime()
    ended_at = fields.AwareDateTime(allow_none=True)
    ended_by = fields.String(allow_none=True)
    correction = fields.Nested(DisputeCorrectionSchema, allow_none=True)


class DisputeMessageSchema(Schema):
    at = fields.AwareDateTime()
    by = fields.String()
    act = fields.String(validate=validate.OneOf(["open", *map(str, Act)]))
    text = fields.String(allow_none=True)
    proposes = fields.String(allow_none=True)


class DisputeThreadSchema(DisputeSchema):
    """A dispute with its thread, the earliest message first."""

    messages = fields.List(fields.Nested(DisputeMessageSchema))


DisputePageSchema = page_of(DisputeSchema)
