"""Alliance settings, participants, merchants, fee rules and API keys."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from api.fields import CodeText, Day, Rate, Text, TextMap, Truth, Whole
from api.schemas.common import PageQuery
from clearing.core.calendar import ExpiryKind, is_time_zone
from clearing.core.commands import Scope
from clearing.core.directory import Status
from clearing.core.rulebook import DrawOrder, ExchangeKind

FEN_MAX = 10**12
DAYS_MAX = 3650
STATUSES = [one.value for one in Status]
#: In `/settlements/{period}/…` and on the hub's pages, where a participant's or merchant's code stands too.
PATHS_BESIDE_CODES = frozenset({"payments", "liabilities", "new"})


def check_time_zone(name: str) -> None:
    # Not OneOf: a list of six hundred names would drown the OpenAPI document.
    if not is_time_zone(name):
        raise ValidationError("Must be the name of a time zone, such as Asia/Shanghai.")


def limit_field(description: str) -> fields.Integer:
    return fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(1, FEN_MAX),
        metadata={"description": f"{description}; null does not limit"},
    )


def days_field(description: str) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(1, 365), metadata={"description": description})


def document_field(most: int, description: str) -> Text:
    """What stands on statements and other documents."""
    return Text(most=most, allow_none=True, metadata={"description": f"{description}, as on documents"})


class AllianceSchema(Schema):
    """Every field is optional in a PUT; what is absent stays as it is."""

    time_zone = fields.String(validate=check_time_zone, metadata={"example": "Asia/Shanghai"})
    currency = fields.String(validate=validate.OneOf(["CNY"]))
    point_value = Rate(most=Decimal(1_000_000), metadata={"description": "Fen per point", "example": "1"})
    reimbursement_rate = Rate(metadata={"description": "Part of a point's value that the issuer owes"})
    draw_order = fields.Enum(DrawOrder, by_value=True)
    grace_days = fields.Integer(strict=True, validate=validate.Range(0, 3650))
    vat_rate = Rate(metadata={"description": "VAT contained in the fees", "example": "0.06"})
    hold_minutes_default = fields.Integer(strict=True, validate=validate.Range(1, 1_000_000))
    hold_minutes_max = fields.Integer(strict=True, validate=validate.Range(1, 1_000_000))
    card_points_per_day = limit_field("Points used with one card in a day of the alliance's zone")
    card_redemptions_per_hour = limit_field("Redemptions with one card within an hour")
    merchant_points_per_day = limit_field("Points used at one merchant in a day")
    merchant_redemptions_per_hour = limit_field("Redemptions at one merchant within an hour")
    hub_name = document_field(200, "Registered name of the hub")
    hub_address = document_field(400, "Postal address of the hub")
    hub_tax_number = document_field(40, "Tax number of the hub")
    dual_control = Truth(
        metadata={"description": "Whether a period is approved by another operator than who closed it"}
    )
    close_quiet_minutes = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(0, DAYS_MAX * 24 * 60),
        metadata={"description": "After its end a period is closed by itself; null: only by hand"},
    )
    due_days = fields.Integer(
        strict=True,
        validate=validate.Range(0, DAYS_MAX),
        metadata={"description": "Days from closing until nets are due"},
    )
    suspend_overdue_days = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(1, DAYS_MAX),
        metadata={"description": "Days after which who has not paid is suspended; null: never"},
    )
    dispute_window_days = days_field("Days after a closing within which a dispute is not late")
    dispute_response_days = days_field("Days in which a counterparty answers before the operator may decide")
    version = fields.Integer(dump_only=True)
    made_at = fields.AwareDateTime(dump_only=True)

    @validates_schema
    def _point_value(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("point_value") == 0:
            raise ValidationError("Must be greater than zero.", "point_value")

    @post_load
    def _zone(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "time_zone" in data:
            data["time_zone"] = ZoneInfo(data["time_zone"])
        return data


class ExpirySchema(Schema):
    """When points end: `rolling` N months rounded up to month end, `fixed` on a day each year, or `never`."""

    kind = fields.Enum(ExpiryKind, by_value=True, required=True)
    months = fields.Integer(strict=True, validate=validate.Range(1, 600))
    month = fields.Integer(strict=True, validate=validate.Range(1, 12))
    day = fields.Integer(strict=True, validate=validate.Range(1, 31))


class ParticipantSettings(Schema):
    name = Text()
    earn_rate = Rate(most=Decimal(10_000), metadata={"description": "Points per yuan", "example": "1"})
    expiry = fields.Nested(ExpirySchema)
    tiers = fields.List(
        Text(most=50),
        validate=validate.Length(max=50),
        metadata={"description": "Names of the tiers, the lowest first; equal places are equivalent"},
    )
    stored_value_enabled = Truth(
        metadata={"description": "Whether its stored value may be used and sold at other participants"},
    )
    stored_value_permit = Text(
        metadata={"description": "The licence or custodian reference that permits it; needed to enable it"}
    )

    conversion_ratio = Rate(
        most=Decimal(10_000),
        metadata={"description": "Alliance points for one of its older programme, for imports of balances"},
    )
    registered_name = document_field(200, "Registered name of the company")
    address = document_field(400, "Postal address")
    tax_number = document_field(40, "Tax number")
    net_debit_cap = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(0, FEN_MAX),
        metadata={"description": "Fen that it may owe on balance in what is not closed yet; null: no limit"},
    )


def _is_no_path(code: str) -> None:
    if code.lower() in PATHS_BESIDE_CODES:
        raise ValidationError(f"{code!r} is an address beside codes; choose another.")


class ParticipantInput(ParticipantSettings):
    code = CodeText(required=True, validate=_is_no_path, metadata={"example": "LOTUS"})
    name = Text(required=True)


class ParticipantChange(ParticipantSettings):
    status = fields.String(validate=validate.OneOf(STATUSES))


class ParticipantQuery(PageQuery):
    status = fields.String(
        load_default=None,
        validate=validate.OneOf(STATUSES),
        metadata={"description": "`suspended`: those that take part in no exchange"},
    )


class ParticipantSchema(ParticipantChange):
    """`net_debit_cap` and `net_debit` are shown to the hub, auditors and the participant itself."""

    code = CodeText()
    net_debit = fields.Integer(metadata={"description": "Fen that it owes on balance now, fees included"})
    stored_value_permit = Text(allow_none=True)
    admitted_at = fields.AwareDateTime()


class MerchantSettings(Schema):
    name = Text()
    category = Text(allow_none=True, metadata={"example": "hotel"})
    benefits = TextMap(
        keys=Text(most=50),
        values=fields.List(Text(), validate=validate.Length(max=50)),
        validate=validate.Length(max=50),
        metadata={
            "description": "What each tier of its own participant gets here",
            "example": {"Gold": ["Late check-out"]},
        },
    )


class MerchantInput(MerchantSettings):
    code = CodeText(required=True, validate=_is_no_path, metadata={"example": "LOTUS-HZ"})
    name = Text(required=True)


class MerchantChange(MerchantSettings):
    status = fields.String(validate=validate.OneOf(STATUSES))


class MerchantSchema(MerchantChange):
    code = CodeText()
    participant = CodeText()
    admitted_at = fields.AwareDateTime()


class Payer(fields.Field[Decimal]):
    """`"acceptor"`, `"issuer"` or two shares that add up to one; loads to the acceptor's share."""

    def __init__(self, **kwargs: Any) -> None:
        shares = {
            "type": "object",
            "properties": {"acceptor": {"type": "string"}, "issuer": {"type": "string"}},
        }
        one_of = [{"type": "string", "enum": ["acceptor", "issuer"]}, shares, {"type": "null"}]
        metadata = {"oneOf": one_of, "example": "acceptor"} | kwargs.pop("metadata", {})
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Decimal:
        if value == "acceptor":
            return Decimal(1)
        if value == "issuer":
            return Decimal(0)
        if isinstance(value, dict) and value.keys() == {"acceptor", "issuer"}:
            acceptor, issuer = (Rate(required=True).deserialize(value[who]) for who in ("acceptor", "issuer"))
            if acceptor is not None and issuer is not None and acceptor + issuer == 1:
                return acceptor
        raise ValidationError(
            'Must be "acceptor", "issuer", or shares that add up to one, such as'
            ' {"acceptor": "0.5", "issuer": "0.5"}.'
        )


