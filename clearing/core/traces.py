"""Where the points of an accrual may have come to: their lot, and others that they reached since.

Points that are used leave their lot, and come back into it when the use is undone; if its last day is over by
then, into a lot with a grace period. Points that paid arrears, at once or out of their lot, stand for those
that come to the wallet later: had they not paid, these would have.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from clearing.core.journal import Booking, TransactionKind
from clearing.core.snapshot import Trace

#: Transactions that leave a trace; transfers only where points pay arrears.
TRACED = frozenset({TransactionKind.REDEMPTION, TransactionKind.REVERSAL, TransactionKind.TRANSFER})


class Reached(NamedTuple):
    """Lots beside the accrual's own, by their last day; and all that ended after a transaction, by its id."""

    days: frozenset[date | None]
    after: int | None

    def has(self, end: Booking) -> bool:
        """Whether points that this made breakage may be the accrual's."""
        [movement] = end.movements
        return movement.expires_on in self.days or (
            self.after is not None and end.transaction.id > self.after
        )


def traces_of(booking: Booking, issuer_id: int) -> list[Trace]:
    """Those of the issuer's points; `booking` is of a kind that leaves any."""
    row = booking.transaction
    return [
        Trace(row.kind, row.id, row.original_id, one.expires_on, one.credit)
        for one in booking.movements
        if one.issuer_id == issuer_id
    ]


def reached(accrual: Booking, traces: Iterable[Trace]) -> Reached:
    """`traces`: those of the accrual's issuer in the wallets that its points may have come to."""
    used: dict[int, set[date | None]] = {}
    paid: list[tuple[int, date | None]] = []
    back: list[Trace] = []
    for trace in traces:
        if trace.credit:
            back.append(trace)
        elif trace.kind is TransactionKind.REDEMPTION:
            used.setdefault(trace.transaction_id, set()).add(trace.expires_on)
        elif trace.kind is TransactionKind.TRANSFER:
            paid.append((trace.transaction_id, trace.expires_on))
    own = {movement.expires_on for movement in accrual.movements}
    days, found = own, own
    while found:
        # What went back to a lot it was taken from is where it was.
        drawn = {id_: lots for id_, lots in used.items() if lots & found}
        found = {
            one.expires_on
            for one in back
            if one.original_id in drawn and one.expires_on not in drawn[one.original_id] | days
        }
        days = days | found
    row = accrual.transaction
    at_once = row.points > sum(movement.quantity for movement in accrual.movements)
    later = [id_ for id_, day in paid if day in days]
    return Reached(frozenset(days - own), min([row.id, *later] if at_once else later, default=None))
