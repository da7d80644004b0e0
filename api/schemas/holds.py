"""What is sent and answered about holds."""

from typing import Any

from marshmallow import Schema, fields, validate, validates_schema

from api.fields import CardText, Text
from api.schemas.common import PageQuery, fen, not_both, whole
from clearing.core.holds import HoldStatus

STATUSES = [status.value for status in HoldStatus]


class CaptureInput(Schema):
    points = whole("Points to take; default: all that is held", allow_none=True)
    amount = fen("Or: fen to take", allow_none=True)

    @validates_schema(skip_on_field_errors=True)
    def _quantity(self, data: dict[str, Any], **_: Any) -> None:
        not_both(data)


class NothingInput(Schema):
    """No field."""


class HoldQuery(PageQuery):
    card = CardText(load_default=None)
    merchant = Text(load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))


class HoldSchema(Schema):
    id = fields.String()
    kind = fields.String()
    status = fields.String(validate=validate.OneOf(STATUSES))
    card = fields.String()
    merchant = fields.String()
    acceptor = fields.String()
    points = fields.Integer()
    amount = fields.Integer()
    currency = fields.String()
    captured = fields.Integer()
    placed_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime()
    reference = fields.String(allow_none=True)
    purpose = fields.String(allow_none=True)
    metadata = fields.Dict(keys=fields.String(), values=fields.String())
    transaction = fields.String()
