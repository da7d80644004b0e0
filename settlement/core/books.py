"""Plain-text accounts in the language of Beancount: directives in, text out.

Amounts are fen (printed as yuan) and points; every transaction adds up to nothing in each of the two.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

MONEY = "CNY"
POINTS = "POINTS"

_COMPONENT = re.compile(r"[A-Z0-9][A-Za-z0-9-]*")


class Posting(NamedTuple):
    """`quantity`: fen of MONEY, or POINTS. Above zero it is a debit."""

    account: str
    quantity: int
    commodity: str = MONEY


class Unbalanced(ValueError):
    """The postings of one transaction do not add up: a fault of this program."""


class Books:
    """Directives of one file. Accounts are opened on the first day, with the commodity they are used with."""

    def __init__(self, title: str, opened_on: date) -> None:
        self._title = title
        self._opened_on = opened_on
        self._accounts: dict[str, str] = {}
        self._body: list[str] = []

    def book(self, on: date, narration: str, postings: Iterable[Posting]) -> None:
        """One transaction; postings of nothing are left out, and so is one that holds nothing else."""
        moved = [one for one in postings if one.quantity]
        sums: dict[str, int] = {}
        for one in moved:
            sums[one.commodity] = sums.get(one.commodity, 0) + one.quantity
        if any(sums.values()):
            raise Unbalanced(f"{narration}: {sums}")
        if moved:
            lines = [f"  {one.account}  {self._amount(one)}" for one in moved]
            self._body.append("\n".join([f"{on} * {quoted(narration)}", *lines]))

    def check(self, on: date, balance: Posting) -> None:
        """Assert what the account holds at the beginning of the day, to the fen."""
        amount, commodity = self._amount(balance).split()
        # Without a tolerance of its own Beancount would let a whole fen pass.
        self._body.append(f"{on} balance {balance.account}  {amount} ~ 0 {commodity}")

    def note(self, text: str) -> None:
        self._body.append("\n".join(f"; {line}" for line in text.splitlines()))

    def text(self) -> str:
        head = [
            f'option "title" {quoted(self._title)}',
            f'option "operating_currency" "{MONEY}"',
            f"{self._opened_on} commodity {MONEY}",
            f"{self._opened_on} commodity {POINTS}",
        ]
        opens = [
            f"{self._opened_on} open {account} {commodity}"
            for account, commodity in sorted(self._accounts.items())
        ]
        return "\n".join([*head, "", *opens, "", *(f"{one}\n" for one in self._body)])

    def _amount(self, posting: Posting) -> str:
        """Raises ValueError if the account is used with two commodities."""
        if self._accounts.setdefault(posting.account, posting.commodity) != posting.commodity:
            raise ValueError(f"{posting.account} holds two commodities")
        if posting.commodity == POINTS:
            return f"{posting.quantity} {POINTS}"
        yuan, fen = divmod(abs(posting.quantity), 100)
        return f"{'-' if posting.quantity < 0 else ''}{yuan}.{fen:02} {MONEY}"


def account_names(codes: Mapping[int, str]) -> dict[int, str]:
    """Each code as a part of account names, by id: as it is where it may be, and no two alike."""
    names = {id_: code for id_, code in codes.items() if _COMPONENT.fullmatch(code)}
    taken = set(names.values())
    for id_, code in sorted(codes.items()):
        if id_ not in names:
            name = code[0].upper() + code[1:].replace("_", "-")
            while name in taken:
                name = f"{name}-{id_}"
            names[id_] = name
            taken.add(name)
    return names


def quoted(text: str) -> str:
    """A string; a line of its own can hold neither what ends a string nor what ends a line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + " ".join(escaped.splitlines()) + '"'
