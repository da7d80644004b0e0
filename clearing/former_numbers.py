"""What earlier versions booked under a number that another transaction has, as numbers are compared now.

They kept numbers as they were sent, so `A-1` and `A-1 ` were two; and they did not ask whether an issuer had
given a number to an opening balance before. One bill may have been booked twice so. Nothing of it is changed:
who has looked at the two reverses one of them, or knows that they are two.
"""

from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select

from clearing.core.journal import TransactionKind
from clearing.tables import reference_collisions, references


class SharedNumber(NamedTuple):
    """`reference`, in its form of now, is the number of `transaction`; `other` was booked under it, too, as
    `written`. Both are (wallet, id), of a transaction or of a hold with its id. `whose`: a merchant, of
    opening balances the issuer.
    """

    whose: int
    kind: TransactionKind
    reference: str
    transaction: tuple[int, int]
    other: tuple[int, int]
    written: str


def list_shared_numbers(connection: Connection, limit: int) -> list[SharedNumber]:
    """In the order in which the others were booked."""
    other, has = reference_collisions.c, references.c
    same = and_(
        has.merchant_id == other.merchant_id, has.kind == other.kind, has.reference == other.reference
    )
    query = (
        select(reference_collisions, has.wallet_id.label("has_wallet"), has.transaction_id.label("has_id"))
        .join(references, same)
        .order_by(other.transaction_id)
        .limit(limit)
    )
    return [
        SharedNumber(
            row.merchant_id,
            TransactionKind(row.kind),
            row.reference,
            (row.has_wallet, row.has_id),
            (row.wallet_id, row.transaction_id),
            row.written,
        )
        for row in connection.execute(query)
    ]


def count_shared_numbers(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(reference_collisions)).scalar_one())
