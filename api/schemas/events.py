"""What participants are told."""

from marshmallow import Schema, fields, validate

from api.fields import Text
from api.schemas.common import PageQuery
from clearing.core.events import EventType


class EventQuery(PageQuery):
    type = fields.String(load_default=None, validate=validate.OneOf([str(one) for one in EventType]))
    after = Text(
        load_default=None,
        metadata={"description": "Oldest first, from this place on: `0`, or the last answer's next_cursor"},
    )


class EventSchema(Schema):
    id = fields.String()
    type = fields.String(validate=validate.OneOf([str(one) for one in EventType]))
    participant = fields.String(metadata={"description": "Whom it concerns; HUB for the hub itself"})
    made_at = fields.AwareDateTime()
    data = fields.Dict(keys=fields.String())
