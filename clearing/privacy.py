"""Personal data at rest: names and phones are encrypted, and a phone is found by a keyed hash.

Ciphertext is one byte of key id, 12 bytes of nonce and AES-256-GCM output. The field's name is bound in, so
that a name cannot be passed off as a phone. The hash is HMAC-SHA-256: a plain hash of an eleven-digit
number could be undone by trying them all.
"""

import hmac
import json
import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clearing.phones import e164

_NONCE_BYTES = 12

KEY_IDS = range(1, 256)


class _Keys(NamedTuple):
    """What the text of `new_keys` says."""

    index_key: bytes
    by_id: Mapping[int, bytes]
    current: int


class PersonalData:
    """The keys that guard names and phones. `current` encrypts; all of `keys` decrypt (ids 1–255).

    `reread` gives the text of the keys as it is now. It is asked when a value is met whose key is not known,
    so that a server goes on reading while the values are taken over to a key that was added meanwhile.
    """

    def __init__(
        self,
        index_key: bytes,
        keys: Mapping[int, bytes],
        current: int,
        reread: Callable[[], str] | None = None,
    ) -> None:
        self._index_key = index_key
        self._reread = reread
        self._take(keys, current)

    @classmethod
    def from_text(cls, text: str, reread: Callable[[], str] | None = None) -> "PersonalData":
        """Read what `new_keys` made. Raises ValueError if it is not that."""
        keys = _read(text)
        return cls(keys.index_key, keys.by_id, keys.current, reread)

    @property
    def current(self) -> int:
        """The id of the key that encrypts."""
        return self._ciphers[1]

    @property
    def key_ids(self) -> frozenset[int]:
        """The ids of all keys at hand."""
        return frozenset(self._ciphers[0])

    def encrypt(self, field: str, text: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        ciphers, current = self._ciphers
        return bytes([current]) + nonce + ciphers[current].encrypt(nonce, text.encode(), field.encode())

    def decrypt(self, field: str, cipher: bytes) -> str:
        """Raises KeyError for a key that is not at hand and InvalidTag for data that was changed."""
        key_id, nonce, sealed = cipher[0], cipher[1 : 1 + _NONCE_BYTES], cipher[1 + _NONCE_BYTES :]
        if key_id not in self._ciphers[0] and self._reread is not None:
            # The index key stays: another one would no longer find the people who are enrolled.
            keys = _read(self._reread())
            self._take(keys.by_id, keys.current)
        return self._ciphers[0][key_id].decrypt(nonce, sealed, field.encode()).decode()

    def phone_index(self, phone: str) -> bytes:
        """The hash by which a person is found, whichever way the phone is written. Raises NotAPhone."""
        return hmac.new(self._index_key, e164(phone).encode(), sha256).digest()

    def _take(self, keys: Mapping[int, bytes], current: int) -> None:
        # Both at once, as other threads are reading.
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}, current


def new_keys() -> str:
    """Fresh random keys as text to be kept in a file or a secret store."""
    return json.dumps({"index": os.urandom(32).hex(), "keys": {"1": os.urandom(32).hex()}, "current": 1})


def with_new_key(text: str) -> tuple[str, int]:
    """The text of the keys with one more, which is the current one from now on; and its id.

    Raises ValueError if the text is not what `new_keys` made, or no id is left.
    """
    key_id = max(_read(text).by_id) + 1
    if key_id not in KEY_IDS:
        raise ValueError(f"no key id is left after {max(KEY_IDS)}")
    content = json.loads(text)
    content["keys"][str(key_id)] = os.urandom(32).hex()
    content["current"] = key_id
    return json.dumps(content), key_id


def _read(text: str) -> _Keys:
    try:
        content = json.loads(text)
        keys = {int(key_id): bytes.fromhex(key) for key_id, key in content["keys"].items()}
        index_key, current = bytes.fromhex(content["index"]), int(content["current"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("the personal-data keys are not in the expected form") from error
    if current not in keys or not all(key_id in KEY_IDS for key_id in keys) or len(index_key) < 16:
        raise ValueError("the personal-data keys lack the current one, or are not as they were made")
    return _Keys(index_key, keys, current)


def masked_name(name: str) -> str:
    """王小明 → 王**, Ann Lee → A******: enough to greet a guest, not to find one."""
    return name[:1] + "*" * max(len(name) - 1, 1) if name else ""


def masked_number(number: str) -> str:
    """All but the last four characters hidden; a number of four or fewer keeps only its last one."""
    shown = 4 if len(number) > 4 else 1
    return "*" * (len(number) - shown) + number[-shown:]
