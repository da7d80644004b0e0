"""What the hub pays out on the nets of an approved period, ready for a payment file."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.dialects import postgresql

from clearing.core.accounts import HUB, HUB_CODE
from clearing.core.calendar import period_name
from clearing.directory import read_rulebook
from settlement.accounts import read_balances
from settlement.bank_accounts import COLUMNS, read_accounts
from settlement.bank_days import is_bank_day, next_bank_day
from settlement.bank_details import account_faults
from settlement.life import lock_closed, not_approved
from settlement.query import read_participant_codes
from settlement.references import reference_of
from settlement.refusals import Refusal, Refused
from settlement.tables import payment_file_transfers, payment_files, statements

_ID_CHARACTERS = 16
#: A bank keeps no order for longer.
EXECUTION_DAYS_MAX = 365


class Payout(NamedTuple):
    """One transfer: `amount` in fen, `account` a row of `bank_accounts`."""

    participant_id: int
    amount: int
    reference: str
    statement: str
    account: Row


class Changed(NamedTuple):
    """An account that is no longer what it was when the period was approved: rows of `bank_accounts`."""

    code: str
    before: Row
    now: Row


class Payouts(NamedTuple):
    """All transfers of one period, by participant, from the hub's account.

    `changed`: the accounts among them that were changed after the approval.
    """

    period: int
    currency: str
    due_on: date
    account: Row
    transfers: Sequence[Payout]
    changed: Sequence[Changed] = ()

    @property
    def total(self) -> int:
        return sum(one.amount for one in self.transfers)

    @property
    def message_id(self) -> str:
        """`TD202611-0123456789abcdef`: the same for the same payouts to the same accounts."""
        parts = [str(self.account.id)]
        parts += [f"{one.reference} {one.amount} {one.account.id}" for one in self.transfers]
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        return f"TD{self.period}-{digest[:_ID_CHARACTERS]}"

    @property
    def change(self) -> int | None:
        """The number of the newest change after the approval; who confirms it has seen all of them."""
        return max((one.now.id for one in self.changed), default=None)


class Batch(NamedTuple):
    """A file of payouts that was given out: `amounts` in fen by participant."""

    period: int
    amounts: dict[int, int]

    @property
    def total(self) -> int:
        return sum(self.amounts.values())


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
    codes = {HUB: HUB_CODE} | read_participant_codes(connection)
    concerned = (HUB, *owed)
    refusal = _unusable(concerned, accounts, codes)
    if refusal is not None:
        return refusal
    query = select(statements.c.participant_id, statements.c.number).where(statements.c.period == number)
    numbers = {row.participant_id: row.number for row in connection.execute(query)}
    transfers = [
        Payout(who, amount, reference_of(number, who), numbers[who], accounts[who])
        for who, amount in owed.items()
    ]
    approved = read_accounts(connection, settled.approved_at)
    changed = [
        Changed(codes[who], approved[who], accounts[who])
        for who in concerned
        if who in approved and _content(approved[who]) != _content(accounts[who])
    ]
    currency = read_rulebook(connection).settings.currency
    return Payouts(number, currency, settled.due_on, accounts[HUB], transfers, changed)


def account_text(account: Row) -> str:
    """An account in one line, to be compared by eye."""
    names = ("holder", "iban", "account_number", "bic", "clearing_code", "bank_name")
    return ", ".join(account._mapping[name] for name in names if account._mapping[name] is not None)


def not_confirmed(payouts: Payouts, confirmed: int | None) -> Refusal | None:
    """Why no payment file is made yet: accounts were changed after the approval, unseen.

    `confirmed`: the `change` that somebody has seen and found right; a later one has to be looked at again.
    """
    if payouts.change is None or confirmed == payouts.change:
        return None
    names = ", ".join(one.code for one in payouts.changed)
    return Refusal(
        Refused.ACCOUNTS_CHANGED,
        f"After {period_name(payouts.period)} was approved, the bank account of {names} was changed. Ask them"
        " by a telephone number that you know of old whether it is theirs. If it is, ask for the file again"
        f" with accounts_confirmed={payouts.change}.",
    )


def execution_day(payouts: Payouts, today: date, wanted: date | None = None) -> date | Refusal:
    """The day on which the hub's bank is to pay: the one wanted, or the first bank day when it is due.

    Of the country of the hub's account; never before today.
    """
    country = payouts.account.country
    if wanted is None:
        return next_bank_day(max(payouts.due_on, today), country)
    if not today <= wanted <= today + timedelta(days=EXECUTION_DAYS_MAX):
        return Refusal(
            Refused.DATE_OUT_OF_BOUNDS,
            f"The bank can pay from {today} to {today + timedelta(days=EXECUTION_DAYS_MAX)}; choose a day"
            " between them.",
        )
    if not is_bank_day(wanted, country):
        return Refusal(
            Refused.NOT_A_BANK_DAY,
            f"On {wanted} banks do not pay; the next bank day is {next_bank_day(wanted, country)}.",
        )
    return wanted


def remember_file(connection: Connection, payouts: Payouts, made_by: str) -> None:
    """Keep what a file that is given out holds, so that one debit for all of it can be told."""
    row = postgresql.insert(payment_files).values(
        message_id=payouts.message_id,
        period=payouts.period,
        account_id=payouts.account.id,
        confirmed_account_id=payouts.change,
        made_at=func.clock_timestamp(),
        made_by=made_by,
    )
    done = connection.execute(row.on_conflict_do_nothing().returning(payment_files.c.message_id))
    if done.first() is None:
        return
    connection.execute(
        insert(payment_file_transfers),
        [
            {
                "message_id": payouts.message_id,
                "participant_id": one.participant_id,
                "amount": one.amount,
                "account_id": one.account.id,
            }
            for one in payouts.transfers
        ],
    )


def read_batches(connection: Connection, message_ids: Iterable[str]) -> dict[str, Batch]:
    """The files with these message ids, as far as they were given out."""
    wanted = list(message_ids)
    if not wanted:
        return {}
    query = (
        select(payment_files.c.message_id, payment_files.c.period, payment_file_transfers)
        .join(payment_file_transfers, payment_file_transfers.c.message_id == payment_files.c.message_id)
        .where(payment_files.c.message_id.in_(wanted))
        .order_by(payment_file_transfers.c.participant_id)
    )
    found: dict[str, Batch] = {}
    for row in connection.execute(query):
        batch = found.setdefault(row.message_id, Batch(row.period, {}))
        batch.amounts[row.participant_id] = row.amount
    return found


def _unusable(concerned: Sequence[int], accounts: dict[int, Row], codes: dict[int, str]) -> Refusal | None:
    missing = [who for who in concerned if who not in accounts]
    if missing:
        names = ", ".join("the hub" if who == HUB else codes[who] for who in missing)
        return Refusal(
            Refused.BANK_ACCOUNT_MISSING,
            f"No bank account is on record of {names}. Set it first: PUT"
            " /v1/participants/{code}/bank-account, of the hub PUT /v1/alliance/bank-account.",
        )
    # What was entered before it was checked, or is no longer good; all of them, to be mended in one go.
    faulty = [
        f"{codes[who]} ({faults[0].field})"
        for who in concerned
        if (faults := account_faults(accounts[who]._asdict()))
    ]
    if faulty:
        return Refusal(
            Refused.BANK_ACCOUNT_INVALID,
            f"These bank accounts are not good: {', '.join(faulty)}. Put them on record anew.",
        )
    return None


def _content(account: Row) -> tuple[object, ...]:
    return tuple(account._mapping[name] for name in COLUMNS)
