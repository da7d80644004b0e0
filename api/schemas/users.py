"""Users and the audit log: their shapes in the API."""

from marshmallow import Schema, ValidationError, fields, validate

from api.fields import Instant, Text
from api.schemas.common import PageQuery
from clearing.core.commands import Scope
from users.accounts import NAME, require_name

FULL_NAME_CHARACTERS_MAX = 100


def _can_be_had(name: str) -> None:
    try:
        require_name(name)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class UserInput(Schema):
    """`participant` and `merchant` as for an API key of this scope."""

    name = Text(
        required=True,
        validate=_can_be_had,
        metadata={
            "pattern": f"^(?:{NAME.pattern})$",
            "example": "li.na",
            "description": "What the person logs in with; nobody else's ever again",
        },
    )
    full_name = Text(required=True, validate=validate.Length(1, FULL_NAME_CHARACTERS_MAX))
    scope = fields.Enum(Scope, by_value=True, required=True)
    participant = Text(load_default=None, allow_none=True)
    merchant = Text(load_default=None, allow_none=True)


class UserChange(Schema):
    full_name = Text(validate=validate.Length(1, FULL_NAME_CHARACTERS_MAX))
    disabled = fields.Boolean(metadata={"description": "Who is disabled cannot log in; all sessions end"})


class UserSchema(Schema):
    name = Text(required=True)
    full_name = Text(required=True)
    scope = fields.Enum(Scope, by_value=True, required=True)
    participant = Text(required=True, allow_none=True)
    merchant = Text(required=True, allow_none=True)
    second_factor = fields.Boolean(required=True)
    temporary_password = fields.Boolean(
        required=True, metadata={"description": "It must be changed at the next log-in"}
    )
    disabled = fields.Boolean(required=True)
    made_at = fields.DateTime(required=True)
    made_by = Text(required=True)
    last_seen_at = fields.DateTime(required=True, allow_none=True)


class UserWithPasswordSchema(UserSchema):
    """`password` is temporary and in this answer only; it is good for three days, to be changed. It
    is null in an answer that is given again.
    """

    password = Text(required=True, allow_none=True)


class EndedSchema(Schema):
    ended = fields.Integer(required=True, metadata={"description": "How many sessions there were"})


class AuditQuery(PageQuery):
    who = Text(load_default=None, metadata={"example": "user:li.na"})
    what = Text(
        load_default=None,
        metadata={"example": "login.", "description": "A word, or with a dot at its end all of its kind"},
    )
    about = Text(load_default=None, metadata={"example": "user:li.na"})
    since = Instant(load_default=None)
    until = Instant(load_default=None)


class ActSchema(Schema):
    id = Text(required=True)
    at = fields.DateTime(required=True)
    who = Text(
        required=True,
        allow_none=True,
        metadata={"description": "`user:NAME`, `key:ID`, `cli`; null is a stranger"},
    )
    what = Text(required=True, metadata={"example": "login.failed"})
    about = Text(required=True, allow_none=True)
    address = Text(required=True, allow_none=True)
    data = fields.Dict(required=True)
