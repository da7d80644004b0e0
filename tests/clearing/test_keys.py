"""API keys: shown once, kept as a hash, revoked for good."""

import pytest
from sqlalchemy import Engine, select

from clearing import keys
from clearing.core.commands import Scope
from clearing.tables import api_keys

BOOTSTRAP = "tdk_test_first_0123456789abcdef"


def test_a_key_opens_and_its_secret_is_not_in_the_database(engine: Engine) -> None:
    with engine.begin() as connection:
        text, made = keys.make_key(connection, Scope.OPERATOR, "till", made_by="tests")
        key_id, secret = keys.split(text)
        stored = keys.read_key(connection, key_id)
        row = connection.execute(select(api_keys)).one()
    assert stored == made
    assert made.opens_with(secret)
    assert not made.opens_with(secret[:-1])
    assert not made.opens_with("")
    assert secret.encode() not in bytes(row.secret_hash)
    assert secret not in str(row)
    assert text.startswith("tdk_live_")


def test_no_two_keys_are_the_same(engine: Engine) -> None:
    with engine.begin() as connection:
        made = {keys.make_key(connection, Scope.AUDITOR, "")[0] for _ in range(20)}
    assert len(made) == 20


def test_a_revoked_key_opens_nothing_and_stays_revoked_since_then(engine: Engine) -> None:
    with engine.begin() as connection:
        text, made = keys.make_key(connection, Scope.OPERATOR, "")
        keys.revoke_key(connection, made.id)
    first = _read(engine, made.id)
    assert not first.opens_with(keys.split(text)[1])
    with engine.begin() as connection:
        keys.revoke_key(connection, made.id)
    assert _read(engine, made.id) == first


def _read(engine: Engine, key_id: str) -> keys.StoredKey:
    with engine.connect() as connection:
        found = keys.read_key(connection, key_id)
    assert found is not None
    return found


def test_a_bootstrap_key_is_let_in_once_and_not_revived(engine: Engine) -> None:
    key_id, secret = keys.split(BOOTSTRAP)
    for _ in range(2):
        with engine.begin() as connection:
            keys.accept_bootstrap_key(connection, BOOTSTRAP)
    assert _read(engine, key_id).opens_with(secret)
    with engine.begin() as connection:
        assert keys.has_operator_key(connection)
        keys.revoke_key(connection, key_id)
        keys.accept_bootstrap_key(connection, BOOTSTRAP)
        assert not keys.has_operator_key(connection)
    assert not _read(engine, key_id).opens_with(secret)


def test_a_bootstrap_key_may_have_any_form_but_not_be_short(engine: Engine) -> None:
    with engine.begin() as connection:
        keys.accept_bootstrap_key(connection, "correct horse battery staple")
        assert keys.read_key(connection, keys.BOOTSTRAP_ID) is not None
        with pytest.raises(ValueError, match="16 characters"):
            keys.accept_bootstrap_key(connection, "tdk_live_first_short")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("tdk_live_ab12_s3cret-_", ("ab12", "s3cret-_")),
        ("tdk_test_ab12_s3cret", ("ab12", "s3cret")),
        ("tdk_demo_ab12_s3cret", ("bootstrap", "tdk_demo_ab12_s3cret")),
        ("tdk_live__s3cret", ("bootstrap", "tdk_live__s3cret")),
        ("tdk_live_ab12_", ("bootstrap", "tdk_live_ab12_")),
        ("tdk_live_ab12_s3cret\n", ("bootstrap", "tdk_live_ab12_s3cret\n")),
        ("", ("bootstrap", "")),
    ],
)
def test_a_key_is_split_into_id_and_secret(text: str, parts: tuple[str, str]) -> None:
    assert keys.split(text) == parts