class VolumeTierSchema(Schema):
    above = Whole(
        required=True,
        validate=validate.Range(1, FEN_MAX),
        metadata={"description": "Fen of the month's volume from which the rate holds"},
    )
    rate = Rate(required=True)


class FeeRuleInput(Schema):
    kind = fields.String(required=True, validate=validate.OneOf([kind.label for kind in ExchangeKind]))
    issuer = CodeText(load_default=None, allow_none=True, metadata={"description": "null: every issuer"})
    acceptor = CodeText(load_default=None, allow_none=True, metadata={"description": "null: every acceptor"})
    payer = Payer(
        load_default=None,
        allow_none=True,
        metadata={"description": "Default: the acceptor, and for a load the issuer"},
    )
    rate = Rate(load_default=Decimal(0), metadata={"description": "Part of the leg's amount"})
    flat = Whole(load_default=0, validate=validate.Range(0, FEN_MAX), metadata={"description": "Fen"})
    min = Whole(load_default=None, allow_none=True, validate=validate.Range(0, FEN_MAX))
    max = Whole(load_default=None, allow_none=True, validate=validate.Range(0, FEN_MAX))
    tiers = fields.List(
        fields.Nested(VolumeTierSchema),
        load_default=[],
        validate=validate.Length(max=20),
        metadata={
            "description": "Lower rates on what a payer's volume of a month exceeds; given back at closing",
            "example": [{"above": 10_000_000, "rate": "0.015"}],
        },
    )
    valid_from = Day(load_default=None, allow_none=True, metadata={"description": "null: from the beginning"})

    @validates_schema
    def _range(self, data: dict[str, Any], **_: Any) -> None:
        if data["min"] is not None and data["max"] is not None and data["min"] > data["max"]:
            raise ValidationError("Must not be less than min.", "max")
        rate, above = data["rate"], 0
        for tier in data["tiers"]:
            if tier["above"] <= above:
                raise ValidationError("Each tier must begin above the one before.", "tiers")
            if tier["rate"] >= rate:
                raise ValidationError("Each rate must be below the one before.", "tiers")
            rate, above = tier["rate"], tier["above"]


