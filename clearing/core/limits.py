"""Limits beyond what a member has: how fast points are used, and how much a participant may owe.

A participant's net debit must never exceed its cap, though batches are posted by several writers at once
who do not see each other. So a writer that comes near a cap, or adds much to a debit at once, works alone on
that participant; others share it. With at most `WRITERS` of them at work, each adding at most its part of
the margin, what is far from the cap stays below it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from clearing.core.journal import LegKind, PositionChange, PositionKey, parties

#: How many may post at the same time, at most.
WRITERS = 64
#: A debit is far from its cap as long as a quarter of the cap is free.
MARGIN = 4
#: Per cent of its cap at which a participant is warned.
LINES = (95, 85, 70)
#: A line counts as crossed back only when the debit is so many per cent of the cap below it.
SLACK = 5


class UsageOf(IntEnum):
    CARD = 1
    MERCHANT = 2


class UsageKey(NamedTuple):
    """`name` is a card's number or a merchant's id as text."""

    of: UsageOf
    name: str


class Usage(NamedTuple):
    """Points redeemed since the day began in the alliance's zone, and redemptions within an hour."""

    points_today: int = 0
    redemptions_this_hour: int = 0

    def plus(self, points: int) -> "Usage":
        return Usage(self.points_today + points, self.redemptions_this_hour + 1)


class UsedSince(NamedTuple):
    """The first ids of the day and of the hour: a hold with a smaller one is not in the usage."""

    day: int = 0
    hour: int = 0


class Cap(NamedTuple):
    """A participant's cap in fen, its debit so far, and the last line of which it was warned (0: none).

    `alone`: nobody else is posting for this participant until the transaction ends.
    """

    limit: int
    debit: int
    line: int = 0
    alone: bool = False

    def allows(self, before: int, growth: int) -> bool:
        """Whether the debit may grow by so much after growing by `before` in this batch."""
        return self.debit + before + growth <= self.limit

    def is_far(self, before: int, growth: int) -> bool:
        """Whether that is safe beside other writers."""
        margin = self.limit // MARGIN
        total = before + growth
        return self.debit + total <= self.limit - margin and total <= margin // WRITERS

    def line_at(self, debit: int) -> int:
        """The line that a debit has crossed, given the last one."""
        for line in LINES:
            if debit * 100 >= self.limit * line:
                return line
            if line <= self.line and debit * 100 >= self.limit * (line - SLACK):
                return line
        return 0


class CapsContended(Exception):
    """The batch comes near these participants' caps and must have them to itself."""

    def __init__(self, participant_ids: Iterable[int]) -> None:
        super().__init__(f"to be posted alone: {sorted(participant_ids)}")
        self.participant_ids = frozenset(participant_ids)


class Owing(NamedTuple):
    """One leg, or a sum of legs, that crossed: fen of the obligation and of the two parts of the fee."""

    kind: LegKind
    issuer_id: int
    acceptor_id: int
    obligation: int
    acceptor_fee: int
    issuer_fee: int


def growth_of(crossed: Iterable[Owing]) -> Counter[int]:
    """By participant, how much more fen it owes on balance because of these; below zero where less."""
    growth: Counter[int] = Counter()
    for one in crossed:
        debtor, creditor = parties(one.kind, one.issuer_id, one.acceptor_id)
        growth[debtor] += one.obligation
        growth[creditor] -= one.obligation
        growth[one.acceptor_id] += one.acceptor_fee
        growth[one.issuer_id] += one.issuer_fee
    return growth


def debits_of(positions: Mapping[PositionKey, PositionChange]) -> dict[tuple[int, int], int]:
    """By (participant, period), how much more it owes on balance after these changes of positions."""
    crossed: dict[int, list[Owing]] = {}
    for key, change in positions.items():
        owing = Owing(
            key.kind,
            key.issuer_id,
            key.acceptor_id,
            change.obligation,
            change.acceptor_fee,
            change.issuer_fee,
        )
        crossed.setdefault(key.period, []).append(owing)
    return {
        (participant_id, period): growth
        for period, owings in crossed.items()
        for participant_id, growth in growth_of(owings).items()
    }
