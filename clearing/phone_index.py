"""By which hash a member's phone is found: hashed anew when the rules change, passed on when it is given up.

Members who were enrolled while `15400200002` and `8615400200002` were two phones may have one phone. Neither
is merged with the other or lost: who was enrolled first keeps the hash, so that nobody else enrols the
person, and the other is listed in `phone_collisions` until one of them changes the phone or is erased. It is
not told of any more when both have one wallet.
"""

from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from clearing.phones import FORM, NotAPhone, e164
from clearing.privacy import PersonalData
from clearing.tables import members, phone_collisions

PORTION = 500
#: A person may be enrolled by a running server in the moment in which the same phone is hashed here.
TRIES_MAX = 5

_UPDATE = """
UPDATE members
   SET phone_index = v.phone_index, phone_form = v.phone_form
  FROM unnest(%(ids)s::bigint[], %(indexes)s::bytea[], %(forms)s::smallint[])
       AS v (id, phone_index, phone_form)
 WHERE members.id = v.id
"""


class Collision(NamedTuple):
    """`member_id` has the phone of `holder_id`, who was enrolled before; with their participants."""

    member_id: int
    participant_id: int
    holder_id: int
    holder_participant_id: int


class _Hashed(NamedTuple):
    member_id: int
    found_by: bytes | None
    form: int


def rehash_phones(engine: Engine, personal_data: PersonalData, portion: int = PORTION) -> int:
    """Hash all phones that were hashed by other rules; the number of members that were looked at.

    Each portion is a transaction of its own: stopped at any time, it goes on where it was. A phone that
    cannot be read as E.164 keeps its hash (its form is then below zero); one whose key is not at hand is
    left.
    """
    done, last = 0, -1
    while True:
        for tries_left in reversed(range(TRIES_MAX)):
            try:
                with engine.begin() as connection:
                    rows = _lock_stale(connection, last, portion)
                    _rehash(connection, personal_data, rows)
                break
            except IntegrityError:
                if not tries_left:
                    raise
        if not rows:
            return done
        done, last = done + len(rows), rows[-1].id


def count_stale(connection: Connection) -> int:
    """How many members have a phone that is not hashed by the rules of now."""
    return int(connection.execute(select(func.count()).select_from(members).where(_is_stale())).scalar_one())


def count_unread(connection: Connection) -> int:
    """How many members have a phone that cannot be read as E.164."""
    query = select(func.count()).select_from(members).where(members.c.phone_form == -FORM)
    return int(connection.execute(query).scalar_one())


def list_collisions(connection: Connection, limit: int) -> list[Collision]:
    """Pairs of members with one phone and two wallets, in the order in which the later were enrolled."""
    holder = members.alias()
    query = (
        select(members.c.id, members.c.participant_id, holder.c.id, holder.c.participant_id)
        .select_from(phone_collisions)
        .join(members, members.c.id == phone_collisions.c.member_id)
        .join(holder, holder.c.phone_index == phone_collisions.c.phone_index)
        .where(members.c.wallet_id != holder.c.wallet_id)
        .order_by(members.c.id)
        .limit(limit)
    )
    return [Collision(*row) for row in connection.execute(query)]


def release_phone(connection: Connection, member_id: int) -> None:
    """Take the member's hash away; whoever is listed with the same phone, the earliest, gets it.

    In the transaction that changes or erases the phone, in which the member's row is locked.
    """
    connection.execute(delete(phone_collisions).where(phone_collisions.c.member_id == member_id))
    found = select(members.c.phone_index).where(members.c.id == member_id).with_for_update()
    index: bytes | None = connection.execute(found).scalar_one()
    if index is None:
        return
    connection.execute(update(members).where(members.c.id == member_id).values(phone_index=None))
    waiting = (
        select(phone_collisions.c.member_id)
        .where(phone_collisions.c.phone_index == index)
        .order_by(phone_collisions.c.member_id)
        .limit(1)
        .with_for_update()
    )
    heir: int | None = connection.execute(waiting).scalar_one_or_none()
    if heir is not None:
        connection.execute(delete(phone_collisions).where(phone_collisions.c.member_id == heir))
        connection.execute(update(members).where(members.c.id == heir).values(phone_index=index))


def _is_stale() -> ColumnElement[bool]:
    form = members.c.phone_form
    other = or_(form.is_(None), form.not_in((FORM, -FORM)))
    return and_(members.c.phone_cipher.is_not(None), other)


def _lock_stale(connection: Connection, last: int, portion: int) -> list[Row]:
    """The next of them, in the order in which they were enrolled; two that hash at once take turns."""
    query = select(members.c.id, members.c.phone_cipher, members.c.phone_index)
    query = query.where(members.c.id > last, _is_stale()).order_by(members.c.id).limit(portion)
    return list(connection.execute(query.with_for_update(key_share=True)))


def _rehash(connection: Connection, personal_data: PersonalData, rows: list[Row]) -> None:
    read = [one for row in rows if (one := _hashed(personal_data, row)) is not None]
    indexes = [one.found_by for one in read if one.found_by is not None]
    query = select(members.c.phone_index, members.c.id).where(members.c.phone_index.in_(indexes))
    holders = {bytes(index): member_id for index, member_id in connection.execute(query)}
    changed, collisions = [], []
    for one in read:
        index = one.found_by
        if index is not None and holders.setdefault(index, one.member_id) != one.member_id:
            collisions.append({"member_id": one.member_id, "phone_index": index})
            index = None
        changed.append(one._replace(found_by=index))
    if changed:
        ids, new, forms = (list(column) for column in zip(*changed, strict=True))
        connection.exec_driver_sql(_UPDATE, {"ids": ids, "indexes": new, "forms": forms})
    if collisions:
        known = delete(phone_collisions).where(
            phone_collisions.c.member_id.in_([one["member_id"] for one in collisions])
        )
        connection.execute(known)
        at = func.clock_timestamp()
        connection.execute(insert(phone_collisions).values([{**one, "found_at": at} for one in collisions]))


def _hashed(personal_data: PersonalData, row: Row) -> _Hashed | None:
    """None if the key of the phone is not at hand."""
    try:
        phone = personal_data.decrypt("phone", row.phone_cipher)
    except (KeyError, InvalidTag):
        return None
    try:
        return _Hashed(row.id, personal_data.phone_index(e164(phone)), FORM)
    except NotAPhone:
        return _Hashed(row.id, bytes(row.phone_index) if row.phone_index is not None else None, -FORM)
