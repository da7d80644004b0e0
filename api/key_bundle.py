"""The keys of an installation in one encrypted file beside a backup: useless without the passphrase."""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

#: What guessing one passphrase costs: 128 MiB and about half a second.
_COST, _BLOCK, _LANES = 2**17, 8, 1
_KEY_BYTES, _SALT_BYTES, _NONCE_BYTES = 32, 16, 12
_PURPOSE = b"tongdui keys 1"


class WrongPassphrase(ValueError):
    """The bundle is another passphrase's, or damaged."""


def seal_keys(texts: Mapping[str, str], passphrase: str) -> bytes:
    """The texts of key files, by name, encrypted."""
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    content = json.dumps(dict(texts)).encode()
    sealed = AESGCM(_derived(passphrase, salt, _COST)).encrypt(nonce, content, _PURPOSE)
    told = {"cost": _COST, "salt": _text(salt), "nonce": _text(nonce), "keys": _text(sealed)}
    return json.dumps(told, indent=2).encode()


def open_keys(bundle: bytes, passphrase: str) -> dict[str, str]:
    """What was sealed. Raises WrongPassphrase."""
    try:
        told = json.loads(bundle)
        salt, nonce, sealed = (b64decode(told[name]) for name in ("salt", "nonce", "keys"))
        key = _derived(passphrase, salt, int(told["cost"]))
        found: dict[str, str] = json.loads(AESGCM(key).decrypt(nonce, sealed, _PURPOSE))
    except (ValueError, KeyError, TypeError, InvalidTag) as error:
        raise WrongPassphrase(
            "the keys cannot be opened with this passphrase, or the file is damaged"
        ) from error
    return found


def _derived(passphrase: str, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt, _KEY_BYTES, cost, _BLOCK, _LANES).derive(passphrase.encode())


def _text(content: bytes) -> str:
    return b64encode(content).decode()