class FeeRuleSchema(Schema):
    id = fields.Integer()
    kind = fields.String()
    issuer = fields.String(allow_none=True)
    acceptor = fields.String(allow_none=True)
    payer = Payer()
    rate = fields.String()
    flat = fields.Integer()
    min = fields.Integer(allow_none=True)
    max = fields.Integer(allow_none=True)
    tiers = fields.List(fields.Nested(VolumeTierSchema))
    valid_from = fields.Date(allow_none=True)
    since_version = fields.Integer(metadata={"description": "The rulebook version that brought it"})


class ApiKeyInput(Schema):
    scope = fields.Enum(Scope, by_value=True, required=True)
    participant = CodeText(load_default=None, allow_none=True)
    merchant = CodeText(load_default=None, allow_none=True)
    name = Text(load_default=None, allow_none=True, metadata={"description": "What it is for"})


class ApiKeyQuery(PageQuery):
    revoked = fields.Boolean(
        load_default=None,
        truthy={"true"},
        falsy={"false"},
        metadata={
            "description": "false: keys in use; true: those that open nothing any more; without it all"
        },
    )


class ApiKeySchema(Schema):
    id = fields.String()
    scope = fields.String()
    participant = fields.String(allow_none=True)
    merchant = fields.String(allow_none=True)
    name = fields.String()
    made_at = fields.AwareDateTime()
    revoked_at = fields.AwareDateTime(allow_none=True)


class NewApiKeySchema(ApiKeySchema):
    key = fields.String(
        allow_none=True, metadata={"description": "Shown this once; null in an answer that is given again"}
    )
