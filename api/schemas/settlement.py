"""Periods, settlements and statements."""

from marshmallow import Schema, fields, validate

from api.fields import Text, Truth
from settlement.core.balance import Payment


class PeriodSchema(Schema):
    period = fields.String()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    state = fields.String()
    time_zone = fields.String(
        metadata={
            "description": "In which it is shown: a closed period's own, whatever the alliance's is now",
            "example": "Asia/Shanghai",
        }
    )


class CloseInput(Schema):
    early = Truth(
        load_default=False,
        metadata={"description": "End the period in course at this instant"},
    )


class DisputedSchema(Schema):
    """Disputes of the period's lines that wait for somebody; nets are not held up by them."""

    count = fields.Integer()
    amount = fields.Integer(metadata={"description": "Fen of obligations in dispute"})
    fees = fields.Integer(metadata={"description": "Fen of the participant's own fees in dispute"})


class NetSchema(Schema):
    """Fen. net = receivable − payable − fees + adjustments + rebates + carried_forward."""

    code = fields.String()
    receivable = fields.Integer()
    payable = fields.Integer()
    fees = fields.Integer()
    adjustments = fields.Integer(metadata={"description": "Made by hand between participants, signed"})
    rebates = fields.Integer(metadata={"description": "Given back by the tiers of fee rules"})
    carried_forward = fields.Integer(metadata={"description": "Left of earlier nets, signed"})
    net = fields.Integer(metadata={"description": "Above zero when the hub pays the participant"})
    state = fields.String(metadata={"description": "The period's; `settled` once nothing of it is left"})
    payment = fields.String(validate=validate.OneOf(list(Payment)))
    paid = fields.Integer(metadata={"description": "Paid on it so far, in less out"})
    carried_to_next = fields.Integer(metadata={"description": "Taken over into a later settlement"})
    outstanding = fields.Integer(metadata={"description": "Still to be paid, signed as the net"})
    payment_reference = fields.String(metadata={"description": "ISO 11649; to be quoted by who pays"})
    disputed = fields.Nested(DisputedSchema)


class HubSchema(Schema):
    fees = fields.Integer()
    rebates = fields.Integer()
    carried_forward = fields.Integer()
    net = fields.Integer(metadata={"description": "fees − rebates + carried_forward"})


class RebateSchema(Schema):
    """What the tiers of one fee rule give back to one payer."""

    participant = fields.String()
    rule = fields.Integer()
    kind = fields.String()
    role = fields.String(metadata={"description": "acceptor or issuer of the exchanges"})
    volume = fields.Integer()
    fees = fields.Integer()
    rebate = fields.Integer()
    of_period = fields.String(
        metadata={
            "description": "If it is another month's: what was reclaimed as some of it was given back since",
            "example": "2026-11",
        }
    )


class MatrixRowSchema(Schema):
    debtor = fields.String()
    creditor = fields.String()
    kind = fields.String()
    count = fields.Integer()
    points = fields.Integer()
    amount = fields.Integer()
    fees = fields.Integer()


class ExchangeRowSchema(Schema):
    issuer = fields.String()
    acceptor = fields.String()
    kind = fields.String()
    count = fields.Integer()
    points = fields.Integer()
    amount = fields.Integer()
    obligation = fields.Integer()
    acceptor_fee = fields.Integer()
    issuer_fee = fields.Integer()


class ChecksSchema(Schema):
    zero_sum = fields.Boolean()
    recomputed = fields.Boolean(
        allow_none=True, metadata={"description": "null until the journal has been added up again"}
    )


class SettlementHeadSchema(PeriodSchema):
    closed_at = fields.AwareDateTime(allow_none=True)
    closed_by = fields.String(allow_none=True)
    early = fields.Boolean()
    due_on = fields.Date(allow_none=True)
    approved_at = fields.AwareDateTime(allow_none=True)
    approved_by = fields.String(allow_none=True)
    settled_at = fields.AwareDateTime(allow_none=True)
    rule_version = fields.Integer()
    matrix = fields.List(fields.Nested(MatrixRowSchema))
    exchanges = fields.List(fields.Nested(ExchangeRowSchema))
    rebates = fields.List(fields.Nested(RebateSchema))
    checks = fields.Nested(ChecksSchema)


