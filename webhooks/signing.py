"""Secrets of endpoints: made, kept encrypted, and used to sign as https://www.standardwebhooks.com says.

They are encrypted with the keys of personal data, each bound to its endpoint, so that one row's secret
cannot be put into another. During a rotation there are two, and a delivery carries a signature by each.
"""

import base64
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import ColumnElement, Connection, Engine, Row, func, or_, select, update
from standardwebhooks import Webhook

from clearing.privacy import PersonalData
from webhooks.tables import webhook_endpoints

PREFIX = "whsec_"
#: For so long the secret before goes on signing, too.
OLD_SECRET_KEPT = timedelta(days=1)
PORTION = 500
_CIPHERS = (webhook_endpoints.c.secret_cipher, webhook_endpoints.c.old_secret_cipher)


def new_secret() -> str:
    """`whsec_…`, 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def seal(personal_data: PersonalData, endpoint_id: int, secret: str) -> bytes:
    return personal_data.encrypt(_field(endpoint_id), secret)


def unseal(personal_data: PersonalData, endpoint_id: int, cipher: bytes) -> str:
    """Raises KeyError for a key that is not at hand and InvalidTag for data that was changed."""
    return personal_data.decrypt(_field(endpoint_id), cipher)


def signed_headers(secrets_: Sequence[str], id_: str, body: str, at: datetime) -> dict[str, str]:
    """The three headers of Standard Webhooks; `at` is when it is sent, in UTC."""
    signatures = [Webhook(secret).sign(id_, at, body) for secret in secrets_]
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def count_secrets(connection: Connection) -> dict[int, int]:
    """How many secrets each key of personal data guards."""
    counts: dict[int, int] = {}
    for cipher in _CIPHERS:
        key_id = func.get_byte(cipher, 0)
        query = select(key_id, func.count()).where(cipher.is_not(None)).group_by(key_id)
        for found, count in connection.execute(query):
            counts[found] = counts.get(found, 0) + count
    return counts


def rotate_secrets(engine: Engine, personal_data: PersonalData, portion: int = PORTION) -> Iterator[int]:
    """Encrypt secrets under an older key with the newest one; how many endpoints each portion had.

    As `clearing.rotation` does with names. Secrets under a key that is not at hand are left as they are.
    """
    last = -1
    while True:
        with engine.begin() as connection:
            query = select(webhook_endpoints).where(webhook_endpoints.c.id > last, _is_old(personal_data))
            rows = connection.execute(
                query.order_by(webhook_endpoints.c.id).limit(portion).with_for_update(key_share=True)
            ).all()
            done = [_rotate(connection, personal_data, row) for row in rows]
        if not rows:
            return
        last = rows[-1].id
        yield sum(done)


def _rotate(connection: Connection, personal_data: PersonalData, row: Row[Any]) -> bool:
    try:
        anew = {
            name: seal(personal_data, row.id, unseal(personal_data, row.id, row._mapping[name]))
            for name in (cipher.name for cipher in _CIPHERS)
            if row._mapping[name] is not None
        }
    except (InvalidTag, KeyError):
        return False  # `tongdui keys status` goes on counting it under its key
    connection.execute(update(webhook_endpoints).where(webhook_endpoints.c.id == row.id).values(anew))
    return True


def _is_old(personal_data: PersonalData) -> ColumnElement[bool]:
    old = sorted(personal_data.key_ids - {personal_data.current})
    return or_(*(func.get_byte(cipher, 0).in_(old) for cipher in _CIPHERS))


def _field(endpoint_id: int) -> str:
    return f"webhook secret {endpoint_id}"
