"""What the commands tell of members' phones that are not each one person's."""

from collections.abc import Iterator

from sqlalchemy import Connection

from clearing import ids
from clearing.directory import read_directory
from clearing.phone_index import count_stale, count_unread, list_collisions

COLLISIONS_SHOWN = 50


def told_of_phones(connection: Connection) -> list[str]:
    """Sentences, none if all phones are compared and each is one person's."""
    return [*collisions(connection), *unread(connection)]


def collisions(connection: Connection) -> Iterator[str]:
    """A sentence for each member whose phone is another's, too."""
    found = list_collisions(connection, COLLISIONS_SHOWN + 1)
    directory = read_directory(connection) if found else None
    for one in found[:COLLISIONS_SHOWN]:
        assert directory is not None, "it is read where there is one"
        yield (
            f"Member {ids.member_id(one.member_id)} of {directory.participants[one.participant_id].code} has"
            f" the phone of {ids.member_id(one.holder_id)} of"
            f" {directory.participants[one.holder_participant_id].code}, who was enrolled before."
        )
    if len(found) > COLLISIONS_SHOWN:
        yield "… and more: SELECT * FROM phone_collisions."


def unread(connection: Connection) -> Iterator[str]:
    if stale := count_stale(connection):
        yield (
            f"{stale} phones are not compared yet: their key is not at hand, or an older program wrote them."
            " Restore the keys, stop what is older, and run `tongdui db upgrade` again."
        )
    if kept := count_unread(connection):
        yield f"{kept} phones are no whole phone numbers and are compared as they were written."
