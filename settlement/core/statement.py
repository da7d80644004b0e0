"""The arithmetic of a statement: the tax in the fees, the matrix as one participant sees it, and the
running totals over its lines. All money is fen.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from clearing.core.journal import LegKind, parties
from settlement.core.netting import ExchangeRow


class Direction(StrEnum):
    """Of an obligation, as the reader of the statement sees it."""

    RECEIVABLE = "receivable"
    PAYABLE = "payable"
    NONE = "none"


class Fees(NamedTuple):
    """What a participant pays the hub: `gross` = `net` + `vat`."""

    gross: int
    net: int
    vat: int


class CounterpartyRow(NamedTuple):
    """All exchanges of one kind between the reader and one other; `fees` is what the reader pays."""

    counterparty_id: int
    kind: LegKind
    exchanges: int
    points: int
    amount: int
    receivable: int
    payable: int
    fees: int


class DetailLine(NamedTuple):
    """One leg that concerns the reader, in values that every format can write as they are.

    `lots`: `lot_…:quantity`, separated by spaces. `fee`: what the reader pays; `fee_payer`: who pays a
    fee on the leg, both codes separated by a space where it is shared. Times are ISO 8601 in the alliance's
    zone. `prior_period`: it occurred before the period began. `member` is the reader's own token.
    A line of a reversal has quantities below zero and names what it undoes in `reverses`.
    """

    line: int
    transaction: str
    reference: str | None
    occurred_at: str
    booked_at: str
    merchant: str | None
    transaction_kind: str
    kind: str
    issuer: str
    acceptor: str
    member: str
    lots: str
    points: int
    amount: int
    obligation: int
    direction: str
    fee_rate: str | None
    fee: int
    fee_payer: str | None
    rule_version: int
    reason: str
    prior_period: bool
    reverses: str | None


class MerchantRow(NamedTuple):
    """All lines of one kind at one of the reader's own merchants; `exchanges` of them crossed."""

    merchant: str
    kind: str
    lines: int
    exchanges: int
    points: int
    amount: int
    receivable: int
    payable: int
    fees: int


class Moved(NamedTuple):
    """The reader's own points, or its stored value in fen, as its lines show them: given out or sold, brought
    in from before the alliance, used, ended unused, and given or (below zero) taken by hand. Each is less
    what was reversed of it.
    """

    issued: int
    opened: int
    used_own: int
    used_elsewhere: int
    expired: int
    adjusted: int


def split_vat(gross: int, rate: Decimal) -> Fees:
    """Split an amount that includes tax, once: net = gross ÷ (1 + rate) rounded half up, tax = the rest."""
    numerator, denominator = (1 + rate).as_integer_ratio()
    net = (2 * abs(gross) * denominator + numerator) // (2 * numerator)
    net = net if gross >= 0 else -net
    return Fees(gross, net, gross - net)


def direction_of(
    kind: LegKind, issuer_id: int, acceptor_id: int, obligation: int, reader_id: int
) -> Direction:
    if not obligation:
        return Direction.NONE
    debtor, _ = parties(kind, issuer_id, acceptor_id)
    return Direction.PAYABLE if debtor == reader_id else Direction.RECEIVABLE


def counterparties(exchanges: Iterable[ExchangeRow], reader_id: int) -> tuple[CounterpartyRow, ...]:
    """The reader's part of the matrix, by counterparty and kind."""
    totals: dict[tuple[int, LegKind], list[int]] = {}
    for row in exchanges:
        if reader_id not in (row.issuer_id, row.acceptor_id):
            continue
        is_acceptor = row.acceptor_id == reader_id
        direction = direction_of(row.kind, row.issuer_id, row.acceptor_id, row.obligation, reader_id)
        added = (
            row.exchanges,
            row.points,
            row.amount,
            row.obligation if direction is Direction.RECEIVABLE else 0,
            row.obligation if direction is Direction.PAYABLE else 0,
            row.acceptor_fee if is_acceptor else row.issuer_fee,
        )
        total = totals.setdefault((row.issuer_id if is_acceptor else row.acceptor_id, row.kind), [0] * 6)
        for index, value in enumerate(added):
            total[index] += value
    return tuple(CounterpartyRow(*key, *total) for key, total in sorted(totals.items()))


def kinds_moved(part: str, *, in_points: bool) -> frozenset[str]:
    """Of which kinds the lines are that make up one part of `Moved`, in points or in stored value. Those of
    openings and expiries move either.
    """
    kinds = {kind for kind, moved in _MOVED_AS.items() if moved == part or part.startswith(f"{moved}_")}
    return frozenset(kinds - _OF_VALUE if in_points else kinds & (_OF_VALUE | _OF_EITHER))


