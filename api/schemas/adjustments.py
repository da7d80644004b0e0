"""What is sent and answered about adjustments."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.fields import CardText, CodeText, Day, Remark
from api.schemas.common import PageQuery, fen, whole
from clearing.adjustments import AdjustmentKind, AdjustmentStatus
from clearing.core.amounts import MAX_QUANTITY

KINDS = [kind.value for kind in AdjustmentKind]
STATUSES = [status.value for status in AdjustmentStatus]
_NEEDED = {"points": ("card", "issuer", "points"), "money": ("debtor", "creditor", "amount")}


class AdjustmentInput(Schema):
    """`points`: card, issuer, points (below zero takes them away), perhaps expires_on. `money`: debtor,
    creditor, amount; one of the two may be `HUB`, for a fee or one given back.
    """

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    reason = Remark(required=True, most=200)
    card = CardText(most=64)
    issuer = CodeText()
    points = whole(
        "Points to give, or below zero to take", validate=validate.Range(-MAX_QUANTITY, MAX_QUANTITY)
    )
    expires_on = Day()
    debtor = CodeText()
    creditor = CodeText()
    amount = fen("Fen that the debtor is to owe the creditor", validate=validate.Range(1, MAX_QUANTITY))

    @validates_schema(skip_on_field_errors=True)
    def _complete(self, data: dict[str, Any], **_: Any) -> None:
        needed = _NEEDED[data["kind"]]
        for field in needed:
            if field not in data:
                raise ValidationError(f"An adjustment of {data['kind']} needs this.", field)
        allowed = {"kind", "reason", "expires_on", *needed} - (
            {"expires_on"} if "debtor" in needed else set()
        )
        for field in sorted(data.keys() - allowed):
            raise ValidationError(f"An adjustment of {data['kind']} does not have this.", field)
        if data.get("points") == 0:
            raise ValidationError("Must not be zero.", "points")
        if data.get("debtor") is not None and data["debtor"] == data["creditor"]:
            raise ValidationError("Must be somebody else than the debtor.", "creditor")


class AdjustmentQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))


class AdjustmentSchema(Schema):
    """`transaction` once it is approved and booked; `refusal` if the ledger refused it."""

    id = fields.String()
    kind = fields.String(validate=validate.OneOf(KINDS))
    status = fields.String(validate=validate.OneOf(STATUSES))
    reason = fields.String()
    card = fields.String(allow_none=True)
    issuer = fields.String(allow_none=True)
    points = fields.Integer(allow_none=True)
    expires_on = fields.Date(allow_none=True)
    debtor = fields.String(allow_none=True)
    creditor = fields.String(allow_none=True)
    amount = fields.Integer(allow_none=True)
    proposed_by = fields.String()
    proposed_at = fields.AwareDateTime()
    decided_by = fields.String(allow_none=True)
    decided_at = fields.AwareDateTime(allow_none=True)
    transaction = fields.String(allow_none=True)
    refusal = fields.String(allow_none=True)
