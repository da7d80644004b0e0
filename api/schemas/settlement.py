"""Periods, settlements and statements."""

from marshmallow import Schema, fields, validate

from api.fields import Text, Truth


class PeriodSchema(Schema):
    period = fields.String()
    starts_at = fields.AwareDateTime()
    ends_at = fields.AwareDateTime()
    state = fields.String()


class CloseInput(Schema):
    early = Truth(
        load_default=False,
        metadata={"description": "End the period in course at this instant"},
    )


class NetSchema(Schema):
    code = fields.String()
    receivable = fields.Integer()
    payable = fields.Integer()
    fees = fields.Integer()
    net = fields.Integer(metadata={"description": "Above zero when the hub pays the participant"})
    state = fields.String()


class HubSchema(Schema):
    fees = fields.Integer()
    net = fields.Integer()


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
    rule_version = fields.Integer()
    matrix = fields.List(fields.Nested(MatrixRowSchema))
    exchanges = fields.List(fields.Nested(ExchangeRowSchema))
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
    fees_net = fields.Integer()
    fees_vat = fields.Integer()
    vat_rate = fields.String()
    point_value = fields.String(metadata={"description": "Fen per point"})
    net = fields.Integer()
