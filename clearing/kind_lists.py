"""Kinds as lists for SQL's `IN (…)`."""

from collections.abc import Iterable

from clearing.core.accounts import CHART, Account, Unit


def numbers(kinds: Iterable[int]) -> str:
    """`1, 3`"""
    return ", ".join(str(int(kind)) for kind in kinds)


#: The kinds of entry that debit a lot, those that credit one, and those that move points.
FROM_LOT = numbers(kind for kind, posting in CHART.items() if posting.debit is Account.LOT)
INTO_LOT = numbers(kind for kind, posting in CHART.items() if posting.credit is Account.LOT)
IN_POINTS = numbers(kind for kind, posting in CHART.items() if posting.unit is Unit.POINTS)
