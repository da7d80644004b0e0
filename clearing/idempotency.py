"""One key, one outcome: how keys and requests become the hashes that are stored.

A key belongs to the participant whose data it is about (or to the hub), whoever sends it, so two participants
may use the same text. The request is hashed in a canonical form: the same values in another order are the
same.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import orjson

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)


def key_hash(owner: str, key: str) -> str:
    """The text of a UUID for `key` as used by `owner`."""
    return _uuid(f"{owner}\x00{key}".encode())


def request_hash(operation: str, body: Mapping[str, Any]) -> str:
    """The text of a UUID for one request; values that are not JSON are hashed by their text."""
    canonical = _CANONICAL.encode(body)
    return _uuid(f"{operation}\x00{canonical}".encode())


def act_hash(operation: str, body: Mapping[str, Any]) -> str:
    """The text of a UUID for one act at a merchant or of an issuer, as its schema has loaded it.

    Not of what was typed, so that a call, a form and a row of a file are one request. It must stay as it is.
    """
    canonical = orjson.dumps(stated(body), default=str, option=orjson.OPT_SORT_KEYS)
    return _uuid(b"%b\x00%b" % (operation.encode(), canonical))


def stated(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a loaded body says: a field that is null, or an empty map, says no more than one left out."""
    return {name: value for name, value in body.items() if value is not None and value != {}}


def _uuid(data: bytes) -> str:
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"
