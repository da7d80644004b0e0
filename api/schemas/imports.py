"""Imports."""

from marshmallow import Schema, fields, validate

from api.imports.kinds import KINDS


class ImportQuery(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(list(KINDS)))
    historical = fields.Boolean(
        load_default=False,
        metadata={"description": "Book each row at the time it occurred; operators only, rows in time order"},
    )


class ImportIdSchema(Schema):
    id = fields.String()


class ImportSchema(Schema):
    id = fields.String()
    kind = fields.String()
    historical = fields.Boolean()
    status = fields.String(validate=validate.OneOf(["running", "done", "failed"]))
    rows = fields.Integer()
    accepted = fields.Integer()
    replayed = fields.Integer()
    refused = fields.Integer()
    residue = fields.String(
        metadata={"description": "Points lost by rounding down where balances were converted"}
    )
    encoding = fields.String(
        allow_none=True,
        metadata={"description": "How the file is read: UTF-8, UTF-16 or GB18030; null until that is known"},
    )
    error = fields.String(allow_none=True)
    bytes_read = fields.Integer()
    bytes_total = fields.Integer()
    started_at = fields.AwareDateTime()
    ended_at = fields.AwareDateTime(allow_none=True)
