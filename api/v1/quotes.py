"""Quotes: what an act would do now."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from flask import Response

from api import present
from api.auth import DESKS, current_caller, guard
from api.commands import BUILDERS, Envelope
from api.problems import refusal_response
from api.schemas.quotes import QuoteInput, QuoteSchema
from api.services import services
from api.web import Blueprint, answer
from clearing.core.directory import Directory
from clearing.core.outcomes import Held, Outcome, Posted, Refusal
from clearing.quotes import quote_each
from clearing.verify import frozen

blueprint = Blueprint("quotes", __name__, description="Prices before the act")

EXAMPLES: dict[str, dict[str, Any]] = {
    "redemption": {
        "value": {"kind": "redemption", "card": "6200000000000001", "merchant": "LOTUS-HZ", "points": 4000}
    },
    "capture": {"value": {"kind": "capture", "hold": "hold_…", "points": 1800}},
    "reversal": {"value": {"kind": "reversal", "transaction": "txn_…", "amount": 500}},
}


@blueprint.route("/quotes", methods=["POST"])
@guard(*DESKS)
@blueprint.arguments(QuoteInput, examples=EXAMPLES)
@blueprint.response(200, QuoteSchema)
def make_quote(body: dict[str, Any]) -> Response:
    """Legs, value, obligation and fee that the same act would have now; changes nothing

    Send the body of the act, its `kind`, and the `hold` or `transaction` that its path names. A refusal is
    the one that the act would get. What a reversal gives back is below zero.
    """
    found = quoted(body["kind"], body["act"])
    return refusal_response(found) if isinstance(found, Refusal) else answer(found)


def quoted(kind: str, act: Mapping[str, Any]) -> dict[str, Any] | Refusal:
    """The quote of an act, loaded by its schema, as JSON; or the refusal that the act would get."""
    [found] = quoted_each([(kind, act)])
    return found


def quoted_each(acts: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any] | Refusal]:
    """`quoted` of several acts, each as if it were the only one; they are read at once."""
    caller = current_caller()
    keys = [str(uuid4()) for _ in acts]
    commands = [
        BUILDERS[kind](Envelope(key, key, caller), act) for key, (kind, act) in zip(keys, acts, strict=True)
    ]
    with frozen(services().engine) as connection:
        outcomes = quote_each(connection, commands, services().directory_cache)
        directory = services().directory(connection)
    return [_shown(outcome, directory) for outcome in outcomes]


def _shown(outcome: Outcome, directory: Directory) -> dict[str, Any] | Refusal:
    if isinstance(outcome, Refusal):
        return outcome
    assert isinstance(outcome, Posted | Held), "a fresh key is not replayed, and nobody asks about links"
    return present.quote(outcome, directory)
