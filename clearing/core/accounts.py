"""The chart of accounts: which account each kind of entry debits and credits, and in which unit.

An account is a class and an owner. The owner is a participant's id (0 is the hub) or, for class
`lot`, a lot's id. The kind of an entry fixes both classes, so a journal row stores the owners only.

An issuer's points are its liability: issuing credits the member's lot, using debits it. A lot's
balance is its credits less its debits and is never negative.
"""

from enum import IntEnum, StrEnum
from typing import NamedTuple

HUB = 0
HUB_CODE = "HUB"


class Unit(StrEnum):
    POINTS = "points"
    FEN = "fen"


class Account(StrEnum):
    LOT = "lot"  # what an issuer owes one wallet
    ISSUED = "issued"  # points a participant has given out
    REDEEMED = "redeemed"  # points of a participant that were used
    OPENING = "opening"  # balances that came from before the alliance
    FLOAT = "float"  # money held against stored value
    ADJUSTED = "adjusted"  # points given or taken by hand
    BREAKAGE = "breakage"  # what ended unused
    ARREARS = (
        "arrears"  # points a wallet owes an issuer: given, spent, and taken back; the owner is the issuer
    )
    MOVED = "moved"  # on the way from one wallet of a person to another; adds up to nothing
    CLEARING = "clearing"  # what a participant owes or is owed through the hub
    FEE_INCOME = "fee_income"  # the hub's


class EntryKind(IntEnum):
    """Stored as a small number; never renumber."""

    POINTS_ISSUED = 1
    POINTS_REDEEMED = 2
    POINTS_OPENED = 3
    VALUE_LOADED = 4
    VALUE_SPENT = 5
    VALUE_OPENED = 6
    OBLIGATION = 7
    FEE = 8
    POINTS_RETURNED = 9
    POINTS_WITHDRAWN = 10
    VALUE_RETURNED = 11
    VALUE_UNLOADED = 12
    FEE_RETURNED = 13
    ARREARS_INCURRED = 14
    ARREARS_PAID = 15
    POINTS_EXPIRED = 16
    VALUE_EXPIRED = 17
    OBLIGATION_REVERSED = 18
    POINTS_ADJUSTED_UP = 19
    POINTS_ADJUSTED_DOWN = 20
    POINTS_MOVED_OUT = 21
    POINTS_MOVED_IN = 22
    VALUE_MOVED_OUT = 23
    VALUE_MOVED_IN = 24
    ARREARS_MOVED_OUT = 25
    ARREARS_MOVED_IN = 26
    BREAKAGE_REVERSED = 27


class Posting(NamedTuple):
    debit: Account
    credit: Account
    unit: Unit


CHART: dict[EntryKind, Posting] = {
    EntryKind.POINTS_ISSUED: Posting(Account.ISSUED, Account.LOT, Unit.POINTS),
    EntryKind.POINTS_REDEEMED: Posting(Account.LOT, Account.REDEEMED, Unit.POINTS),
    EntryKind.POINTS_OPENED: Posting(Account.OPENING, Account.LOT, Unit.POINTS),
    EntryKind.VALUE_LOADED: Posting(Account.FLOAT, Account.LOT, Unit.FEN),
    EntryKind.VALUE_SPENT: Posting(Account.LOT, Account.FLOAT, Unit.FEN),
    EntryKind.VALUE_OPENED: Posting(Account.OPENING, Account.LOT, Unit.FEN),
    EntryKind.OBLIGATION: Posting(Account.CLEARING, Account.CLEARING, Unit.FEN),
    EntryKind.FEE: Posting(Account.CLEARING, Account.FEE_INCOME, Unit.FEN),
    EntryKind.POINTS_RETURNED: Posting(Account.REDEEMED, Account.LOT, Unit.POINTS),
    EntryKind.POINTS_WITHDRAWN: Posting(Account.LOT, Account.ISSUED, Unit.POINTS),
    EntryKind.VALUE_RETURNED: Posting(Account.FLOAT, Account.LOT, Unit.FEN),
    EntryKind.VALUE_UNLOADED: Posting(Account.LOT, Account.FLOAT, Unit.FEN),
    # From the creditor of the obligation to its debtor.
    EntryKind.OBLIGATION_REVERSED: Posting(Account.CLEARING, Account.CLEARING, Unit.FEN),
    EntryKind.FEE_RETURNED: Posting(Account.FEE_INCOME, Account.CLEARING, Unit.FEN),
    EntryKind.ARREARS_INCURRED: Posting(Account.ARREARS, Account.ISSUED, Unit.POINTS),
    EntryKind.ARREARS_PAID: Posting(Account.ISSUED, Account.ARREARS, Unit.POINTS),
    EntryKind.POINTS_ADJUSTED_UP: Posting(Account.ADJUSTED, Account.LOT, Unit.POINTS),
    EntryKind.POINTS_ADJUSTED_DOWN: Posting(Account.LOT, Account.ADJUSTED, Unit.POINTS),
    EntryKind.POINTS_MOVED_OUT: Posting(Account.LOT, Account.MOVED, Unit.POINTS),
    EntryKind.POINTS_MOVED_IN: Posting(Account.MOVED, Account.LOT, Unit.POINTS),
    EntryKind.VALUE_MOVED_OUT: Posting(Account.LOT, Account.MOVED, Unit.FEN),
    EntryKind.VALUE_MOVED_IN: Posting(Account.MOVED, Account.LOT, Unit.FEN),
    EntryKind.ARREARS_MOVED_OUT: Posting(Account.MOVED, Account.ARREARS, Unit.POINTS),
    EntryKind.ARREARS_MOVED_IN: Posting(Account.ARREARS, Account.MOVED, Unit.POINTS),
    EntryKind.POINTS_EXPIRED: Posting(Account.LOT, Account.BREAKAGE, Unit.POINTS),
    EntryKind.VALUE_EXPIRED: Posting(Account.LOT, Account.BREAKAGE, Unit.FEN),
    # What became breakage is taken back with its accrual: into the lot, and out of it at once.
    EntryKind.BREAKAGE_REVERSED: Posting(Account.BREAKAGE, Account.LOT, Unit.POINTS),
}


class Asset(IntEnum):
    """What a lot holds. Stored as a small number; never renumber."""

    POINTS = 1
    STORED_VALUE = 2

    @property
    def label(self) -> str:
        return self.name.lower()
