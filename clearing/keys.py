"""API keys: `tdk_live_<id>_<secret>`, shown once; only a hash of the secret is stored.

The secret is 32 random bytes, so a plain SHA-256 of it cannot be guessed and a slow hash is not needed.
"""

import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from clearing.core.commands import Caller, Scope
from clearing.tables import api_keys

_KEY = re.compile(r"tdk_(?:live|test)_([A-Za-z0-9]+)_([A-Za-z0-9_-]+)")

#: The id under which a bootstrap key is kept that is not written in the usual form.
BOOTSTRAP_ID = "bootstrap"
BOOTSTRAP_NAME = "bootstrap"
SECRET_CHARACTERS_MIN = 16


class StoredKey(NamedTuple):
    id: str
    secret_hash: bytes
    caller: Caller
    name: str
    made_at: datetime
    revoked_at: datetime | None

    def opens_with(self, secret: str) -> bool:
        return self.revoked_at is None and hmac.compare_digest(self.secret_hash, hash_of(secret))


def split(key: str) -> tuple[str, str]:
    """(id, secret) of a key as a client sends it."""
    match = _KEY.fullmatch(key)
    return (match[1], match[2]) if match else (BOOTSTRAP_ID, key)


def hash_of(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def make_key(
    connection: Connection,
    scope: Scope,
    name: str,
    *,
    participant_id: int | None = None,
    merchant_id: int | None = None,
    made_by: str | None = None,
    test: bool = False,
) -> tuple[str, StoredKey]:
    """A new key; the text is returned here and never again."""
    key_id, secret = secrets.token_hex(6), secrets.token_hex(32)
    connection.execute(
        insert(api_keys).values(
            id=key_id,
            secret_hash=hash_of(secret),
            scope=scope.value,
            participant_id=participant_id,
            merchant_id=merchant_id,
            name=name,
            made_at=func.clock_timestamp(),
            made_by=made_by,
        )
    )
    stored = read_key(connection, key_id)
    assert stored is not None, "the key was just written"
    return f"tdk_{'test' if test else 'live'}_{key_id}_{secret}", stored


def accept_bootstrap_key(connection: Connection, key: str) -> None:
    """Let this operator key in; one with the same id and another secret takes the place of the first.

    A bootstrap key that was revoked stays revoked. Raises ValueError for a key that is too short.
    """
    key_id, secret = split(key)
    if len(secret) < SECRET_CHARACTERS_MIN:
        raise ValueError(f"the bootstrap key's secret must have at least {SECRET_CHARACTERS_MIN} characters")
    row = upsert(api_keys).values(
        id=key_id,
        secret_hash=hash_of(secret),
        scope=Scope.OPERATOR.value,
        name=BOOTSTRAP_NAME,
        made_at=func.clock_timestamp(),
    )
    connection.execute(
        row.on_conflict_do_update(
            index_elements=[api_keys.c.id],
            set_={"secret_hash": row.excluded.secret_hash, "revoked_at": None},
            where=(api_keys.c.name == BOOTSTRAP_NAME) & (api_keys.c.secret_hash != row.excluded.secret_hash),
        )
    )


def has_operator_key(connection: Connection) -> bool:
    query = select(api_keys.c.id).where(
        api_keys.c.scope == Scope.OPERATOR.value, api_keys.c.revoked_at.is_(None)
    )
    return connection.execute(query.limit(1)).first() is not None


def read_key(connection: Connection, key_id: str) -> StoredKey | None:
    return read_keys(connection, [key_id]).get(key_id)


def read_keys(connection: Connection, key_ids: Iterable[str]) -> dict[str, StoredKey]:
    """By id, as far as they exist."""
    rows = connection.execute(select(api_keys).where(api_keys.c.id.in_(key_ids)))
    return {row.id: _stored(row) for row in rows}


def list_keys(
    connection: Connection,
    participant_id: int | None,
    after: str | None,
    limit: int,
    revoked: bool | None = None,
) -> list[StoredKey]:
    """Keys by id; `participant_id` None lists everybody's, `revoked` None those in use and all others."""
    query = select(api_keys).order_by(api_keys.c.id).limit(limit)
    if participant_id is not None:
        query = query.where(api_keys.c.participant_id == participant_id)
    if revoked is not None:
        query = query.where(
            api_keys.c.revoked_at.is_not(None) if revoked else api_keys.c.revoked_at.is_(None)
        )
    if after is not None:
        query = query.where(api_keys.c.id > after)
    return [_stored(row) for row in connection.execute(query)]


def revoke_key(connection: Connection, key_id: str) -> None:
    """From now on the key opens nothing. Revoking twice is the same as once."""
    connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=func.clock_timestamp())
    )


def _stored(row: Row) -> StoredKey:
    caller = Caller(row.id, Scope(row.scope), row.participant_id, row.merchant_id)
    return StoredKey(row.id, bytes(row.secret_hash), caller, row.name, row.made_at, row.revoked_at)
