"""What is sent to ask what an act would do, and the answer."""

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, fields, post_load, validate

from api.fields import CardText, CodeText, Instant, Remark, Text, TextMap, Truth
from api.schemas.common import CARD, fen, whole
from api.schemas.holds import CaptureInput, NothingInput
from api.schemas.ledger import AccrualInput, LegSchema, LoadInput, RedemptionInput, SpendInput
from api.schemas.reversals import ReversalRow


class CaptureAct(CaptureInput):
    hold = Text(most=100, required=True)


class VoidAct(NothingInput):
    hold = Text(most=100, required=True)


class ReversalAct(ReversalRow):
    reason = Remark(most=200, load_default="")


#: The schema of each act, with the id that the act itself has in its path.
ACTS: Mapping[str, Schema] = {
    "accrual": AccrualInput(),
    "redemption": RedemptionInput(),
    "load": LoadInput(),
    "spend": SpendInput(),
    "capture": CaptureAct(),
    "void": VoidAct(),
    "reversal": ReversalAct(),
}


class QuoteInput(Schema):
    """The body of the act with its kind; a capture or void names its hold too, a reversal its transaction.

    Only the form of the fields is looked at here; which of them the act takes, its own schema says, and null
    is not said. Loaded, it is the `kind` and the body of the `act`.
    """

    kind = fields.String(required=True, validate=validate.OneOf(list(ACTS)))
    card = CardText(most=64, metadata=CARD)
    merchant = Text(metadata={"description": "The merchant's code", "example": "LOTUS-HZ"})
    hold = Text(most=100, metadata={"description": "Of a capture or void"})
    transaction = Text(most=100, metadata={"description": "Of a reversal"})
    points = whole("Points, as in the act", allow_none=True)
    amount = fen("Fen, as in the act", allow_none=True)
    issuer = CodeText(allow_none=True, metadata={"description": "Of a load; default: your own"})
    capture = Truth(metadata={"description": "false: what setting it aside would do"})
    expires_at = Instant(allow_none=True, metadata={"description": "With capture: false"})
    occurred_at = Instant(allow_none=True, metadata={"description": "Default: now"})
    reference = Text(most=100, allow_none=True, metadata={"description": "Whether the number is still free"})
    purpose = Remark(allow_none=True)
    reason = Remark(most=200, metadata={"description": "Of a reversal; not needed to ask"})
    metadata = TextMap(keys=Text(most=40), values=Remark(most=500), allow_none=True)

    @post_load(pass_original=True)
    def _as_the_act(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        kind = data["kind"]
        said = {name: value for name, value in original.items() if name != "kind" and value is not None}
        return {"kind": kind, "act": ACTS[kind].load(said, unknown=RAISE)}


class QuoteSchema(Schema):
    kind = fields.String()
    status = fields.String(validate=validate.OneOf(["posted", "held", "voided"]))
    card = fields.String()
    merchant = fields.String()
    acceptor = fields.String()
    points = fields.Integer()
    amount = fields.Integer()
    currency = fields.String()
    obligation = fields.Integer()
    fee = fields.Integer()
    expires_at = fields.AwareDateTime(allow_none=True)
    legs = fields.List(fields.Nested(LegSchema))
