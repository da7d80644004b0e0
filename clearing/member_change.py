"""What a participant corrects about a member: name, phone and tier."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, update

from clearing.core.directory import Directory
from clearing.core.enrolment import phone_taken
from clearing.core.outcomes import Refusal
from clearing.phone_index import release_phone
from clearing.phones import FORM, NotAPhone, e164
from clearing.privacy import PersonalData
from clearing.tables import members, phone_collisions


class Changed(NamedTuple):
    """`fields`: the names of those that are other than before. `tiers`: before and after."""

    fields: tuple[str, ...]
    tiers: tuple[str | None, str | None]


def change_member(
    connection: Connection,
    personal_data: PersonalData,
    directory: Directory,
    member_id: int,
    wanted: Mapping[str, Any],
) -> Changed | Refusal | None:
    """Set what `wanted` names of name, phone and tier, in the connection's transaction; None of it takes it
    away. None for a member whose data was erased: there is nobody left to change. The member must exist.

    A phone by which another member is found is refused as it is at an enrolment, unless both have one
    wallet: then they are one person, whose cards were linked. A phone that another transaction takes at the
    same moment raises the database's unique violation: repeat the transaction, and the repetition sees it.
    """
    row = connection.execute(select(members).where(members.c.id == member_id).with_for_update()).one()
    if row.erased_at is not None:
        return None
    changed = tuple(name for name, value in wanted.items() if value != _now(personal_data, row, name))
    if "phone" in changed:
        refusal = _set_phone(connection, personal_data, directory, row, wanted["phone"])
        if refusal is not None:
            return refusal
    values: dict[str, Any] = {}
    if "name" in changed:
        name = wanted["name"]
        values["name_cipher"] = personal_data.encrypt("name", name) if name is not None else None
    if "tier" in changed:
        values["tier"] = wanted["tier"]
    if values:
        connection.execute(update(members).where(members.c.id == member_id).values(values))
    return Changed(changed, (row.tier, wanted.get("tier", row.tier)))


def _now(personal_data: PersonalData, row: Row, name: str) -> str | None:
    """What is on record; of a phone, its form of now."""
    if name == "tier":
        tier: str | None = row.tier
        return tier
    cipher = row._mapping[f"{name}_cipher"]
    if cipher is None:
        return None
    text = personal_data.decrypt(name, cipher)
    if name == "name":
        return text
    try:
        return e164(text)
    except NotAPhone:
        return text


def _set_phone(
    connection: Connection, personal_data: PersonalData, directory: Directory, row: Row, phone: str | None
) -> Refusal | None:
    index = personal_data.phone_index(phone) if phone is not None else None
    holder = None
    if index is not None:
        query = select(members.c.participant_id, members.c.wallet_id)
        query = query.where(members.c.phone_index == index, members.c.id != row.id)
        holder = connection.execute(query).one_or_none()
        if holder is not None and holder.wallet_id != row.wallet_id:
            return phone_taken(directory.participants[row.participant_id], holder.participant_id)
    release_phone(connection, row.id)
    connection.execute(
        update(members)
        .where(members.c.id == row.id)
        .values(
            phone_cipher=personal_data.encrypt("phone", phone) if phone is not None else None,
            phone_index=index if holder is None else None,
            phone_form=FORM if phone is not None else None,
        )
    )
    if holder is not None:
        at = func.clock_timestamp()
        connection.execute(insert(phone_collisions).values(member_id=row.id, phone_index=index, found_at=at))
    return None
