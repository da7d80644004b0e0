"""The keys that sign tree heads and statements: Ed25519, one of them in use and the older ones kept.

The hub alone has the private halves; the public ones are given to everybody, and stay valid for what was
signed with them.
"""

import json
import os
import re
from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

KEY_IDS = range(1, 256)
_KEY_BYTES = 32
#: One key and nothing beside it: of two the reader would take the first without a word.
_PEM = re.compile(r"\s*-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*")


class SealingKeys:
    """`current` signs; all of `keys` (private, by id) have signed something."""

    def __init__(self, keys: Mapping[int, Ed25519PrivateKey], current: int) -> None:
        self._keys = dict(keys)
        self.current = current

    @classmethod
    def from_text(cls, text: str) -> "SealingKeys":
        """Read what `new_sealing_keys` made. Raises ValueError if it is not that."""
        try:
            content = json.loads(text)
            seeds = {int(key_id): bytes.fromhex(seed) for key_id, seed in content["sealing"].items()}
            current = int(content["current"])
            keys = {key_id: Ed25519PrivateKey.from_private_bytes(seed) for key_id, seed in seeds.items()}
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError("the sealing keys are not in the expected form") from error
        if current not in keys or not all(key_id in KEY_IDS for key_id in keys):
            raise ValueError("the sealing keys lack the current one, or are not as they were made")
        return cls(keys, current)

    @property
    def public_keys(self) -> dict[int, Ed25519PublicKey]:
        """By id, in order."""
        return {key_id: self._keys[key_id].public_key() for key_id in sorted(self._keys)}

    def as_text(self) -> str:
        """What `from_text` reads, with the private halves: for a process of the hub's own."""
        seeds = {str(key_id): key.private_bytes_raw().hex() for key_id, key in self._keys.items()}
        return json.dumps({"sealing": seeds, "current": self.current})

    def sign(self, message: bytes, key_id: int | None = None) -> bytes:
        """The signature by that key, or the current one. Raises KeyError for a key that is not at hand."""
        return self._keys[self.current if key_id is None else key_id].sign(message)


def new_sealing_keys() -> str:
    """A fresh random key as text to be kept in a file or a secret store."""
    return json.dumps({"sealing": {"1": os.urandom(_KEY_BYTES).hex()}, "current": 1})


def with_new_sealing_key(text: str) -> tuple[str, int]:
    """The text of the keys with one more, which signs from now on; and its id.

    Raises ValueError if the text is not what `new_sealing_keys` made, or no id is left.
    """
    key_id = max(SealingKeys.from_text(text).public_keys) + 1
    if key_id not in KEY_IDS:
        raise ValueError(f"no key id is left after {max(KEY_IDS)}")
    content = json.loads(text)
    content["sealing"][str(key_id)] = os.urandom(_KEY_BYTES).hex()
    content["current"] = key_id
    return json.dumps(content), key_id


def is_signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def pem(key: Ed25519PublicKey) -> str:
    """As `openssl pkey -pubin` and everybody else reads it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint(key: Ed25519PublicKey) -> str:
    """The SHA-256 of its DER form (the log id of RFC 6962), to be read out or compared by eye."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(der).hexdigest()


def read_public_key(text: str) -> Ed25519PublicKey:
    """A public key as PEM, or as base64 of its DER form or of its 32 bytes. Raises ValueError."""
    try:
        if "BEGIN PUBLIC KEY" in text:
            if not _PEM.fullmatch(text):
                raise ValueError(text)
            key = load_pem_public_key(text.encode())
        else:
            raw = b64decode(re.sub(r"\s+", "", text), validate=True)
            if len(raw) == _KEY_BYTES:
                return Ed25519PublicKey.from_public_bytes(raw)
            key = load_der_public_key(raw)
    except ValueError as error:
        raise ValueError("this is not one public key (PEM or base64) and nothing else") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("this is no Ed25519 key")
    return key
