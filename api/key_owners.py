"""Whose an idempotency key is: the participant's whose data the act is about, whoever sends it and however.

That is the participant of the merchant at which it happens or happened; of an opening balance the issuer, of
a member the one who enrols it. A participant acts only on its own data, so its keys are its own without a
look; what the operator sends is looked up. Where nobody can be found the act is refused, and the key is the
hub's. So were all keys of the operator before; the outcomes of that time are found under `former_key`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Engine

from api.commands import Envelope
from clearing import ids
from clearing.core.commands import Caller
from clearing.core.directory import Directory
from clearing.directory import DirectoryCache
from clearing.idempotency import act_hash, key_hash, request_hash
from clearing.originals import read_acceptors

#: The operations that name something booked or set aside before, with the field that names it and its prefix.
NAMING = {"reversal": ("transaction", "txn"), "capture": ("hold", "hold"), "void": ("hold", "hold")}


def owner_of(participant_id: int | None) -> str:
    """The name under which the keys of a participant are kept, or those of the hub."""
    return f"participant:{participant_id}" if participant_id is not None else "hub"


def envelope(
    caller: Caller,
    participant_id: int | None,
    key: str,
    operation: str,
    body: Mapping[str, Any],
    said: Mapping[str, Any],
    *,
    act: Mapping[str, Any] | None = None,
    historical: bool = False,
    within: str | None = None,
) -> Envelope:
    """What stands on an act about this participant's data (None: nobody's), with its key in clear.

    `body` is the act as its schema has loaded it, and `act` the same as `act_of` tells it; `said` as it was
    sent, by which earlier versions knew it. So they did a key with the blanks around it, of which a header
    has none. `within`: a name space of the owner's beside that of its keys.
    """
    sent_by, plain = caller.participant_id, key.strip()
    whose = sender = owner_of(sent_by if participant_id is None else participant_id)
    if participant_id is not None and participant_id != sent_by:
        sender = owner_of(sent_by)
    as_before = sender == whose and plain == key
    return Envelope(
        key_hash(_name(whose, within), plain),
        act_hash(operation, body if act is None else act),
        caller,
        historical,
        None if as_before else key_hash(_name(sender, within), key),
        partial(_former_hashes, operation, body, said),
    )


def _former_hashes(operation: str, body: Mapping[str, Any], said: Mapping[str, Any]) -> tuple[str, ...]:
    return request_hash(operation, said), act_hash(operation, body)


def act_of(
    operation: str,
    body: Mapping[str, Any],
    participant_id: int | None,
    engine: Engine,
    cache: DirectoryCache,
) -> Mapping[str, Any]:
    """The act of this participant without what would be so anyhow: to sell one's own stored value, naming
    oneself as its issuer, is to sell it without naming anybody.
    """
    issuer = body.get("issuer") if operation == "load" else None
    if issuer is None or participant_id is None:
        return body
    directory = cache.last_or_none
    if directory is None or participant_id not in directory.participants:
        with engine.connect() as connection:
            directory = cache.current(connection)
    if directory.participants[participant_id].code != issuer:
        return body
    return {name: value for name, value in body.items() if name != "issuer"}


def _name(owner: str, within: str | None) -> str:
    return owner if within is None else f"import:{owner}:{within}"


def participants_of(
    caller: Caller, operation: str, bodies: Sequence[Mapping[str, Any]], engine: Engine, cache: DirectoryCache
) -> list[int | None]:
    """Whose data each of these acts is about, loaded by their schema; None for nobody's.

    Reads nothing for a participant, and of the operator's what it must, at once for all.
    """
    if caller.participant_id is not None:
        return [caller.participant_id] * len(bodies)
    if operation in NAMING:
        field, prefix = NAMING[operation]
        names = [ids.decode(prefix, body[field], 2) or (0, 0) for body in bodies]
        pairs = [(name[0], name[1]) for name in names]
        with engine.connect() as connection:
            acceptors = read_acceptors(connection, pairs)
        return [acceptors.get(pair) for pair in pairs]
    directory = cache.last_or_none
    found = [None if directory is None else _named(directory, operation, body) for body in bodies]
    if None in found:
        # By the newest: who was admitted a moment ago has acts already.
        with engine.connect() as connection:
            directory = cache.current(connection)
        found = [_named(directory, operation, body) for body in bodies]
    return found


def _named(directory: Directory, operation: str, body: Mapping[str, Any]) -> int | None:
    if operation in ("opening", "member"):
        named = directory.participant(body["issuer" if operation == "opening" else "participant"])
        return named.id if named is not None else None
    merchant = directory.merchants.get(body["merchant"])
    return merchant.participant_id if merchant is not None else None
