"""What is sent to reverse a transaction."""

from typing import Any

from marshmallow import Schema, validate, validates_schema

from api.fields import Instant, Remark, Text, TextMap
from api.schemas.common import fen, not_both, whole


class ReversalInput(Schema):
    points = whole("Points to reverse; default: all that is left", allow_none=True)
    amount = fen("Or: fen to reverse", allow_none=True)
    reason = Remark(required=True, most=200)
    occurred_at = Instant(allow_none=True)
    reference = Text(most=100, allow_none=True)
    metadata = TextMap(
        keys=Text(most=40), values=Remark(most=500), validate=validate.Length(max=20), allow_none=True
    )

    @validates_schema(skip_on_field_errors=True)
    def _quantity(self, data: dict[str, Any], **_: Any) -> None:
        not_both(data)


class ReversalRow(ReversalInput):
    """A row of the `reversals` import."""

    transaction = Text(required=True, most=100)
