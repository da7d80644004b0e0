"""The hub's whole books of a closed period, in the language of Beancount.

The hub owes nobody for itself: what one participant is to pay, another is to get, and the fees are its
income. Each participant's account is what it owes the hub, and must end where its statement ends. Points are
shown by issuer, as a commodity; members' stored value is money of the issuers and stands in their books.
"""

from sqlalchemy import Connection

from clearing.core.accounts import HUB, HUB_CODE, Asset
from settlement.core.books import Books, Posting, account_names
from settlement.core.netting import matrix
from settlement.core.statement import split_vat
from settlement.liabilities import read_liabilities, write_liabilities
from settlement.point_books import book_points, days
from settlement.query import list_statements, read_participant_codes, read_settled

OPENING = "Equity:Opening-Balances"


def hub_books(connection: Connection, number: int) -> str | None:
    """None for a period that is not closed, or in which nobody took part."""
    headers = sorted(list_statements(connection, number), key=lambda one: one.participant_id)
    if not headers:
        return None
    write_liabilities(connection, number)
    first, last, after = days(headers[0])
    names = account_names({HUB: HUB_CODE} | read_participant_codes(connection))
    accounts = {id_: f"Assets:Clearing:{name}" for id_, name in names.items()}
    books = Books(f"{HUB_CODE} {headers[0].period_name}", first)
    for header in headers:
        account, open_ = accounts[header.participant_id], header.opening_balance
        books.book(
            first,
            f"{header.participant_code}: open at the beginning",
            [Posting(account, -open_), Posting(OPENING, open_)],
        )
    for row in matrix(read_settled(connection, number)):
        books.book(
            last,
            f"{row.kind.label}",
            [Posting(accounts[row.debtor_id], row.amount), Posting(accounts[row.creditor_id], -row.amount)],
        )
    for header in headers:
        account, code = accounts[header.participant_id], header.participant_code
        fees = split_vat(header.fees_less_rebates, header.vat_rate)
        books.book(
            last,
            f"{code}: service fees less rebates",
            [
                Posting(account, fees.gross),
                Posting("Income:Fees", -fees.net),
                Posting("Liabilities:VAT:Output", -fees.vat),
            ],
        )
        books.book(
            last,
            f"{code}: payments since the last statement",
            [Posting("Assets:Bank", header.payments), Posting(account, -header.payments)],
        )
        points = read_liabilities(connection, number, header.participant_id)[Asset.POINTS].movement
        book_points(books, header, points, f":{names[header.participant_id]}")
        books.check(after, Posting(account, -header.closing_balance))
    return books.text()
