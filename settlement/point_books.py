"""What participants' and the hub's accounts have in common: one issuer's points, as a commodity of their
own.
"""

from datetime import date, timedelta

from settlement.core.books import POINTS, Books, Posting
from settlement.core.liability import RollForward
from settlement.query import StatementHeader


def days(header: StatementHeader) -> tuple[date, date, date]:
    """The first day of the period, its last, and the day after: balances hold at the beginning of a day."""
    first = header.starts_at.astimezone(header.zone).date()
    last = (header.ends_at - timedelta(microseconds=1)).astimezone(header.zone).date()
    return first, last, last + timedelta(days=1)


def book_points(books: Books, header: StatementHeader, points: RollForward, owner: str = "") -> None:
    """The roll-forward of one issuer. `owner`: the end of the accounts' names, such as `:JADE`."""
    first, last, after = days(header)
    liability = f"Liabilities:Points{owner}"

    def move(on: date, narration: str, other: str, points: int) -> None:
        """Points above zero are owed more."""
        owed = Posting(liability, -points, POINTS)
        books.book(on, narration, [owed, Posting(f"{other}{owner}", points, POINTS)])

    move(first, "Points outstanding at the beginning", "Equity:Points:Opening", points.opening)
    move(last, "Points issued", "Equity:Points:Issued", points.issued)
    move(last, "Points brought in from before", "Equity:Points:BroughtIn", points.opened)
    move(last, "Points used at own merchants", "Equity:Points:UsedOwn", -points.used_own)
    move(last, "Points used elsewhere", "Equity:Points:UsedElsewhere", -points.used_elsewhere)
    move(last, "Points expired (breakage)", "Equity:Points:Breakage", -points.expired)
    move(last, "Points adjusted by hand", "Equity:Points:Adjusted", points.adjusted)
    move(last, "Arrears incurred less paid", "Equity:Points:Arrears", points.arrears)
    books.check(after, Posting(liability, -points.closing, POINTS))
