"""The arithmetic of a statement: the tax in the fees, the matrix as one participant sees it, and the
running totals over its lines. All money is fen.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
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


class PointsIssued(NamedTuple):
    """The reader's own points: given out, brought in from before the alliance, used, ended unused,
    and given or (below zero) taken by hand.

    Each is less what was reversed of it.
    """

    issued: int
    opened: int
    redeemed_own: int
    redeemed_elsewhere: int
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


@dataclass
class Tally:
    """Running totals over the lines of one participant (`reader`, its code), fed one by one.

    `receivable` and `payable` are of exchanges; what was adjusted by hand is `adjustments`, signed.
    """

    reader: str
    lines: int = 0
    receivable: int = 0
    payable: int = 0
    fees: int = 0
    adjustments: int = 0
    _merchants: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _issued: int = 0
    _opened: int = 0
    _redeemed_own: int = 0
    _redeemed_elsewhere: int = 0
    _expired: int = 0
    _adjusted: int = 0

    def add(self, line: DetailLine) -> None:
        receivable = line.obligation if line.direction == Direction.RECEIVABLE else 0
        payable = line.obligation if line.direction == Direction.PAYABLE else 0
        self.lines += 1
        if line.kind == LegKind.ADJUSTMENT.label:
            self.adjustments += receivable - payable
        else:
            self.receivable += receivable
            self.payable += payable
        self.fees += line.fee
        if line.acceptor == self.reader and line.merchant is not None:
            row = self._merchants.setdefault((line.merchant, line.kind), [0] * 7)
            crossed = int(line.issuer != line.acceptor)
            added = (1, crossed, line.points, line.amount, receivable, payable, line.fee)
            for index, value in enumerate(added):
                row[index] += value
        if line.issuer == self.reader:
            self._add_points(line)

    @property
    def merchants(self) -> tuple[MerchantRow, ...]:
        return tuple(MerchantRow(*key, *total) for key, total in sorted(self._merchants.items()))

    @property
    def points(self) -> PointsIssued:
        return PointsIssued(
            self._issued,
            self._opened,
            self._redeemed_own,
            self._redeemed_elsewhere,
            self._expired,
            self._adjusted,
        )

    def _add_points(self, line: DetailLine) -> None:
        if line.kind == LegKind.REDEMPTION.label:
            if line.acceptor == self.reader:
                self._redeemed_own += line.points
            else:
                self._redeemed_elsewhere += line.points
        elif line.kind == LegKind.OPENING.label:
            self._opened += line.points
        elif line.kind == LegKind.EXPIRY.label:
            self._expired += line.points
        elif line.kind == LegKind.ADJUSTMENT.label:
            self._adjusted += line.points
        elif line.kind != LegKind.TRANSFER.label:  # those add up to nothing
            self._issued += line.points
