"""Passwords: Argon2id hashes, what a good one is, and temporary ones."""

import secrets
import threading
from base64 import b64encode

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from users.marks import N_

LENGTH_MIN, LENGTH_MAX = 12, 200
#: A password that consists of fewer different characters is a pattern.
DIFFERENT_MIN = 5
#: What is in so many passwords that it adds nothing; cut out before the length is measured.
COMMON = (
    "password", "passw0rd", "tongdui", "welcome", "letmein", "iloveyou", "administrator", "admin",
    "qwertyuiop", "qwerty", "asdfghjkl", "asdfgh", "zxcvbnm",
    "1q2w3e4r", "woaini", "mima", "changeme", "secret",
)  # fmt: skip
#: Runs of neighbours: on the keyboard and in the alphabet, forwards and backwards.
_RUNS = tuple(
    run
    for row in ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")
    for run in (row, row[::-1])
)
_RUN_MIN = 4
#: What is left when such parts are cut out must still be so long.
REST_MIN = 6

#: No letters or digits that look alike.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"

_hasher = PasswordHasher()
#: A hash takes 64 MiB; strangers must not be able to ask for any number of them at once.
_at_once = threading.BoundedSemaphore(4)


def hashed(password: str) -> str:
    """Argon2id with the parameters of RFC 9106's second recommendation, which are part of the text."""
    with _at_once:
        return _hasher.hash(password)


def _nobodys() -> str:
    """A hash like those of `hashed`, at random: a true one takes as long as a log-in, at each start."""
    salt, digest = (
        b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (_hasher.salt_len, _hasher.hash_len)
    )
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${digest}"


#: Of a password that nobody has: to check one against it takes as long as with a user who exists.
NOBODYS_HASH = _nobodys()


def is_right(password_hash: str, password: str) -> bool:
    if len(password) > LENGTH_MAX:
        return False
    with _at_once:
        try:
            return _hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(password_hash: str) -> bool:
    """Whether it was made with other parameters than hashes are made with now."""
    return _hasher.check_needs_rehash(password_hash)


def temporary_password() -> str:
    """`k7qm-x2vd-9hwp-tn4c`: about 79 bits that can be read out over the telephone."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def weakness(password: str, *personal: str) -> str | None:
    """Why it is no good password, in a sentence; None if it is. `personal`: the user's names.

    Length and being nobody else's first guess count; kinds of characters do not (NIST SP 800-63B).
    """
    if len(password) < LENGTH_MIN:
        return N_("Use at least 12 characters; a few words in a row are easy to remember.")
    if len(password) > LENGTH_MAX:
        return N_("Use at most 200 characters.")
    lowered = password.casefold()
    if len(set(lowered)) < DIFFERENT_MIN:
        return N_("Use more different characters.")
    words = [word for text in personal for word in text.casefold().split() if len(word) > 2]
    rest = lowered
    for part in (*COMMON, *words):
        rest = rest.replace(part, "")
    if len(_without_runs(rest)) < REST_MIN:
        return N_("This is too easy to guess: leave out names, common words and rows of neighbouring keys.")
    return None


def _without_runs(text: str) -> str:
    """The text without rows of neighbours and repetitions of four characters or more."""
    kept, start = "", 0
    while start < len(text):
        end = start + 1
        while end < len(text) and (
            any(text[start : end + 1] in run for run in _RUNS) or set(text[start : end + 1]) == {text[start]}
        ):
            end += 1
        if end - start < _RUN_MIN:
            end = start + 1
            kept += text[start]
        start = end
    return kept
