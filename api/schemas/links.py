"""What is sent and answered about links."""

from marshmallow import Schema, fields, validate

from api.schemas.common import PageQuery, card_field
from clearing.linking import LinkStatus

STATUSES = [status.value for status in LinkStatus]


class LinkInput(Schema):
    """`card`: the other participant's."""

    card = card_field()


class LinkRow(Schema):
    """A row of the import `links`."""

    card = card_field()
    other_card = card_field()


class LinkQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))


class LinkedCardSchema(Schema):
    number = fields.String(metadata={"description": "Masked, unless it is the caller's own"})
    issuer = fields.String()


class ConsentSchema(Schema):
    participant = fields.String()
    agreed = fields.Boolean()


class LinkSchema(Schema):
    id = fields.String()
    status = fields.String(validate=validate.OneOf(STATUSES))
    cards = fields.List(fields.Nested(LinkedCardSchema))
    wallet = fields.String(
        allow_none=True, metadata={"description": "The one they share, if one of the cards is the caller's"}
    )
    consents = fields.List(fields.Nested(ConsentSchema))
    proposed_at = fields.AwareDateTime()
    changed_at = fields.AwareDateTime()


class UnlinkedSchema(Schema):
    card = fields.String()
    wallet = fields.String()
