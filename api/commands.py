"""From checked input, of a request or of a row in a file, to the ledger's commands."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from clearing import ids
from clearing.core.accounts import Asset
from clearing.core.commands import (
    Accrual,
    Caller,
    Capture,
    Command,
    Load,
    Opening,
    Redemption,
    Reversal,
    Spend,
    Void,
)


class Envelope(NamedTuple):
    """What is not part of the act itself; see `clearing.core.commands.Command`."""

    key: str
    request_hash: str
    caller: Caller
    historical: bool = False
    former_key: str | None = None
    former_hashes: Callable[[], Collection[str]] | None = None


def accrual(envelope: Envelope, body: Mapping[str, Any]) -> Accrual:
    return Accrual(**_at_merchant(envelope, body), amount=body["amount"], points=body.get("points"))


def redemption(envelope: Envelope, body: Mapping[str, Any]) -> Redemption:
    return Redemption(
        **_at_merchant(envelope, body),
        points=body.get("points"),
        amount=body.get("amount"),
        purpose=body.get("purpose"),
        capture=body.get("capture", True),
        expires_at=body.get("expires_at"),
    )


def load(envelope: Envelope, body: Mapping[str, Any]) -> Load:
    return Load(**_at_merchant(envelope, body), amount=body["amount"], issuer=body.get("issuer"))


def spend(envelope: Envelope, body: Mapping[str, Any]) -> Spend:
    return Spend(
        **_at_merchant(envelope, body),
        amount=body["amount"],
        capture=body.get("capture", True),
        expires_at=body.get("expires_at"),
    )


def opening(envelope: Envelope, body: Mapping[str, Any]) -> Opening:
    return Opening(
        **_common(envelope, body),
        issuer=body["issuer"],
        asset=Asset[body["asset"].upper()],
        quantity=body["quantity"],
        expires_on=body.get("expires_on"),
    )


def reversal(envelope: Envelope, body: Mapping[str, Any]) -> Reversal:
    """A text that cannot be a transaction's id names nothing, and is refused as unknown."""
    wallet_id, transaction_id = ids.decode("txn", body["transaction"], 2) or (0, 0)
    return Reversal(
        **_act(envelope, body),
        wallet_id=wallet_id,
        transaction_id=transaction_id,
        points=body.get("points"),
        amount=body.get("amount"),
        reason=body["reason"],
    )


def capture(envelope: Envelope, body: Mapping[str, Any]) -> Capture:
    wallet_id, hold_id = ids.decode("hold", body["hold"], 2) or (0, 0)
    return Capture(
        **_act(envelope, body),
        wallet_id=wallet_id,
        hold_id=hold_id,
        points=body.get("points"),
        amount=body.get("amount"),
    )


def void(envelope: Envelope, body: Mapping[str, Any]) -> Void:
    wallet_id, hold_id = ids.decode("hold", body["hold"], 2) or (0, 0)
    return Void(**_act(envelope, body), wallet_id=wallet_id, hold_id=hold_id)


BUILDERS: dict[str, Callable[[Envelope, Mapping[str, Any]], Command]] = {
    "accrual": accrual,
    "redemption": redemption,
    "load": load,
    "spend": spend,
    "opening": opening,
    "reversal": reversal,
    "capture": capture,
    "void": void,
}


def _at_merchant(envelope: Envelope, body: Mapping[str, Any]) -> dict[str, Any]:
    return _common(envelope, body) | {"merchant": body["merchant"]}


def _common(envelope: Envelope, body: Mapping[str, Any]) -> dict[str, Any]:
    return _act(envelope, body) | {"card": body["card"]}


def _act(envelope: Envelope, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": envelope.key,
        "request_hash": envelope.request_hash,
        "caller": envelope.caller,
        "historical": envelope.historical,
        "former_key": envelope.former_key,
        "former_hashes": envelope.former_hashes,
        "occurred_at": body.get("occurred_at"),
        "reference": body.get("reference"),
        "metadata": body.get("metadata"),
    }
