"""Netting: from what crossed between each two participants to one net amount for each of them.

The hub is everybody's counterparty, so a participant's net is all it is owed less all it owes less the
fees it pays, with adjustments, rebates and what was carried forward from earlier nets; the hub's net is the
fees less the rebates, and the other side of what was carried. All money is fen.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from clearing.core.accounts import HUB
from clearing.core.journal import LegKind, PositionChange, PositionKey, parties
from settlement.core.rebates import RebateRow, by_payer

#: The kinds whose principal one participant owes another; a visit only causes a fee.
PRINCIPAL = frozenset({LegKind.REDEMPTION, LegKind.SPEND, LegKind.LOAD, LegKind.ADJUSTMENT})

Positions = Mapping[PositionKey, PositionChange]


class ParticipantLine(NamedTuple):
    """One participant's part; `net` is above zero when the hub pays the participant.

    `receivable` and `payable` are of exchanges, `fees` are all that was charged, also by hand. `adjustments`
    (made by hand between participants) and `carried_forward` are signed as the net; `rebates` are given back.
    """

    participant_id: int
    receivable: int
    payable: int
    fees: int
    adjustments: int = 0
    rebates: int = 0
    carried_forward: int = 0

    @property
    def net(self) -> int:
        return (
            self.receivable
            - self.payable
            - self.fees
            + self.adjustments
            + self.rebates
            + self.carried_forward
        )


class MatrixRow(NamedTuple):
    """What `debtor` owes `creditor` for one kind of exchange.

    `amount` is the obligation itself, so that a debtor's rows add up to its payable; `fees` is what the
    two of them pay the hub on these exchanges.
    """

    debtor_id: int
    creditor_id: int
    kind: LegKind
    exchanges: int
    points: int
    amount: int
    fees: int


class ExchangeRow(NamedTuple):
    """What crossed from one issuer to one acceptor, visits too. `amount` is the value, before any rate."""

    issuer_id: int
    acceptor_id: int
    kind: LegKind
    exchanges: int
    points: int
    amount: int
    obligation: int
    acceptor_fee: int
    issuer_fee: int


class Netting(NamedTuple):
    """The result for one period. Rows are ordered by participants' ids, then by kind.

    `carried`: the sum of what was carried forward into it, signed as the participants' nets.
    """

    lines: tuple[ParticipantLine, ...]
    hub_fees: int
    matrix: tuple[MatrixRow, ...]
    exchanges: tuple[ExchangeRow, ...]
    rebates: tuple[RebateRow, ...] = ()
    carried: int = 0

    @property
    def hub_rebates(self) -> int:
        return sum(row.rebate for row in self.rebates)

    @property
    def hub_net(self) -> int:
        """The fees less the rebates are all the hub keeps; principal only passes through it.

        What is carried into this period's nets, it has not paid, or not got, for an earlier one.
        """
        return self.hub_fees - self.hub_rebates - self.carried

    @property
    def zero_sum(self) -> bool:
        """Whether the participants' nets and the hub's add up to nothing."""
        return sum(line.net for line in self.lines) + self.hub_net == 0

    @property
    def ratio(self) -> Decimal:
        return netting_ratio(self.lines)


def net(
    participant_ids: Iterable[int],
    positions: Positions,
    rebates: Sequence[RebateRow] = (),
    carried: Mapping[int, int] = MappingProxyType({}),
) -> Netting:
    """Net one period. Every participant named has a line, with zeros if nothing crossed.

    `carried`: what enters from earlier nets, by participant. Whatever is of a participant that is not named
    enters no line; `zero_sum` is then false.
    """
    receivable = dict.fromkeys(participant_ids, 0)
    payable = dict.fromkeys(receivable, 0)
    fees = dict.fromkeys(receivable, 0)
    adjustments = dict.fromkeys(receivable, 0)
    for key, total in positions.items():
        debtor, creditor = parties(key.kind, key.issuer_id, key.acceptor_id)
        by_hand = key.kind is LegKind.ADJUSTMENT
        for totals, participant_id, amount in (
            (adjustments if by_hand else receivable, creditor, total.obligation),
            (adjustments if by_hand else payable, debtor, -total.obligation if by_hand else total.obligation),
            (fees, key.acceptor_id, total.acceptor_fee),
            (fees, key.issuer_id, total.issuer_fee),
        ):
            if participant_id in totals:
                totals[participant_id] += amount
    given_back = by_payer(rebates)
    lines = [
        ParticipantLine(
            one,
            receivable[one],
            payable[one],
            fees[one],
            adjustments[one],
            given_back.get(one, 0),
            carried.get(one, 0),
        )
        for one in sorted(receivable)
    ]
    return with_lines(lines, positions, rebates, sum(carried.values()))


def with_lines(
    lines: Iterable[ParticipantLine],
    positions: Positions,
    rebates: Sequence[RebateRow] = (),
    carried: int = 0,
) -> Netting:
    """The netting whose lines are known already (those of a closed period)."""
    hub_fees = sum(total.acceptor_fee + total.issuer_fee for total in positions.values())
    return Netting(tuple(lines), hub_fees, matrix(positions), exchanges(positions), tuple(rebates), carried)


def matrix(positions: Positions) -> tuple[MatrixRow, ...]:
    rows = [
        MatrixRow(
            *parties(key.kind, key.issuer_id, key.acceptor_id),
            key.kind,
            total.exchanges,
            total.points,
            total.obligation,
            total.acceptor_fee + total.issuer_fee,
        )
        for key, total in positions.items()
        if key.kind in PRINCIPAL and HUB not in (key.issuer_id, key.acceptor_id)
    ]
    return tuple(sorted(rows))


def exchanges(positions: Positions) -> tuple[ExchangeRow, ...]:
    rows = [ExchangeRow(key.issuer_id, key.acceptor_id, key.kind, *total) for key, total in positions.items()]
    return tuple(sorted(rows))


def netting_ratio(lines: Iterable[ParticipantLine]) -> Decimal:
    """The part of all obligations that netting saved from being paid: 0 (nothing) to 1, 4 places, half up.

    1 − Σ |receivable − payable| / Σ (receivable + payable), over the participants. Both sums count
    each obligation at both of its ends, so one obligation alone gives 0 and two that cancel give 1.
    Only exchanges count: no netting avoids fees, and adjustments are not business. Where nothing is owed,
    nothing was saved: 0.
    """
    saved = gross = 0
    for line in lines:
        # A reversal of an earlier month can turn an obligation round: below zero it is one the other way.
        receivable = max(line.receivable, 0) + max(-line.payable, 0)
        payable = max(line.payable, 0) + max(-line.receivable, 0)
        gross += receivable + payable
        saved += receivable + payable - abs(receivable - payable)
    if gross == 0:
        return Decimal("0.0000")
    return Decimal((2 * 10_000 * saved + gross) // (2 * gross)).scaleb(-4)
