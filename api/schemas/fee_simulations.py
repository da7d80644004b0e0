"""What proposed fee rules would have charged."""

from marshmallow import Schema, ValidationError, fields, validate

from api.fields import Text
from api.schemas.alliance import FeeRuleInput
from clearing.core.calendar import period_number

RULES_MAX = 20


def is_period(name: str) -> None:
    try:
        period_number(name)
    except ValueError as error:
        raise ValidationError("Must be a month, such as 2026-10.") from error


class FeeSimulationInput(Schema):
    period = Text(
        required=True,
        validate=is_period,
        metadata={"pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$", "example": "2026-10"},
    )
    rules = fields.List(
        fields.Nested(FeeRuleInput),
        required=True,
        validate=validate.Length(max=RULES_MAX),
        metadata={"description": "The proposed rules, in the order in which they would be added"},
    )


class SimulatedFeesSchema(Schema):
    """Fen. `difference` is above zero where the proposed rules charge more."""

    charged = fields.Integer()
    simulated = fields.Integer()
    difference = fields.Integer()


class SimulatedParticipantSchema(SimulatedFeesSchema):
    code = fields.String()


class SimulatedKindSchema(SimulatedFeesSchema):
    kind = fields.String()
    legs = fields.Integer()


class SimulatedLineSchema(SimulatedFeesSchema):
    participant = fields.String()
    kind = fields.String()


class FeeSimulationSchema(SimulatedFeesSchema):
    period = fields.String()
    currency = fields.String()
    legs = fields.Integer(metadata={"description": "Exchanges looked at, those of reversals too"})
    changed = fields.Integer(
        metadata={"description": "Of how many the fee differs, in its amount or in who pays it"}
    )
    participants = fields.List(fields.Nested(SimulatedParticipantSchema))
    kinds = fields.List(fields.Nested(SimulatedKindSchema))
    lines = fields.List(
        fields.Nested(SimulatedLineSchema), metadata={"description": "Who pays for which kind"}
    )
