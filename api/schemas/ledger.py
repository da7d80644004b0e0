"""Members, cards, what is posted at a merchant, and what comes back."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.fields import CardText, CodeText, Day, Instant, Phone, Remark, Text, TextMap, Truth
from api.schemas.common import PageQuery, card_field, fen, merchant_field, whole


class ActInput(Schema):
    """What every act at a merchant carries."""

    card = card_field()
    merchant = merchant_field()
    occurred_at = Instant(metadata={"description": "Default: now"}, allow_none=True)
    reference = Text(most=100, allow_none=True, metadata={"description": "Your own number, unique per kind"})
    metadata = TextMap(
        keys=Text(most=40), values=Remark(most=500), validate=validate.Length(max=20), allow_none=True
    )


class AccrualInput(ActInput):
    amount = fen("Cash consumption in fen", required=True)
    points = whole("Points to issue; default: by the acceptor's earn rate", allow_none=True)


def either_points_or_amount(data: dict[str, Any]) -> None:
    if (data.get("points") is None) == (data.get("amount") is None):
        raise ValidationError("Give either points or amount.", "points")


def capture_field() -> Truth:
    return Truth(load_default=True, metadata={"description": "false: only set it aside, as a hold"})


def hold_end_field() -> Instant:
    return Instant(
        allow_none=True, metadata={"description": "With capture: false, until when; default: as set"}
    )


def check_hold_end(data: dict[str, Any]) -> None:
    if data.get("expires_at") is not None and data["capture"]:
        raise ValidationError("Only a hold ends; send capture: false with it.", "expires_at")


class RedemptionInput(ActInput):
    points = whole("Points to use", allow_none=True)
    amount = fen("Or: use as many points as are worth this many fen", allow_none=True)
    capture = capture_field()
    expires_at = hold_end_field()
    purpose = Remark(allow_none=True)

    @validates_schema(skip_on_field_errors=True)
    def _quantity(self, data: dict[str, Any], **_: Any) -> None:
        either_points_or_amount(data)
        check_hold_end(data)


class LoadInput(ActInput):
    amount = fen("Stored value sold, in fen", required=True)
    issuer = CodeText(allow_none=True, metadata={"description": "Whose stored value; default: your own"})


class SpendInput(ActInput):
    amount = fen("Stored value to use, in fen", required=True)
    capture = capture_field()
    expires_at = hold_end_field()

    @validates_schema(skip_on_field_errors=True)
    def _hold_end(self, data: dict[str, Any], **_: Any) -> None:
        check_hold_end(data)


class OpeningInput(Schema):
    """A row of the `balances` import."""

    card = card_field()
    issuer = CodeText(required=True)
    asset = fields.String(required=True, validate=validate.OneOf(["points", "stored_value"]))
    quantity = whole("Points, or fen", required=True)
    expires_on = Day(allow_none=True)
    occurred_at = Instant(allow_none=True)
    reference = Text(
        most=100,
        allow_none=True,
        metadata={"description": "The issuer's own number of this balance, unique"},
    )


class MovementSchema(Schema):
    lot = fields.String()
    expires_on = fields.Date(allow_none=True)
    points = fields.Integer()
    amount = fields.Integer()


class CorrectedSchema(Schema):
    """What disputes have given back of a leg in money; a reversal gives back none of it once more."""

    points = fields.Integer()
    amount = fields.Integer()
    obligation = fields.Integer()
    fee = fields.Integer()


class LegSchema(Schema):
    kind = fields.String()
    issuer = fields.String()
    points = fields.Integer()
    amount = fields.Integer()
    cross_system = fields.Boolean()
    obligation = fields.Integer()
    fee = fields.Integer()
    fee_payer = fields.String(allow_none=True)
    fee_shares = fields.Dict(keys=fields.String(), values=fields.Integer())
    reason = fields.String(
        metadata={
            "description": "Why it was charged or free; `corrected`: a dispute has given back money before"
        }
    )
    corrected = fields.Nested(CorrectedSchema, allow_none=True)
    rule_version = fields.Integer()
    draws = fields.List(fields.Nested(MovementSchema))
    issues = fields.List(fields.Nested(MovementSchema))


class TransactionSchema(Schema):
    id = fields.String()
    kind = fields.String()
    status = fields.String(validate=validate.OneOf(["posted", "held", "voided", "expired"]))
    hold = fields.String(allow_none=True)
    card = fields.String(allow_none=True)
    merchant = fields.String(allow_none=True)
    acceptor = fields.String()
    period = fields.String(allow_none=True)
    occurred_at = fields.AwareDateTime()
    booked_at = fields.AwareDateTime(allow_none=True)
    late = fields.Boolean()
    points = fields.Integer()
    amount = fields.Integer()
    currency = fields.String()
    reference = fields.String(allow_none=True)
    purpose = fields.String(allow_none=True)
    metadata = fields.Dict(keys=fields.String(), values=fields.String())
    reversed = fields.Integer()
    reversed_points = fields.Integer()
    reversed_amount = fields.Integer()
    reverses = fields.String(allow_none=True)
    reverses_period = fields.String(allow_none=True)
    expires_at = fields.AwareDateTime(metadata={"description": "Of one that is or was only held"})
    legs = fields.List(fields.Nested(LegSchema))


class TransactionQuery(PageQuery):
    card = CardText(load_default=None)
    merchant = Text(load_default=None)
    period = Text(load_default=None, metadata={"example": "2026-11"})
    reference = Text(load_default=None)


class MemberInput(Schema):
    participant = CodeText(required=True)
    name = Text(most=100, allow_none=True)
    phone = Phone(allow_none=True)
    tier = Text(most=50, allow_none=True)
    card = CardText(most=32, allow_none=True, metadata={"description": "Default: a new random number"})
    card_expires_on = Day(allow_none=True)


class MemberCardSchema(Schema):
    number = fields.String()
    status = fields.String()


class MemberSchema(Schema):
    id = fields.String()
    participant = fields.String()
    wallet = fields.String()
    name = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    tier = fields.String(allow_none=True)
    card = fields.Nested(MemberCardSchema)
    enrolled_at = fields.AwareDateTime()


class CardQuery(Schema):
    merchant = Text(load_default=None, metadata={"description": "Default: the merchant of the key"})


class IssuerSchema(Schema):
    code = fields.String()
    name = fields.String()


class TierSchema(Schema):
    issuer = fields.String(allow_none=True)
    level = fields.Integer(allow_none=True)
    here = fields.String(allow_none=True)


class ExpiringSchema(Schema):
    points = fields.Integer()
    expires_on = fields.Date()


class CardPointsSchema(Schema):
    available = fields.Integer()
    held = fields.Integer()
    value = fields.Integer()
    expiring = fields.List(fields.Nested(ExpiringSchema))


class CardLotSchema(Schema):
    issuer = fields.String()
    points = fields.Integer()
    expires_on = fields.Date(allow_none=True)
    cross_system = fields.Boolean()


class CardValueSchema(Schema):
    issuer = fields.String()
    available = fields.Integer()
    usable_here = fields.Boolean()


class CardCheckSchema(Schema):
    number = fields.String()
    status = fields.String(validate=validate.OneOf(["active", "blocked", "expired", "unknown"]))
    holder = fields.String()
    issuer = fields.Nested(IssuerSchema)
    cross_system = fields.Boolean()
    tier = fields.Nested(TierSchema)
    benefits = fields.List(fields.String())
    points = fields.Nested(CardPointsSchema)
    lots = fields.List(fields.Nested(CardLotSchema))
    stored_value = fields.List(fields.Nested(CardValueSchema))
    fee_preview = fields.Integer()
    currency = fields.String()


class LotSchema(Schema):
    id = fields.String()
    issuer = fields.String()
    asset = fields.String()
    expires_on = fields.Date(allow_none=True)
    available = fields.Integer()
    held = fields.Integer()


class LotListSchema(Schema):
    data = fields.List(fields.Nested(LotSchema))
    next_cursor = fields.String(allow_none=True)


class WalletCardSchema(Schema):
    number = fields.String()
    issuer = fields.String()
    status = fields.String()


class WalletPointsSchema(Schema):
    available = fields.Integer()
    held = fields.Integer()
    value = fields.Integer()


class WalletValueSchema(Schema):
    available = fields.Integer()
    held = fields.Integer()


class WalletSchema(Schema):
    id = fields.String()
    points = fields.Nested(WalletPointsSchema)
    stored_value = fields.Nested(WalletValueSchema)
    currency = fields.String()
    cards = fields.List(fields.Nested(WalletCardSchema))