class SettlementSchema(SettlementHeadSchema):
    participants = fields.List(fields.Nested(NetSchema))
    hub = fields.Nested(HubSchema)
    netting_ratio = fields.String()


class ParticipantSettlementSchema(SettlementHeadSchema):
    participant = fields.Nested(NetSchema)


class StatementQuery(Schema):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    cursor = Text(load_default=None)
    period = Text(load_default=None, metadata={"example": "2026-11"})
    participant = Text(load_default=None)


class StatementSchema(Schema):
    """Names and addresses are those at closing."""

    id = fields.String()
    number = fields.String()
    period = fields.String()
    participant = fields.String()
    name = fields.String()
    registered_name = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    tax_number = fields.String(allow_none=True)
    hub_name = fields.String(allow_none=True)
    hub_address = fields.String(allow_none=True)
    hub_tax_number = fields.String(allow_none=True)
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    issued_at = fields.AwareDateTime()
    currency = fields.String()
    rule_version = fields.Integer()
    receivable = fields.Integer()
    payable = fields.Integer()
    fees = fields.Integer()
    rebates = fields.Integer()
    fees_less_rebates = fields.Integer(metadata={"description": "fees_net + fees_vat"})
    fees_net = fields.Integer()
    fees_vat = fields.Integer()
    vat_rate = fields.String()
    point_value = fields.String(metadata={"description": "Fen per point"})
    adjustments = fields.Integer()
    carried_forward = fields.Integer()
    net = fields.Integer()
    due_on = fields.Date()
    payment_reference = fields.String()
    opening_balance = fields.Integer(metadata={"description": "Open after the statement before"})
    payments = fields.Integer(metadata={"description": "Since the statement before, in less out"})
    closing_balance = fields.Integer(
        metadata={"description": "opening_balance + payments + net − carried_forward"}
    )
    dispute_until = fields.Date(metadata={"description": "A dispute that is opened later is flagged as late"})


class PreparingSchema(Schema):
    status = fields.String(metadata={"enum": ["preparing"]})
    lines = fields.Integer(metadata={"description": "How many lines the statement will have"})


class EndingPointsSchema(Schema):
    month = fields.String(allow_none=True, metadata={"description": "null: never", "example": "2027-12"})
    points = fields.Integer()
    value = fields.Integer(metadata={"description": "Fen at the point value"})


class EndingValueSchema(Schema):
    month = fields.String(allow_none=True, metadata={"description": "null: never"})
    amount = fields.Integer(metadata={"description": "Fen"})


class BreakageSchema(Schema):
    expired_value = fields.Integer(
        metadata={"description": "Fen that the period's expired points were worth"}
    )
    given_to_date = fields.Integer()
    expired_to_date = fields.Integer()
    rate_to_date = fields.String(metadata={"example": "0.0125"})


class PointsLiabilitySchema(Schema):
    """closing = opening + issued + opened - redeemed - expired + adjusted + arrears, in points."""

    opening = fields.Integer()
    issued = fields.Integer()
    opened = fields.Integer(metadata={"description": "Brought in from before the alliance"})
    redeemed_own = fields.Integer()
    redeemed_elsewhere = fields.Integer()
    expired = fields.Integer()
    adjusted = fields.Integer()
    arrears = fields.Integer(
        metadata={"description": "Points taken back that had been spent, less those that paid for such"}
    )
    closing = fields.Integer()
    closing_value = fields.Integer(metadata={"description": "Fen at the point value"})
    outstanding = fields.List(fields.Nested(EndingPointsSchema))
    breakage = fields.Nested(BreakageSchema)


class ValueLiabilitySchema(Schema):
    """closing = opening + loaded + opened - spent - expired, in fen."""

    opening = fields.Integer()
    loaded = fields.Integer()
    opened = fields.Integer()
    spent_own = fields.Integer()
    spent_elsewhere = fields.Integer()
    expired = fields.Integer()
    closing = fields.Integer()
    outstanding = fields.List(fields.Nested(EndingValueSchema))


class IssuerLiabilitySchema(Schema):
    issuer = fields.String()
    points = fields.Nested(PointsLiabilitySchema)
    stored_value = fields.Nested(ValueLiabilitySchema)


class LiabilitiesSchema(Schema):
    period = fields.String()
    issuers = fields.List(fields.Nested(IssuerLiabilitySchema))
