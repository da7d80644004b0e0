"""The API keys seen lately, so that a request need not ask the database for its key each time."""

import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Engine

from clearing import keys
from clearing.core.commands import Caller

#: For so long another process may still honour a key that was revoked here.
SECONDS_KEPT = 1.0
KEYS_KEPT_MAX = 10_000


class _Seen(NamedTuple):
    key: keys.StoredKey | None
    until: float


class Keyring:
    def __init__(self, engine: Engine, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._seen: dict[str, _Seen] = {}

    def open(self, text: str) -> Caller | None:
        """Who the bearer of this key is; None for a key that is unknown, wrong or revoked."""
        key_id, secret = keys.split(text)
        now = self._monotonic()
        seen = self._seen.get(key_id)
        if seen is None or seen.until < now:
            with self._engine.connect() as connection:
                seen = _Seen(keys.read_key(connection, key_id), now + SECONDS_KEPT)
            if len(self._seen) >= KEYS_KEPT_MAX:
                self._seen.clear()
            self._seen[key_id] = seen
        return seen.key.caller if seen.key and seen.key.opens_with(secret) else None

    def forget(self, key_id: str) -> None:
        """Ask the database again at the next use of this key."""
        self._seen.pop(key_id, None)
