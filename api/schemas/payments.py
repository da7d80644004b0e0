"""Payments on nets, bank accounts and bank files."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from api.fields import CodeText, Day, Instant, Remark, Text, Truth, Whole
from clearing.core.amounts import MAX_QUANTITY
from settlement.bank_details import ACCOUNT_NUMBER, CLEARING_CODE, account_faults, canonical
from settlement.bank_file import Listed
from settlement.core.balance import OVERPAYMENT_FACTOR, Payment, PaymentDirection


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
    confirmed = Truth(
        load_default=False,
        metadata={
            "description": "It is right though it goes the wrong way, or pays more than"
            f" {OVERPAYMENT_FACTOR} times the net"
        },
    )


class PaymentFileQuery(Schema):
    execution_on = Day(
        load_default=None,
        metadata={"description": "A bank day from today on; default: the first when the nets are due"},
    )
    accounts_confirmed = fields.Integer(
        load_default=None,
        validate=validate.Range(1, MAX_QUANTITY),
        metadata={
            "description": "The newest change of a bank account since the approval, which a refusal names:"
            " somebody has seen it and found it right"
        },
    )


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
    account_number = Text(
        most=34, load_default=None, allow_none=True, metadata={"pattern": f"^{ACCOUNT_NUMBER.pattern}$"}
    )
    bic = Text(most=11, load_default=None, allow_none=True)
    clearing_code = Text(
        most=35, load_default=None, allow_none=True, metadata={"pattern": f"^{CLEARING_CODE.pattern}$"}
    )
    bank_name = Text(most=140, load_default=None, allow_none=True)
    street = Text(most=70, load_default=None, allow_none=True)
    postal_code = Text(most=16, load_default=None, allow_none=True)
    town = Text(most=35, load_default=None, allow_none=True)
    country = Text(most=2, required=True, metadata={"example": "CN", "pattern": "^[A-Z]{2}$"})

    @validates_schema
    def _account(self, data: dict[str, Any], **_: Any) -> None:
        faults: dict[str, list[str]] = {}
        for fault in account_faults(data):
            faults.setdefault(fault.field, []).append(fault.detail)
        if faults:
            raise ValidationError(faults)

    @post_load
    def _canonical(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return canonical(data)


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
    row = fields.Integer(metadata={"description": "From 1 below the heading; 0 above it"})
    line = fields.Integer(metadata={"description": "From 1, of the file"})
    code = fields.String(metadata={"description": f"An error code, or one of: {', '.join(Listed)}"})
    detail = fields.String()
    bank_reference = fields.String()
    paid_on = fields.String()
    amount_yuan = fields.String()
    text = fields.String()


class BankFileSchema(Schema):
    rows = fields.Integer(metadata={"description": "Below the heading, without empty ones"})
    matched = fields.Integer(metadata={"description": "Rows put on record by this file"})
    replayed = fields.Integer(metadata={"description": "Rows that were on record before"})
    encoding = fields.String(
        metadata={"description": "How the file was read: UTF-8, UTF-16 or GB18030", "example": "GB18030"}
    )
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
