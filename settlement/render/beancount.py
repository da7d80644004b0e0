"""A statement as the participant's own books, in the language of Beancount.

One transaction for each counterparty and kind of exchange, the fees with their tax, payments, and the
members' stored value and points; at the end the balances that the statement shows, which `bean-check`
compares.
"""

from typing import BinaryIO

from clearing.core.journal import LegKind
from settlement.core.books import Books, Posting, account_names
from settlement.core.statement import CounterpartyRow, DetailLine
from settlement.point_books import book_points, days
from settlement.statement import Detail, Statement

CLEARING = "Assets:Tongdui:Clearing"
STORED_VALUE = "Liabilities:StoredValue"
CASH = "Assets:Cash:StoredValue"
OPENING = "Equity:Opening-Balances"

#: The other side of what is owed to the participant, and of what it owes; None: its members' stored value.
_EARNED = {
    LegKind.REDEMPTION: "Income:Honoured:Points",
    LegKind.SPEND: "Income:Honoured:StoredValue",
    LegKind.LOAD: None,
    LegKind.ADJUSTMENT: "Income:Adjustments",
}
_COST = {
    LegKind.REDEMPTION: "Expenses:Points",
    LegKind.SPEND: None,
    LegKind.LOAD: CASH,
    LegKind.ADJUSTMENT: "Expenses:Adjustments",
}


class BeancountFile:
    def __init__(self, statement: Statement, out: BinaryIO) -> None:
        self._statement = statement
        self._out = out

    def line(self, line: DetailLine, text: bytes) -> None:
        """The books are those of the totals; the lines have been checked against them."""

    def end(self, detail: Detail) -> None:
        self._out.write(_books(self._statement, detail).text().encode())

    def close(self) -> None:
        """`out` is its owner's to close."""


def _books(statement: Statement, detail: Detail) -> Books:
    header, fees = statement.header, statement.fees
    first, last, after = days(header)
    books = Books(f"{header.participant_code} {header.period_name}", first)
    books.note(f"Statement {header.number}, data hash {detail.data_hash}")
    books.book(
        first,
        "Open with the hub at the beginning",
        [Posting(CLEARING, header.opening_balance), Posting(OPENING, -header.opening_balance)],
    )
    names = account_names(statement.codes)
    for row in statement.matrix:
        _book_exchange(books, statement, row, names[row.counterparty_id])
    books.book(
        last,
        "Service fees less rebates",
        [
            Posting("Expenses:Tongdui:Fees", fees.net),
            Posting("Assets:VAT:Input", fees.vat),
            Posting(CLEARING, -fees.gross),
        ],
    )
    books.book(
        last,
        "Paid to the hub since the last statement, less received",
        [Posting(CLEARING, header.payments), Posting("Assets:Bank", -header.payments)],
    )
    _book_stored_value(books, statement)
    book_points(books, header, statement.points.movement)
    books.check(after, Posting(CLEARING, header.closing_balance))
    books.check(after, Posting(STORED_VALUE, -statement.stored_value.movement.closing))
    return books


def _book_exchange(books: Books, statement: Statement, row: CounterpartyRow, name: str) -> None:
    if row.kind not in _EARNED:
        return  # a visit is charged, and owes nothing
    _, last, _ = days(statement.header)
    code = statement.codes[row.counterparty_id]
    earned, cost = _EARNED[row.kind], _COST[row.kind]
    other = STORED_VALUE if earned is None else f"{earned}:{name}"
    books.book(
        last,
        f"{row.kind.label}: owed by {code}",
        [Posting(CLEARING, row.receivable), Posting(other, -row.receivable)],
    )
    if cost is not None:
        other = cost if cost == CASH else f"{cost}:{name}"
        books.book(
            last,
            f"{row.kind.label}: owed to {code}",
            [Posting(other, row.payable), Posting(CLEARING, -row.payable)],
        )


def _book_stored_value(books: Books, statement: Statement) -> None:
    """What members hold: sold and spent at own desks, spent elsewhere, and what ended."""
    first, last, _ = days(statement.header)
    value = statement.stored_value.movement
    sold_elsewhere = sum(row.receivable for row in statement.matrix if row.kind is LegKind.LOAD)
    owed = sum(row.payable for row in statement.matrix if row.kind is LegKind.SPEND)
    for on, narration, other, amount in (
        (first, "Stored value outstanding at the beginning", OPENING, value.opening),
        (last, "Stored value sold at own desks", CASH, value.issued - sold_elsewhere),
        (last, "Stored value brought in from before", "Equity:StoredValue:BroughtIn", value.opened),
        (last, "Stored value spent at own merchants", "Income:StoredValue:Spent", -value.used_own),
        (last, "Stored value expired (breakage)", "Income:StoredValue:Breakage", -value.expired),
    ):
        books.book(on, narration, [Posting(STORED_VALUE, -amount), Posting(other, amount)])
    books.book(
        last,
        "Stored value spent elsewhere",
        [
            Posting(STORED_VALUE, value.used_elsewhere),
            Posting(CLEARING, -owed),
            # Where less is reimbursed than was spent, the rest stays with the issuer.
            Posting("Income:StoredValue:Retained", owed - value.used_elsewhere),
        ],
    )
