"""The jobs that run by the clock."""

from marshmallow import Schema, fields


class JobRunSchema(Schema):
    at = fields.AwareDateTime(metadata={"description": "For which instant it did what was due"})
    started_at = fields.AwareDateTime()
    ended_at = fields.AwareDateTime(allow_none=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    error = fields.String(allow_none=True)
    ran_by = fields.String(metadata={"description": "host:pid of the process, or who ran it by hand"})


class JobSchema(Schema):
    name = fields.String()
    description = fields.String()
    when = fields.String(metadata={"description": "In the alliance's time zone"})
    next_run = fields.AwareDateTime(metadata={"description": "Now where a run was missed"})
    last_run = fields.Nested(JobRunSchema, allow_none=True)


class JobListSchema(Schema):
    data = fields.List(fields.Nested(JobSchema), required=True)
    scheduled = fields.Boolean(required=True)
    next_cursor = fields.String(required=True, allow_none=True)
