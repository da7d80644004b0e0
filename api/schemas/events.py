"""What participants are told."""

from marshmallow import Schema, fields, validate

from api.fields import Text
from clearing.core.events import EventType


class EventQuery(Schema):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    cursor = Text(load_default=None)
    type = fields.String(load_default=None, validate=validate.OneOf([str(one) for one in EventType]))


class EventSchema(Schema):
    id = fields.String()
    type = fields.String(validate=validate.OneOf([str(one) for one in EventType]))
    participant = fields.String()
    made_at = fields.AwareDateTime()
    data = fields.Dict(keys=fields.String())
