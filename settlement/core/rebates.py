"""Rebates: what the tiers of fee rules give back on the volume of a period.

A leg is charged the rule's own rate, whatever was charged before it, so that postings neither wait for nor
depend on each other. At closing each payer gets back, for each rule with tiers, what the lower rates would
have saved on the part of its volume that lies above each tier. All money is fen.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from clearing.core.journal import LegKind, VolumeChange, VolumeKey
from clearing.core.rulebook import FeeRule

Volumes = Mapping[VolumeKey, VolumeChange]


class RebateRow(NamedTuple):
    """One payer's part under one rule, as acceptor or as issuer of the exchanges.

    `volume` is their amount, `fees` what it was charged on them, `rebate` what it gets back.
    """

    rule_id: int
    payer_id: int
    as_acceptor: bool
    kind: LegKind
    volume: int
    fees: int
    rebate: int


def rebates(volumes: Volumes, rules: Mapping[int, FeeRule]) -> tuple[RebateRow, ...]:
    """One row for each rule and payer with exchanges under it, in that order, also where nothing is saved.

    Raises KeyError for a volume of a rule that is not named.
    """
    totals: dict[tuple[int, int, bool], list[int]] = {}
    for key, total in volumes.items():
        share = rules[key.rule_id].acceptor_share
        for payer_id, as_acceptor, pays, fee in (
            (key.acceptor_id, True, share > 0, total.acceptor_fee),
            (key.issuer_id, False, share < 1, total.issuer_fee),
        ):
            if pays:
                row = totals.setdefault((key.rule_id, payer_id, as_acceptor), [0, 0])
                row[0] += total.amount
                row[1] += fee
    return tuple(
        _row(rules[rule_id], payer_id, as_acceptor, volume, fees)
        for (rule_id, payer_id, as_acceptor), (volume, fees) in sorted(totals.items())
    )


def _row(rule: FeeRule, payer_id: int, as_acceptor: bool, volume: int, fees: int) -> RebateRow:
    given_back = rebate(rule, as_acceptor=as_acceptor, volume=volume, fees=fees)
    return RebateRow(rule.id, payer_id, as_acceptor, LegKind(rule.kind), volume, fees, given_back)


def rebate(rule: FeeRule, *, as_acceptor: bool, volume: int, fees: int) -> int:
    """What the payer gets back: (rate − tier's rate) × the volume in each tier × its share of the fee.

    Rounded once, half up, and never more than it was charged: a rule's maximum may have saved as much
    already. Nothing where more was reversed than made.
    """
    share = rule.acceptor_share if as_acceptor else Decimal(1) - rule.acceptor_share
    saved = Fraction(0)
    ends = [tier.above for tier in rule.tiers[1:]]
    for tier, end in zip(rule.tiers, [*ends, max(volume, 0)], strict=True):
        within = max(min(volume, end) - tier.above, 0)
        saved += within * (Fraction(rule.rate) - Fraction(tier.rate))
    rounded = (2 * saved * Fraction(share) + 1) // 2
    return max(min(rounded, fees), 0)


def by_payer(rows: Iterable[RebateRow]) -> dict[int, int]:
    """What each payer gets back in all."""
    total: dict[int, int] = {}
    for row in rows:
        total[row.payer_id] = total.get(row.payer_id, 0) + row.rebate
    return total
