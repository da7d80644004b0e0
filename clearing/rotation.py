"""Rotation: names and phones that were encrypted with an older key are encrypted with the newest one.

Done in portions, each a transaction of its own, so that it can be stopped at any time and begun again, and
beside servers that enrol and erase. The hash that finds a phone has a key of its own and stays.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from sqlalchemy import ColumnElement, Connection, Engine, Row, func, or_, select

from clearing.privacy import PersonalData
from clearing.tables import members

PORTION = 500
_FIELDS = ("name", "phone")

_UPDATE = """
UPDATE members
   SET name_cipher = coalesce(v.name, members.name_cipher),
       phone_cipher = coalesce(v.phone, members.phone_cipher)
  FROM unnest(%(ids)s::bigint[], %(names)s::bytea[], %(phones)s::bytea[]) AS v (id, name, phone)
 WHERE members.id = v.id
"""


class KeyUse(NamedTuple):
    """How many values a key guards."""

    key_id: int
    names: int
    phones: int


class Rotated(NamedTuple):
    """What one portion did. `unreadable`: members with a value that its key does not open."""

    members: int
    names: int
    phones: int
    unreadable: list[int]


def read_key_use(connection: Connection) -> list[KeyUse]:
    """By key id, in order; keys that guard nothing are left out."""
    counts: dict[int, dict[str, int]] = {}
    for field in _FIELDS:
        key_id = _key_id(field)
        query = select(key_id, func.count()).where(key_id.is_not(None)).group_by(key_id)
        for found, count in connection.execute(query):
            counts.setdefault(found, {})[field] = count
    return [KeyUse(key_id, *(counts[key_id].get(field, 0) for field in _FIELDS)) for key_id in sorted(counts)]


def count_old(connection: Connection, personal_data: PersonalData) -> int:
    """How many members have a value under an older key that is at hand."""
    query = select(func.count()).select_from(members).where(_is_old(personal_data))
    return int(connection.execute(query).scalar_one())


def rotate(engine: Engine, personal_data: PersonalData, portion: int = PORTION) -> Iterator[Rotated]:
    """Encrypt every value under an older key anew, portion by portion; each is committed when it is given.

    Values under a key that is not at hand are left as they are.
    """
    last = -1
    while True:
        with engine.begin() as connection:
            rows = _lock_old(connection, personal_data, last, portion)
            done = _rotate(connection, personal_data, rows)
        if not rows:
            return
        last = rows[-1].id
        yield done


def _lock_old(connection: Connection, personal_data: PersonalData, last: int, portion: int) -> list[Row]:
    """The next members with an old value, locked in the order of their ids.

    A member who is being erased at this moment is waited for, and is then no longer among them.
    """
    query = (
        select(members.c.id, members.c.name_cipher, members.c.phone_cipher)
        .where(members.c.id > last, _is_old(personal_data))
        .order_by(members.c.id)
        .limit(portion)
        .with_for_update(key_share=True)
    )
    return list(connection.execute(query))


def _rotate(connection: Connection, personal_data: PersonalData, rows: list[Row]) -> Rotated:
    changed: list[tuple[int, bytes | None, bytes | None]] = []
    unreadable = []
    for row in rows:
        try:
            name = _anew(personal_data, "name", row.name_cipher)
            phone = _anew(personal_data, "phone", row.phone_cipher)
        except InvalidTag:
            unreadable.append(row.id)
        else:
            changed.append((row.id, name, phone))
    if changed:
        ids, names, phones = (list(column) for column in zip(*changed, strict=True))
        connection.exec_driver_sql(_UPDATE, {"ids": ids, "names": names, "phones": phones})
    return Rotated(
        len(changed),
        sum(name is not None for _, name, _ in changed),
        sum(phone is not None for _, _, phone in changed),
        unreadable,
    )


def _anew(personal_data: PersonalData, field: str, cipher: bytes | None) -> bytes | None:
    """The value under the current key; None if there is nothing to do."""
    if cipher is None or cipher[0] not in _old_keys(personal_data):
        return None
    return personal_data.encrypt(field, personal_data.decrypt(field, cipher))


def _old_keys(personal_data: PersonalData) -> list[int]:
    return sorted(personal_data.key_ids - {personal_data.current})


def _is_old(personal_data: PersonalData) -> ColumnElement[bool]:
    old = _old_keys(personal_data)
    return or_(*(_key_id(field).in_(old) for field in _FIELDS))


def _key_id(field: str) -> ColumnElement[Any]:
    """The first byte of a ciphertext."""
    return func.get_byte(members.c[f"{field}_cipher"], 0)
