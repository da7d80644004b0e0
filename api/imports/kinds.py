"""What each kind of import takes in a row, and how the row becomes a command."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError

from api.commands import BUILDERS, Envelope
from api.problems import field_errors
from api.schemas.ledger import AccrualInput, LoadInput, MemberInput, OpeningInput, RedemptionInput, SpendInput
from api.schemas.links import LinkRow
from api.schemas.reversals import ReversalRow
from clearing.core.commands import Command
from clearing.core.outcomes import Code, Refusal
from clearing.json_text import read_row

WHOLE = re.compile(r"-?[0-9]{1,30}")

#: What every row may carry beside its kind's columns.
COMMON = frozenset({"key", "reference", "occurred_at"})


class Kind(NamedTuple):
    """`operation` names the act as in a request, so that a key is one act whichever way it comes.

    `columns` are all that a row may have, in the order in which people look for them.
    """

    operation: str
    schema: Schema
    columns: tuple[str, ...]
    required: frozenset[str]


def _kind(operation: str, schema: Schema, columns: str, required: str) -> Kind:
    # What a request may say, a row may say too.
    names = dict.fromkeys((*columns.split(), "reference", "occurred_at", "key", *schema.fields))
    return Kind(operation, schema, tuple(names), frozenset(required.split()))


KINDS = {
    "members": _kind(
        "member", MemberInput(), "participant name phone tier card card_expires_on", "participant"
    ),
    "balances": _kind(
        "opening", OpeningInput(), "card issuer asset quantity expires_on", "card issuer asset quantity"
    ),
    "accruals": _kind("accrual", AccrualInput(), "card merchant amount points", "card merchant amount"),
    "redemptions": _kind(
        "redemption", RedemptionInput(), "card merchant points amount purpose", "card merchant"
    ),
    "loads": _kind("load", LoadInput(), "card merchant issuer amount", "card merchant amount"),
    "reversals": _kind("reversal", ReversalRow(), "transaction points amount reason", "transaction reason"),
    "links": _kind("link", LinkRow(), "card other_card", "card other_card"),
    "spends": _kind("spend", SpendInput(), "card merchant issuer amount", "card merchant amount"),
}

MEMBERS, LINKS = "members", "links"
#: Kinds whose rows are no transactions: they have neither a reference nor a time of their own.
NOT_BOOKED = (MEMBERS, LINKS)


def typed(content: Mapping[str, Any]) -> dict[str, Any]:
    """CSV knows only text: a cell becomes what its column takes, where it is written as such."""
    return {
        name: _TYPED[name](value) if name in _TYPED and isinstance(value, str) else value
        for name, value in content.items()
    }


def _number(cell: str) -> int | str:
    return int(cell) if WHOLE.fullmatch(cell) else cell


def _truth(cell: str) -> bool | str:
    return {"true": True, "false": False}.get(cell.lower(), cell)


def _map(cell: str) -> object:
    try:
        return read_row(cell)
    except (ValueError, RecursionError):
        return cell


_TYPED: dict[str, Callable[[str], Any]] = {
    "points": _number,
    "amount": _number,
    "quantity": _number,
    "capture": _truth,
    "metadata": _map,
}


def checked(kind: str, content: Mapping[str, Any]) -> dict[str, Any] | Refusal:
    """The row's fields, loaded by the same schema as a request's body; or what is wrong with them."""
    fields = {name: value for name, value in content.items() if name != "key"}
    if kind in NOT_BOOKED:
        fields = {name: value for name, value in fields.items() if name not in COMMON}
    if kind == "spends":
        # The draw order decides whose stored value is used; a file made for loads may name one.
        fields.pop("issuer", None)
    try:
        loaded: dict[str, Any] = KINDS[kind].schema.load(fields)
    except ValidationError as error:
        errors = field_errors({"row": error.messages})
        detail = "; ".join(f"{one.pointer.removeprefix('/')}: {one.detail}" for one in errors)
        first = errors[0].pointer.removeprefix("/")
        return Refusal(Code.MALFORMED, detail[:1000], first[:100] or None)
    return loaded


def command(kind: str, envelope: Envelope, body: Mapping[str, Any]) -> Command:
    return BUILDERS[KINDS[kind].operation](envelope, body)


def out_of_order(body: Mapping[str, Any], latest: datetime | None) -> Refusal | None:
    """History must be told in the order in which it happened."""
    occurred_at = body.get("occurred_at")
    if occurred_at is None:
        return Refusal(Code.MALFORMED, "A row of history must say when it occurred.", "occurred_at")
    if latest is not None and occurred_at < latest:
        return Refusal(
            Code.MALFORMED,
            f"History must be in the order of time; a row before this one occurred at {latest.isoformat()}.",
            "occurred_at",
        )
    return None
