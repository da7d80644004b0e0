"""What has become of the rows of members, as CSV: who is whose member now, and with which card."""

from collections.abc import Iterator

from sqlalchemy import Connection

from api.imports import store
from clearing import ids
from clearing.core.directory import Directory
from clearing.privacy import PersonalData, masked_number
from tabular.writing import csv_lines

HEAD = ("row", "participant", "member", "wallet", "card", "status", "name", "tier")


def results_csv(
    connection: Connection,
    found: store.Import,
    directory: Directory,
    personal_data: PersonalData,
    *,
    in_clear: bool = True,
) -> Iterator[str]:
    """The lines of the file, streamed: one for each row that was accepted or known before, in their order.

    The card is the one that the member was given last. Names, and all but the last digits of cards, are left
    out unless `in_clear`: they are for who sent the file.
    """

    def rows() -> Iterator[tuple[str, ...]]:
        yield HEAD
        for one in store.enrolled(connection, found.id):
            name = one.name_cipher if in_clear else None
            yield (
                str(one.row),
                directory.participants[one.participant_id].code,
                ids.member_id(one.member_id),
                ids.wallet_id(one.wallet_id),
                one.card if in_clear else masked_number(one.card),
                one.card_status,
                personal_data.decrypt("name", name) if name is not None else "",
                one.tier or "",
            )

    return csv_lines(rows())
