"""What is a good password, and how it is kept."""

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from users import passwords


@pytest.mark.parametrize("password", [
    "sober gulls over Ningbo", "correct horse battery staple", "k7qm-x2vd-9hwp-tn4c",
    "上海的雨一直下到天亮才停下来呢",
    "Xq9!mmT2#vLp", "a secret garden of mine",
])  # fmt: skip
def test_a_long_password_that_nobody_guesses_is_good(password: str) -> None:
    assert passwords.weakness(password, "li.na", "Li Na") is None


@pytest.mark.parametrize("password", [
    "", "short", "eleven char", "a" * 201, "aaaaaaaaaaaaaaaa", "abababababababab", "123456789012",
    "passwordpassword", "Password123456", "qwertyuiop12345", "tongdui-admin-123", "abcdefghijklmnop",
    "zhouxiaofeng1234",
])  # fmt: skip
def test_what_is_short_common_or_a_name_is_not(password: str) -> None:
    assert passwords.weakness(password, "zhouxiaofeng", "Zhou Xiaofeng") is not None


def test_a_hash_is_argon2id_salted_and_opens_with_its_password_only() -> None:
    first, second = passwords.hashed("sober gulls"), passwords.hashed("sober gulls")
    assert first.startswith("$argon2id$") and first != second
    assert passwords.is_right(first, "sober gulls") and not passwords.is_right(first, "sober gull")
    assert not passwords.is_right(first, "x" * 1000)
    assert not passwords.is_right("not a hash", "sober gulls")
    assert not passwords.is_outdated(first)
    assert passwords.is_outdated(first.replace("t=3", "t=2"))


def test_nobodys_hash_is_one_of_today_that_no_password_opens() -> None:
    """Not refused as malformed, which would tell by its speed that there is no such user."""
    assert not passwords.is_outdated(passwords.NOBODYS_HASH)
    assert len(passwords.NOBODYS_HASH) == len(passwords.hashed("sober gulls"))
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(passwords.NOBODYS_HASH, "sober gulls")


def test_temporary_passwords_are_good_ones_and_never_the_same() -> None:
    made = {passwords.temporary_password() for _ in range(200)}
    assert len(made) == 200
    assert all(passwords.weakness(one) is None for one in made)
