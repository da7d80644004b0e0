"""What the commands tell of merchants' numbers under which more than one transaction was booked."""

from collections.abc import Iterator

from sqlalchemy import Connection

from clearing import ids
from clearing.core.journal import TransactionKind
from clearing.directory import read_directory
from clearing.former_numbers import list_shared_numbers

NUMBERS_SHOWN = 50


def shared_numbers(connection: Connection) -> Iterator[str]:
    """A sentence for each transaction that an earlier version booked under a number that another one has."""
    found = list_shared_numbers(connection, NUMBERS_SHOWN + 1)
    if not found:
        return
    directory = read_directory(connection)
    codes = {merchant.id: code for code, merchant in directory.merchants.items()}
    for one in found[:NUMBERS_SHOWN]:
        is_opening = one.kind is TransactionKind.OPENING
        whose = directory.participants[one.whose].code if is_opening else codes[one.whose]
        written = "" if one.written == one.reference else f", booked as {one.written!r}"
        yield (
            f"The number {one.reference!r} of {whose} stands on two transactions of kind {one.kind.label}:"
            f" {ids.encode('txn', *one.transaction)} and {ids.encode('txn', *one.other)}{written}. An earlier"
            " version did not see it. If they are one bill, reverse one of them."
        )
    if len(found) > NUMBERS_SHOWN:
        yield "… and more: SELECT * FROM reference_collisions."
