"""What many shapes share."""

from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from api.fields import CardText, Text, Whole
from api.problems import MEANINGS


class ProblemFieldSchema(Schema):
    pointer = fields.String(required=True)
    detail = fields.String(required=True)


class ProblemSchema(Schema):
    """RFC 9457 problem details."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True, validate=validate.OneOf([str(code) for code in MEANINGS]))
    errors = fields.List(fields.Nested(ProblemFieldSchema), required=True)
    request_id = fields.String(required=True)


class PageQuery(Schema):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    cursor = Text(load_default=None)


#: Documentation of the header; `api.web.idempotency_key` reads it.
KEY_HEADER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    # No comma: it is what stands between the values of a header that is sent twice.
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-+.-~-]+$"},
    "description": "New for each act; the same key with the same body gives the first answer again",
}
#: The same where it may be left out.
KEY_WELCOME = KEY_HEADER | {"required": False}

CARD = {"description": "The card's number, 4 to 32 letters and digits", "example": "6200000000000001"}


def card_field() -> CardText:
    return CardText(most=64, required=True, metadata=CARD)


def merchant_field() -> Text:
    return Text(required=True, metadata={"description": "The merchant's code", "example": "LOTUS-HZ"})


@cache
def page_of(schema: type[Schema]) -> type[Schema]:
    """The schema of a list of these with the cursor of the next page."""
    name = schema.__name__.removesuffix("Schema") + "PageSchema"
    attributes: dict[str, Any] = {
        "data": fields.List(fields.Nested(schema), required=True),
        "next_cursor": fields.String(required=True, allow_none=True),
    }
    return type(name, (Schema,), attributes)


def not_both(data: dict[str, Any]) -> None:
    """A part of something is told in points or in fen."""
    if data.get("points") is not None and data.get("amount") is not None:
        raise ValidationError("Give points or amount, not both.", "points")


NOT_FEN = "Must be fen, a whole number without quotes or fraction: 1250 is 12.50 yuan."


def whole(description: str, **kwargs: Any) -> Whole:
    return Whole(metadata={"description": description}, **kwargs)


def fen(description: str, **kwargs: Any) -> Whole:
    """An amount. Who sends yuan is told so: 13 for 12.50 would be a good number, and 13 fen."""
    return whole(description, error_messages={"invalid": NOT_FEN}, **kwargs)
