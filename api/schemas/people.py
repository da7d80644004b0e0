"""What is sent and answered about members and their cards, beside enrolment."""

from marshmallow import Schema, fields, validate

from api.fields import CardText, CodeText, Day, Phone, Remark, Text
from api.schemas.common import PageQuery
from api.schemas.holds import HoldSchema
from api.schemas.ledger import (
    LotSchema,
    MemberSchema,
    TransactionSchema,
    WalletPointsSchema,
    WalletValueSchema,
)
from clearing.core.snapshot import CardStatus


class CardChange(Schema):
    status = fields.String(
        validate=validate.OneOf([CardStatus.ACTIVE.value, CardStatus.BLOCKED.value]),
        metadata={"description": "A card that was replaced stays blocked"},
    )
    expires_on = Day(allow_none=True, metadata={"description": "The last good day; null: good without end"})


class ReplacementInput(Schema):
    number = CardText(most=32, allow_none=True, metadata={"description": "Default: a new random number"})


class IssuedCardSchema(Schema):
    number = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf([status.value for status in CardStatus]))
    issuer = fields.String(required=True)
    expires_on = fields.Date(required=True, allow_none=True)
    replaced_by = fields.String(
        required=True, allow_none=True, metadata={"description": "The card to use in its place"}
    )
    replaces = fields.String(
        required=True, allow_none=True, metadata={"description": "The card in whose place it was issued"}
    )


class PersonSchema(MemberSchema):
    erased_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "When name and phone were erased"}
    )


class MemberQuery(PageQuery):
    """A name is encrypted and is not searched; a phone is found as a whole, by its hash."""

    participant = CodeText(load_default=None, metadata={"description": "For who sees all: whose members"})
    phone = Phone(load_default=None, metadata={"description": "The whole phone; own members only"})
    card = Text(load_default=None, metadata={"description": "Any card of the member"})
    tier = Text(most=50, load_default=None)


class MemberChange(Schema):
    """What is absent stays as it is; null takes it away."""

    name = Text(most=100, allow_none=True)
    phone = Phone(allow_none=True)
    tier = Text(most=50, allow_none=True)


class ErasureInput(Schema):
    reason = Remark(
        most=500, required=True, metadata={"description": "For the log; no personal data, as it stays there"}
    )


class ExportedCardSchema(IssuedCardSchema):
    issued_at = fields.AwareDateTime(required=True)


class ArrearsSchema(Schema):
    issuer = fields.String(required=True)
    points = fields.Integer(required=True)


class PersonExportSchema(Schema):
    exported_at = fields.AwareDateTime(required=True)
    member = fields.Nested(PersonSchema, required=True)
    wallet = fields.String(required=True)
    cards = fields.List(fields.Nested(ExportedCardSchema), required=True)
    points = fields.Nested(WalletPointsSchema, required=True)
    stored_value = fields.Nested(WalletValueSchema, required=True)
    currency = fields.String(required=True)
    lots = fields.List(fields.Nested(LotSchema), required=True)
    arrears = fields.List(fields.Nested(ArrearsSchema), required=True)
    holds = fields.List(fields.Nested(HoldSchema), required=True)
    transactions = fields.List(fields.Nested(TransactionSchema), required=True)
