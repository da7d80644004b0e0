"""Erasure: a member's name and phone are taken out of the database for good.

What was booked stays as it is: the journal, the lots and the transactions tell of a wallet, and from now on
of nobody. Balances are not paid out or taken away; they end as they would have.
"""

from sqlalchemy import Connection, func, select, update

from clearing.cards import lock_wallet_of
from clearing.core.holds import HoldStatus
from clearing.core.outcomes import Code, Refusal
from clearing.core.snapshot import CardStatus
from clearing.phone_index import release_phone
from clearing.query import HoldFilter, database_time, list_holds
from clearing.tables import cards, members


def erase_member(connection: Connection, member_id: int) -> bool | Refusal:
    """Erase name and phone and block the member's cards, in the connection's transaction.

    False if that was done before: nothing changes then. Refused while the wallet has an open hold, whoever
    placed it: the guest is still expected, or in the house. The member must exist.
    """
    wallet_id = lock_wallet_of(connection, select(members.c.wallet_id).where(members.c.id == member_id))
    assert wallet_id is not None, "the member exists"
    erased_at = connection.execute(select(members.c.erased_at).where(members.c.id == member_id)).scalar_one()
    if erased_at is not None:
        return False
    wanted = HoldFilter(wallet_id=wallet_id, status=HoldStatus.HELD)
    if list_holds(connection, wanted, database_time(connection), None, 1):
        return Refusal(
            Code.HOLD_OPEN,
            "The member's wallet still has an open hold. Erase the data when it was captured or voided, or"
            " has ended.",
        )
    release_phone(connection, member_id)
    connection.execute(
        update(members)
        .where(members.c.id == member_id)
        .values(name_cipher=None, phone_cipher=None, phone_form=None, erased_at=func.clock_timestamp())
    )
    connection.execute(
        update(cards)
        .where(cards.c.wallet_id == wallet_id, cards.c.member_id == member_id)
        .values(status=CardStatus.BLOCKED.value)
    )
    return True
