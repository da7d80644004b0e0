"""The API keys seen lately, so that a request need not ask the database for its key each time.

All that are in use are read again at once, so that many keys cost no more questions than one.
"""

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine

from clearing import keys
from clearing.core.commands import Caller

#: For so long another process may still honour a key that was revoked here.
SECONDS_KEPT = 1.0
KEYS_KEPT_MAX = 10_000


class Keyring:
    def __init__(self, engine: Engine, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._lock = threading.Lock()
        #: What the database said, by id, none of it longer ago than `SECONDS_KEPT` before `_until`.
        self._seen: dict[str, keys.StoredKey | None] = {}
        self._until = 0.0
        #: Those that were asked for since; what nobody uses is not read again.
        self._used: set[str] = set()

    def open(self, text: str) -> Caller | None:
        """Who the bearer of this key is; None for a key that is unknown, wrong or revoked."""
        key_id, secret = keys.split(text)
        key = self._key(key_id)
        return key.caller if key is not None and key.opens_with(secret) else None

    def forget(self, key_id: str) -> None:
        """Ask the database again at the next use of this key."""
        self._seen.pop(key_id, None)

    def _key(self, key_id: str) -> keys.StoredKey | None:
        if self._monotonic() < self._until and key_id in self._seen:
            key = self._seen.get(key_id)
        else:
            with self._lock:
                key = self._read(key_id)
        if key is not None:
            self._used.add(key_id)
        return key

    def _read(self, key_id: str) -> keys.StoredKey | None:
        now = self._monotonic()
        if now < self._until and key_id in self._seen:
            return self._seen.get(key_id)  # another thread has just read it
        anew = now >= self._until or len(self._seen) >= KEYS_KEPT_MAX
        wanted = {key_id, *self._used} if anew else {key_id}
        with self._engine.connect() as connection:
            found = keys.read_keys(connection, wanted)
        if anew:
            self._seen, self._used, self._until = {}, set(), now + SECONDS_KEPT
        self._seen |= {key_id: None, **found}
        return found.get(key_id)
