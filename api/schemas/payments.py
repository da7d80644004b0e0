"""Payments on nets, bank accounts and bank files."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from stdnum import bic, iban
from stdnum.exceptions import ValidationError as NotValid

from api.fields import CodeText, Day, Instant, Matches, Remark, Text, Whole
from clearing.core.amounts import MAX_QUANTITY
from settlement.core.balance import Payment, PaymentDirection

CLEARING_CODE = r"[A-Z0-9]{1,35}"
ACCOUNT_NUMBER = r"[A-Za-z0-9-]{1,34}"
COUNTRY = r"[A-Z]{2}"


class PaymentInput(Schema):
    participant = CodeText(required=True)
    direction = fields.Enum(
        PaymentDirection,
        by_value=True,
        required=True,
        metadata={"description": "`in`: the participant paid the hub; `out`: the hub paid the participant"},
    )
    amount = Whole(required=True, validate=validate.Range(1, MAX_QUANTITY), metadata={"description": "Fen"})
    bank_reference = Text(
        most=140, required=True, metadata={"description": "The bank's number of the transfer; used once"}
    )
    paid_at = Instant(load_default=None, allow_none=True, metadata={"description": "Default: now"})
    note = Remark(load_default=None, allow_none=True)


class PaymentSchema(Schema):
    """A wrong one is taken back whole by its opposite, which names it in `reverses`."""

    id = fields.String()
    period = fields.String()
    participant = fields.String()
    direction = fields.Enum(PaymentDirection, by_value=True)
    amount = fields.Integer()
    bank_reference = fields.String(allow_none=True)
    paid_at = fields.AwareDateTime()
    note = fields.String(allow_none=True)
    reverses = fields.String(allow_none=True)
    recorded_at = fields.AwareDateTime()
    recorded_by = fields.String(allow_none=True, metadata={"description": "Shown to the hub and auditors"})


class PaymentQuery(Schema):
    participant = Text(load_default=None)


class PaymentListSchema(Schema):
    data = fields.List(fields.Nested(PaymentSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class ReasonInput(Schema):
    reason = Remark(required=True)


class CarriedSchema(Schema):
    participant = fields.String()
    period = fields.String()
    amount = fields.Integer(metadata={"description": "What enters the next settlement, signed as the net"})
    outstanding = fields.Integer()
    payment = fields.String(validate=validate.OneOf(list(Payment)))


class BankAccountInput(Schema):
    """`iban` or `account_number`; `bic`, `clearing_code` (in China the CNAPS code) or both."""

    holder = Text(most=140, required=True, metadata={"description": "Whose account it is"})
    iban = Text(most=42, load_default=None, allow_none=True)
    account_number = fields.String(load_default=None, allow_none=True, validate=Matches(ACCOUNT_NUMBER))
    bic = Text(most=11, load_default=None, allow_none=True)
    clearing_code = fields.String(load_default=None, allow_none=True, validate=Matches(CLEARING_CODE))
    bank_name = Text(most=140, load_default=None, allow_none=True)
    street = Text(most=70, load_default=None, allow_none=True)
    postal_code = Text(most=16, load_default=None, allow_none=True)
    town = Text(most=35, load_default=None, allow_none=True)
    country = fields.String(required=True, validate=Matches(COUNTRY), metadata={"example": "CN"})

    @validates_schema
    def _account(self, data: dict[str, Any], **_: Any) -> None:
        if (data["iban"] is None) == (data["account_number"] is None):
            raise ValidationError("Give iban or account_number, and not both.", "iban")
        if data["bic"] is None and data["clearing_code"] is None:
            raise ValidationError("Give bic or clearing_code.", "bic")
        for name, kind in (("iban", iban), ("bic", bic)):
            if data[name] is not None:
                try:
                    data[name] = kind.validate(data[name])
                except NotValid as error:
                    raise ValidationError(f"Is not a good {name.upper()}: {error}.", name) from error


class BankAccountSchema(Schema):
    participant = fields.String(metadata={"description": "HUB for the hub's own"})
    holder = fields.String()
    iban = fields.String(allow_none=True)
    account_number = fields.String(allow_none=True)
    bic = fields.String(allow_none=True)
    clearing_code = fields.String(allow_none=True)
    bank_name = fields.String(allow_none=True)
    street = fields.String(allow_none=True)
    postal_code = fields.String(allow_none=True)
    town = fields.String(allow_none=True)
    country = fields.String()
    made_at = fields.AwareDateTime()
    made_by = fields.String(allow_none=True, metadata={"description": "Shown to the hub and auditors"})


class UnmatchedSchema(Schema):
    row = fields.Integer()
    code = fields.String(
        metadata={"description": "malformed, no_reference, several_references or an error code"}
    )
    detail = fields.String()
    bank_reference = fields.String()
    paid_on = fields.String()
    amount_yuan = fields.String()
    text = fields.String()


class BankFileSchema(Schema):
    rows = fields.Integer()
    matched = fields.Integer(metadata={"description": "Put on record by this file"})
    replayed = fields.Integer(metadata={"description": "On record before"})
    payments = fields.List(fields.Nested(PaymentSchema))
    unmatched = fields.List(fields.Nested(UnmatchedSchema))


class AgeingQuery(Schema):
    on = Day(load_default=None, metadata={"description": "Default: today in the alliance's time zone"})


class AgeingSchema(Schema):
    current = fields.Integer()
    days_1_30 = fields.Integer()
    days_31_60 = fields.Integer()
    days_61_90 = fields.Integer()
    over_90 = fields.Integer()
    total = fields.Integer()


class AgedDebtSchema(AgeingSchema):
    participant = fields.String()
    direction = fields.Enum(
        PaymentDirection,
        by_value=True,
        metadata={"description": "`in`: owed to the hub; `out`: owed by it"},
    )


class OpenNetSchema(Schema):
    period = fields.String()
    participant = fields.String()
    due_on = fields.Date()
    days_overdue = fields.Integer()
    outstanding = fields.Integer(metadata={"description": "Signed as nets"})


class AgeingReportSchema(Schema):
    """Fen. What is left of the nets of closed periods, by days since they were due."""

    on = fields.Date()
    participants = fields.List(fields.Nested(AgedDebtSchema))
    totals = fields.Dict(keys=fields.String(), values=fields.Nested(AgeingSchema))
    nets = fields.List(fields.Nested(OpenNetSchema))


class ChangedNetSchema(Schema):
    code = fields.String()
    net = fields.Integer()
    without = fields.Integer()
    difference = fields.Integer(metadata={"description": "without − net"})


class WithoutSchema(Schema):
    period = fields.String()
    state = fields.String()
    left_out = fields.String()
    net = fields.Integer(metadata={"description": "The net of the one left out, which nobody would pay"})
    participants = fields.List(fields.Nested(ChangedNetSchema))
    hub = fields.Nested(ChangedNetSchema)
