"""Bank accounts: where the hub pays from, and where each participant is paid.

A change is a new row, so that it stays visible who changed an account and when. Every function works in the
caller's transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from settlement.tables import bank_accounts

#: What makes an account: a row that differs in one of these is another.
COLUMNS = (
    "holder", "iban", "account_number", "bic", "clearing_code", "bank_name", "street", "postal_code", "town",
    "country",
)  # fmt: skip


def put_account(connection: Connection, participant_id: int, values: Mapping[str, Any], made_by: str) -> Row:
    """`values`: the columns that a bank account has; `participant_id` may be the hub's."""
    row = insert(bank_accounts).values(
        participant_id=participant_id, made_at=func.clock_timestamp(), made_by=made_by, **values
    )
    return connection.execute(row.returning(bank_accounts)).one()


def read_account(connection: Connection, participant_id: int) -> Row | None:
    """The account that counts now."""
    query = select(bank_accounts).where(bank_accounts.c.participant_id == participant_id)
    return connection.execute(query.order_by(bank_accounts.c.id.desc()).limit(1)).one_or_none()


def read_accounts(connection: Connection, at: datetime | None = None) -> dict[int, Row]:
    """The account that counts now, or counted at that time, of everybody who has one."""
    newest = select(func.max(bank_accounts.c.id)).group_by(bank_accounts.c.participant_id)
    if at is not None:
        newest = newest.where(bank_accounts.c.made_at <= at)
    query = select(bank_accounts).where(bank_accounts.c.id.in_(newest))
    return {row.participant_id: row for row in connection.execute(query)}
