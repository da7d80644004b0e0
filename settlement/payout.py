"""What the hub pays out on the nets of an approved period, ready for a payment file."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, Row, select

from clearing.core.accounts import HUB
from clearing.core.calendar import period_name
from clearing.directory import read_rulebook
from settlement.accounts import read_balances
from settlement.bank_accounts import read_accounts
from settlement.life import lock_closed, not_approved
from settlement.query import read_participant_codes
from settlement.references import reference_of
from settlement.refusals import Refusal, Refused
from settlement.tables import statements


class Payout(NamedTuple):
    """One transfer: `amount` in fen, `account` a row of `bank_accounts`."""

    amount: int
    reference: str
    statement: str
    account: Row


class Payouts(NamedTuple):
    """All transfers of one period, by participant, from the hub's account."""

    period: int
    currency: str
    due_on: date
    account: Row
    transfers: Sequence[Payout]

    @property
    def total(self) -> int:
        return sum(one.amount for one in self.transfers)


def read_payouts(connection: Connection, number: int) -> Payouts | Refusal:
    """What is left to be paid out: payments on record are taken off already."""
    settled = lock_closed(connection, number)
    if isinstance(settled, Refusal):
        return settled
    if settled.approved_at is None:
        return not_approved(number)
    owed = {who: one.outstanding for who, one in read_balances(connection, number).items()}
    owed = {who: amount for who, amount in sorted(owed.items()) if amount > 0}
    if not owed:
        return Refusal(
            Refused.NOTHING_OUTSTANDING, f"The hub has nothing left to pay out for {period_name(number)}."
        )
    accounts = read_accounts(connection)
    missing = [who for who in (HUB, *owed) if who not in accounts]
    if missing:
        codes = {HUB: "the hub"} | read_participant_codes(connection)
        names = ", ".join(codes[who] for who in missing)
        return Refusal(
            Refused.BANK_ACCOUNT_MISSING,
            f"No bank account is on record of {names}. Set it first: PUT"
            " /v1/participants/{code}/bank-account, of the hub PUT /v1/alliance/bank-account.",
        )
    query = select(statements.c.participant_id, statements.c.number).where(statements.c.period == number)
    numbers = {row.participant_id: row.number for row in connection.execute(query)}
    transfers = [
        Payout(amount, reference_of(number, who), numbers[who], accounts[who]) for who, amount in owed.items()
    ]
    currency = read_rulebook(connection).settings.currency
    return Payouts(number, currency, settled.due_on, accounts[HUB], transfers)
