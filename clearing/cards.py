"""Cards after they are issued: their issuer blocks them, makes them good again, dates and replaces them.

Every change first locks the wallet's row, as postings do: a posting that comes after the change sees it, and
one that is under way is waited for.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert

from clearing.core.commands import Caller
from clearing.core.enrolment import CARD_NUMBER
from clearing.core.outcomes import Code, Refusal
from clearing.core.snapshot import CardStatus
from clearing.locks import PERIODS, hold_shared
from clearing.members import random_card_numbers
from clearing.tables import cards, members, wallets


class IssuedCard(NamedTuple):
    """A card as its issuer knows it. `replaces` is the number of the card in whose place it was issued."""

    number: str
    wallet_id: int
    member_id: int
    issuer_id: int
    status: CardStatus
    expires_on: date | None
    issued_at: datetime
    replaced_by: str | None
    replaces: str | None
    member_erased: bool


def list_issued_cards(connection: Connection, wallet_id: int) -> list[IssuedCard]:
    """The wallet's cards, the oldest first."""
    query = (
        select(cards, members.c.erased_at)
        .join(members, members.c.id == cards.c.member_id)
        .where(cards.c.wallet_id == wallet_id)
        .order_by(cards.c.issued_at, cards.c.number)
    )
    rows = connection.execute(query).all()
    before = {row.replaced_by: row.number for row in rows}
    return [
        IssuedCard(
            row.number,
            row.wallet_id,
            row.member_id,
            row.issuer_id,
            CardStatus(row.status),
            row.expires_on,
            row.issued_at,
            row.replaced_by,
            before.get(row.number),
            row.erased_at is not None,
        )
        for row in rows
    ]


def change_card(
    connection: Connection, number: str, caller: Caller, changes: Mapping[str, Any]
) -> IssuedCard | Refusal:
    """Give a card other values: `status` (`active` or `blocked`) and `expires_on`, or one of them.

    A card that is not the caller's to manage is refused as one that does not exist; a replaced card, and
    one of a member whose data was erased, stays blocked.
    """
    card = _locked(connection, number, caller)
    if isinstance(card, Refusal):
        return card
    if changes.get("status") == CardStatus.ACTIVE and card.replaced_by is not None:
        return Refusal(
            Code.CARD_BLOCKED,
            f"Card {number} was replaced by {card.replaced_by} and stays blocked.",
            "status",
        )
    if changes.get("status") == CardStatus.ACTIVE and card.member_erased:
        return Refusal(
            Code.CARD_BLOCKED, f"Card {number} stays blocked: the data of its member was erased.", "status"
        )
    if changes:
        connection.execute(update(cards).where(cards.c.number == number).values(**changes))
    return _found(connection, card.wallet_id, number)


def replace_card(
    connection: Connection, number: str, caller: Caller, new_number: str | None
) -> IssuedCard | Refusal:
    """Block a card for good and issue another of the same member and wallet, with the same last good day.

    `new_number` None makes a random one. Asked again for the same, or without a number, the answer is the
    card that was issued then. Refused for a number that is taken (`already_exists`), for a card that was
    replaced by another, and for a member whose data was erased (`card_blocked`).
    """
    card = _locked(connection, number, caller)
    if isinstance(card, Refusal):
        return card
    if card.replaced_by is not None and new_number in (None, card.replaced_by):
        return _found(connection, card.wallet_id, card.replaced_by)
    if card.replaced_by is not None:
        return Refusal(
            Code.ALREADY_EXISTS, f"Card {number} was replaced by {card.replaced_by} already.", "number"
        )
    if card.member_erased:
        return Refusal(Code.CARD_BLOCKED, f"The data of the member with card {number} was erased.")
    if new_number is not None and not CARD_NUMBER.fullmatch(new_number):
        return Refusal(Code.MALFORMED, "A card number is 4 to 32 letters and digits.", "number")
    candidates = random_card_numbers() if new_number is None else iter([new_number])
    issued = _issue(connection, card, candidates)
    if issued is None:
        return Refusal(Code.ALREADY_EXISTS, f"Card number {new_number} is already issued.", "number")
    connection.execute(
        update(cards)
        .where(cards.c.number == number)
        .values(status=CardStatus.BLOCKED.value, replaced_by=issued)
    )
    return _found(connection, card.wallet_id, issued)


def lock_wallet_of(connection: Connection, query: Select[Any]) -> int | None:
    """Wait for the postings of a wallet that are under way, and let none begin until we are done.

    `query` gives its id, which cannot change until then; None if there is none.
    """
    hold_shared(connection, PERIODS)
    wallet_id: int | None = connection.execute(query).scalar_one_or_none()
    connection.execute(select(wallets.c.id).where(wallets.c.id == wallet_id).with_for_update(key_share=True))
    return wallet_id


def _locked(connection: Connection, number: str, caller: Caller) -> IssuedCard | Refusal:
    """The card, read after its wallet was locked. It keeps its issuer for as long as it exists."""
    is_it = cards.c.number == number
    issuer_id = connection.execute(select(cards.c.issuer_id).where(is_it)).scalar_one_or_none()
    if issuer_id is None or not caller.may_issue_for(issuer_id):
        return Refusal(Code.CARD_UNKNOWN, f"There is no card {number!r} of yours.")
    wallet_id = lock_wallet_of(connection, select(cards.c.wallet_id).where(is_it))
    assert wallet_id is not None, "cards are never deleted"
    return _found(connection, wallet_id, number)


def _found(connection: Connection, wallet_id: int, number: str) -> IssuedCard:
    return next(card for card in list_issued_cards(connection, wallet_id) if card.number == number)


def _issue(connection: Connection, old: IssuedCard, candidates: Iterator[str]) -> str | None:
    """Issue a card like the old one under the first number that nobody has; None if all are taken."""
    for number in candidates:
        row = {
            "number": number,
            "wallet_id": old.wallet_id,
            "member_id": old.member_id,
            "issuer_id": old.issuer_id,
            "expires_on": old.expires_on,
            "issued_at": func.clock_timestamp(),
        }
        # Somebody who takes the number at this moment is waited for, and then has it.
        statement = insert(cards).values(**row).on_conflict_do_nothing().returning(cards.c.number)
        if connection.execute(statement).one_or_none() is not None:
            return number
    return None
