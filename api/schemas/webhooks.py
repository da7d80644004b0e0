"""Webhook endpoints and their deliveries."""

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.fields import Instant, Remark, Text, Truth
from api.schemas.common import PageQuery
from clearing.core.events import OF_ONE_ENDPOINT, EventType
from webhooks.addresses import URL_CHARACTERS_MAX

STATUSES = ("pending", "delivered", "failed", "dropped")
#: What may be subscribed to.
TYPES = [str(one) for one in EventType if one not in OF_ONE_ENDPOINT]


def _url(**kwargs: object) -> Text:
    description = "https, reached at a public address; redirects are not followed"
    return Text(
        most=URL_CHARACTERS_MAX,
        metadata={"description": description, "example": "https://pms.example/tongdui"},
        **kwargs,
    )


def _types() -> fields.List:
    return fields.List(
        fields.String(validate=validate.OneOf(TYPES)),
        validate=validate.Length(1, len(TYPES)),
        load_default=None,
        allow_none=True,
        metadata={"description": "What to be told of; null: everything, also what is added later"},
    )


class WebhookEndpointInput(Schema):
    url = _url(required=True)
    event_types = _types()
    description = Remark(load_default=None, allow_none=True)


class WebhookEndpointChange(Schema):
    """What is absent stays as it is."""

    url = _url()
    event_types = fields.List(
        fields.String(validate=validate.OneOf(TYPES)),
        validate=validate.Length(1, len(TYPES)),
        allow_none=True,
    )
    description = Remark(allow_none=True)
    enabled = Truth()


class WebhookEndpointSchema(Schema):
    id = fields.String(required=True, metadata={"example": "whe_03xk4s8m2c000"})
    url = fields.String(required=True)
    event_types = fields.List(fields.String(), required=True, allow_none=True)
    description = fields.String(required=True, allow_none=True)
    enabled = fields.Boolean(required=True)
    disabled_reason = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`owner`, `gone` (it answered 410) or `failing` (for three days)"},
    )
    disabled_at = fields.AwareDateTime(required=True, allow_none=True)
    failing_since = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "Since then no attempt has succeeded"}
    )
    old_secret_until = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "Until then the secret before the last rotation signs, too"},
    )
    made_at = fields.AwareDateTime(required=True)


class NewWebhookEndpointSchema(WebhookEndpointSchema):
    secret = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`whsec_…`, shown this once; null in an answer that is given again"},
    )


class DeliveryQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))


class WebhookAttemptSchema(Schema):
    number = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    duration_ms = fields.Integer(required=True)
    status_code = fields.Integer(
        required=True, allow_none=True, metadata={"description": "What the receiver answered"}
    )
    error = fields.String(required=True, allow_none=True, metadata={"description": "Why there was no answer"})


class WebhookDeliverySchema(Schema):
    id = fields.String(required=True, metadata={"example": "whd_03xk4s8m2c00003xk4s8m2c001"})
    endpoint = fields.String(required=True)
    event = fields.String(required=True, metadata={"description": "The header `webhook-id`, too"})
    type = fields.String(required=True, validate=validate.OneOf([str(one) for one in EventType]))
    made_at = fields.AwareDateTime(required=True, metadata={"description": "When the event was made"})
    status = fields.String(
        required=True,
        validate=validate.OneOf(STATUSES),
        metadata={"description": "`failed`: given up; `dropped`: the endpoint was disabled before"},
    )
    next_attempt_at = fields.AwareDateTime(required=True, allow_none=True)
    delivered_at = fields.AwareDateTime(required=True, allow_none=True)
    attempts = fields.List(fields.Nested(WebhookAttemptSchema), required=True)


class ReplayInput(Schema):
    since = Instant(required=True)
    until = Instant(load_default=None, metadata={"description": "Not included; absent: now"})
    delivered_too = Truth(
        load_default=False, metadata={"description": "Also events that the endpoint has received"}
    )

    @validates_schema
    def _in_order(self, data: dict[str, object], **_: object) -> None:
        since, until = data.get("since"), data.get("until")
        if since is not None and until is not None and not since < until:  # type: ignore[operator]
            raise ValidationError("Must be after since.", "until")


class ReplaySchema(Schema):
    deliveries = fields.Integer(required=True, metadata={"description": "How many are delivered (again)"})
