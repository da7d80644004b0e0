"""What participants are told."""

from marshmallow import Schema, fields, validate

from api.schemas.common import PageQuery
from clearing.core.events import EventType


class EventQuery(PageQuery):
    type = fields.String(load_default=None, validate=validate.OneOf([str(one) for one in EventType]))


class EventSchema(Schema):
    id = fields.String()
    type = fields.String(validate=validate.OneOf([str(one) for one in EventType]))
    participant = fields.String()
    made_at = fields.AwareDateTime()
    data = fields.Dict(keys=fields.String())