class Tally:
    """Running totals over the lines of one participant (`reader`, its code), fed one by one.

    `receivable` and `payable` are of exchanges; what was adjusted by hand is `adjustments`, signed. Lines are
    added up by what they have in common, and told apart only when the totals are asked for.
    """

    def __init__(self, reader: str) -> None:
        self._reader = reader
        self._sums: dict[Alike, list[int]] = {}

    def add(self, line: DetailLine) -> None:
        key = Alike(line.merchant, line.kind, line.issuer, line.acceptor, line.direction, line.points != 0)
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = [0, 0, 0, 0, 0]
        sums[0] += 1
        sums[1] += line.points
        sums[2] += line.amount
        sums[3] += line.obligation
        sums[4] += line.fee

    def add_sums(self, alike: "Alike", added: Sequence[int]) -> None:
        """Lines that were added up elsewhere: how many, points, amount, obligation and the reader's fee."""
        sums = self._sums.setdefault(alike, [0, 0, 0, 0, 0])
        for index, value in enumerate(added):
            sums[index] += value

    @property
    def totals(self) -> "LineTotals":
        """Of all lines, adjustments too."""
        each = [totals for _, totals in self._rows()]
        return LineTotals(*(sum(getattr(one, name) for one in each) for name in LineTotals._fields))

    @property
    def lines(self) -> int:
        return sum(totals.lines for _, totals in self._rows())

    @property
    def receivable(self) -> int:
        return sum(totals.receivable for alike, totals in self._rows() if alike.kind != _BY_HAND)

    @property
    def payable(self) -> int:
        return sum(totals.payable for alike, totals in self._rows() if alike.kind != _BY_HAND)

    @property
    def adjustments(self) -> int:
        by_hand = [totals for alike, totals in self._rows() if alike.kind == _BY_HAND]
        return sum(one.receivable - one.payable for one in by_hand)

    @property
    def fees(self) -> int:
        return sum(totals.fees for _, totals in self._rows())

    @property
    def merchants(self) -> tuple[MerchantRow, ...]:
        found: dict[tuple[str, str], list[int]] = {}
        for alike, totals in self._rows():
            if alike.acceptor == self._reader and alike.merchant is not None:
                crossed = totals.lines if alike.issuer != alike.acceptor else 0
                added = (totals.lines, crossed, *totals[1:])
                total = found.setdefault((alike.merchant, alike.kind), [0] * len(added))
                for index, value in enumerate(added):
                    total[index] += value
        return tuple(MerchantRow(*key, *total) for key, total in sorted(found.items()))

    @property
    def points(self) -> Moved:
        return self._moved((alike, totals.points) for alike, totals in self._rows())

    @property
    def stored_value(self) -> Moved:
        return self._moved(
            (alike, totals.amount)
            for alike, totals in self._rows()
            if alike.kind in _OF_VALUE or (alike.kind in _OF_EITHER and not alike.in_points)
        )

    def _moved(self, quantities: Iterable[tuple["Alike", int]]) -> Moved:
        """`quantities`: points or fen."""
        moved = dict.fromkeys(Moved._fields, 0)
        for alike, quantity in quantities:
            if alike.issuer == self._reader and alike.kind in _MOVED_AS:
                part = _MOVED_AS[alike.kind]
                if part == "used":
                    part = "used_own" if alike.issuer == alike.acceptor else "used_elsewhere"
                moved[part] += quantity
        return Moved(**moved)

    def _rows(self) -> Iterator[tuple["Alike", "LineTotals"]]:
        for alike, (lines, points, amount, obligation, fees) in self._sums.items():
            receivable = obligation if alike.direction == Direction.RECEIVABLE else 0
            payable = obligation if alike.direction == Direction.PAYABLE else 0
            yield alike, LineTotals(lines, points, amount, receivable, payable, fees)


_BY_HAND = LegKind.ADJUSTMENT.label


class Alike(NamedTuple):
    """What lines that are added up together have in common, as it stands on them; `in_points`: whether points
    were moved.
    """

    merchant: str | None
    kind: str
    issuer: str
    acceptor: str
    direction: str
    in_points: bool


class LineTotals(NamedTuple):
    """What some lines come to: how many, points, and fen; `fees` is what the reader pays."""

    lines: int
    points: int
    amount: int
    receivable: int
    payable: int
    fees: int


#: Transfers between the wallets of one person change nothing of what is owed.
NOT_MOVED = frozenset({LegKind.TRANSFER.label})
_MOVED_AS = {
    LegKind.VISIT.label: "issued",
    LegKind.ISSUE.label: "issued",
    LegKind.LOAD.label: "issued",
    LegKind.OPENING.label: "opened",
    LegKind.REDEMPTION.label: "used",
    LegKind.SPEND.label: "used",
    LegKind.EXPIRY.label: "expired",
    LegKind.ADJUSTMENT.label: "adjusted",
}
_OF_VALUE = frozenset({LegKind.LOAD.label, LegKind.SPEND.label})
_OF_EITHER = frozenset({LegKind.OPENING.label, LegKind.EXPIRY.label})
