"""Personal data at rest: names and phones are encrypted, and a phone is found by a keyed hash.

Ciphertext is one byte of key id, 12 bytes of nonce and AES-256-GCM output. The field's name is bound in, so
that a name cannot be passed off as a phone. The hash is HMAC-SHA-256: a plain hash of an eleven-digit
number could be undone by trying them all.
"""

import hmac
import json
import os
import re
from collections.abc import Mapping
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_PHONE = re.compile(r"\+?[0-9]{5,20}")
_PUNCTUATION = re.compile(r"[\s().-]+")


class PersonalData:
    """The keys that guard names and phones. `current` encrypts; all of `keys` decrypt (ids 1–255)."""

    def __init__(self, index_key: bytes, keys: Mapping[int, bytes], current: int) -> None:
        self._index_key = index_key
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current

    @classmethod
    def from_text(cls, text: str) -> "PersonalData":
        """Read what `new_keys` made. Raises ValueError if it is not that."""
        try:
            content = json.loads(text)
            keys = {int(key_id): bytes.fromhex(key) for key_id, key in content["keys"].items()}
            index_key, current = bytes.fromhex(content["index"]), int(content["current"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError("the personal-data keys are not in the expected form") from error
        if current not in keys or not all(1 <= key_id <= 255 for key_id in keys) or len(index_key) < 16:
            raise ValueError("the personal-data keys lack the current one, or are not as they were made")
        return cls(index_key, keys, current)

    def encrypt(self, field: str, text: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, text.encode(), field.encode())
        return bytes([self._current]) + nonce + sealed

    def decrypt(self, field: str, cipher: bytes) -> str:
        """Raises KeyError for a key that is not at hand and InvalidTag for data that was changed."""
        nonce, sealed = cipher[1 : 1 + _NONCE_BYTES], cipher[1 + _NONCE_BYTES :]
        return self._ciphers[cipher[0]].decrypt(nonce, sealed, field.encode()).decode()

    def phone_index(self, phone: str) -> bytes:
        return hmac.new(self._index_key, normal_phone(phone).encode(), sha256).digest()


def new_keys() -> str:
    """Fresh random keys as text to be kept in a file or a secret store."""
    return json.dumps({"index": os.urandom(32).hex(), "keys": {"1": os.urandom(32).hex()}, "current": 1})


def is_phone(text: str) -> bool:
    return _PHONE.fullmatch(_PUNCTUATION.sub("", text)) is not None


def normal_phone(text: str) -> str:
    """One form for one number: no punctuation, and no prefix for mainland China."""
    digits = _PUNCTUATION.sub("", text)
    for prefix in ("+86", "0086"):
        if digits.startswith(prefix) and len(digits) == len(prefix) + 11:
            return digits[len(prefix) :]
    return digits


def masked_name(name: str) -> str:
    """王小明 → 王**, Ann Lee → A******: enough to greet a guest, not to find one."""
    return name[:1] + "*" * max(len(name) - 1, 1) if name else ""


def masked_number(number: str) -> str:
    """All but the last four characters hidden; a number of four or fewer keeps only its last one."""
    shown = 4 if len(number) > 4 else 1
    return "*" * (len(number) - shown) + number[-shown:]
