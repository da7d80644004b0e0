"""Where a key or a user belongs: to the hub, to a participant, or to one of its merchants."""

from typing import Any

from api.problems import FieldError, Problem
from clearing.core.commands import Caller, Scope
from clearing.core.directory import Directory
from clearing.core.outcomes import Code

HUB_SCOPES = frozenset({Scope.OPERATOR, Scope.AUDITOR})


def place_of(directory: Directory, body: dict[str, Any]) -> tuple[int | None, int | None]:
    """(participant id, merchant id) that a key or a user of this scope is confined to; raises Problem."""
    scope, code, merchant_code = body["scope"], body["participant"], body["merchant"]
    if scope in HUB_SCOPES:
        if code or merchant_code:
            raise _wrong("participant", f"The scope {scope.value!r} belongs to no participant.")
        return None, None
    merchant = directory.merchants.get(merchant_code) if merchant_code else None
    if merchant_code and (merchant is None or scope is not Scope.MERCHANT):
        raise _wrong("merchant", f"Name a merchant that exists, for the scope {Scope.MERCHANT.value!r}.")
    if scope is Scope.MERCHANT and merchant is None:
        raise _wrong("merchant", "Say for which merchant it is.")
    if code is None and merchant is not None:
        return merchant.participant_id, merchant.id
    participant = directory.participant(code) if code else None
    if participant is None:
        raise _wrong("participant", "Say for which participant it is, by its code.")
    if merchant is not None and merchant.participant_id != participant.id:
        raise _wrong("merchant", f"{merchant.code} is not a merchant of {participant.code}.")
    return participant.id, merchant.id if merchant else None


def may_manage(caller: Caller, scope: Scope, participant_id: int | None) -> None:
    """Raises Problem unless the caller may give such rights to a key or a user."""
    if caller.scope is Scope.OPERATOR:
        return
    if scope in HUB_SCOPES or participant_id != caller.participant_id:
        raise Problem(Code.FORBIDDEN, "A participant gives rights to itself and its own merchants only.")


def _wrong(field: str, detail: str) -> Problem:
    return Problem(Code.MALFORMED, detail, [FieldError(f"/{field}", detail)])
