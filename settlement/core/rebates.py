"""Rebates: what the tiers of fee rules give back on the volume of a period.

A leg is charged the rule's own rate, whatever was charged before it, so that postings neither wait for nor
depend on each other. At closing each payer gets back, for each rule with tiers, what the lower rates would
have saved on the part of its volume that lies above each tier.

What is given back of an exchange, by a reversal or a dispute, is taken off the volume of the month in which
the exchange was booked. If that month is closed, what its rebate becomes less is reclaimed in the period in
which it was given back: the rebate given less the rebate on what remains, exactly as with fees. All money is
fen.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from clearing.core.journal import LegKind, VolumeChange, VolumeKey
from clearing.core.rulebook import FeeRule

Volumes = Mapping[VolumeKey, VolumeChange]


class RebateRow(NamedTuple):
    """One payer's part under one rule, as acceptor or as issuer of the exchanges.

    `volume` is their amount, `fees` what it was charged on them, `rebate` what it gets back. Of an earlier
    month `of_period` they are what has been added in this period, so mostly below zero.
    """

    rule_id: int
    payer_id: int
    as_acceptor: bool
    kind: LegKind
    volume: int
    fees: int
    rebate: int
    of_period: int


class RebateKey(NamedTuple):
    """Whose rebate, under which rule, on the volume of which month."""

    rule_id: int
    payer_id: int
    as_acceptor: bool
    of_period: int


class _Total(NamedTuple):
    volume: int = 0
    fees: int = 0

    def plus(self, volume: int, fees: int) -> "_Total":
        return _Total(self.volume + volume, self.fees + fees)


def rebates(
    volumes: Volumes,
    rules: Mapping[int, FeeRule],
    period: int,
    given: Mapping[RebateKey, int] = MappingProxyType({}),
) -> tuple[RebateRow, ...]:
    """One row for each rule and payer with exchanges under it in the period, in that order, also where
    nothing is saved; and one for each earlier month of which something was given back in it.

    `volumes`: those of the period, and of the months that they are of what earlier periods added. `given`:
    what closed periods have given on these months; of one that is still open it is reckoned.
    Raises KeyError for a volume of a rule that is not named.
    """
    before: dict[RebateKey, _Total] = {}
    added: dict[RebateKey, _Total] = {}
    for key, total in volumes.items():
        share = rules[key.rule_id].acceptor_share
        totals = added if key.period == period else before
        for payer_id, as_acceptor, pays, fee in (
            (key.acceptor_id, True, share > 0, total.acceptor_fee),
            (key.issuer_id, False, share < 1, total.issuer_fee),
        ):
            if pays:
                whose = RebateKey(key.rule_id, payer_id, as_acceptor, key.of_period)
                totals[whose] = totals.get(whose, _Total()).plus(total.amount, fee)
    return tuple(
        _row(rules[whose.rule_id], whose, before.get(whose, _Total()), total, given)
        for whose, total in sorted(added.items())
    )


def _row(
    rule: FeeRule, whose: RebateKey, before: _Total, added: _Total, given: Mapping[RebateKey, int]
) -> RebateRow:
    def on(total: _Total) -> int:
        return rebate(rule, as_acceptor=whose.as_acceptor, volume=total.volume, fees=total.fees)

    due = on(before.plus(*added)) - given.get(whose, on(before))
    kind = LegKind(rule.kind)
    return RebateRow(rule.id, whose.payer_id, whose.as_acceptor, kind, *added, due, whose.of_period)


class Undoing(NamedTuple):
    """Fen that a period took off the amount of one exchange: by corrections in money only, and by reversals.

    `corrected` has the sign of the exchange's amount (below zero if it is a reversal), `reversed` is above
    zero.
    """

    period: int
    corrected: int
    reversed: int


def corrected_volume(amount: int, undone: Sequence[Undoing]) -> dict[int, int]:
    """By period, what its corrections in money add to the volume of an exchange of `amount` fen.

    Reversals are in the volumes already. What was corrected and then reversed too is taken off once.
    """
    found: dict[int, int] = {}
    corrected = reversed_ = counted = 0
    for one in sorted(undone):
        corrected += one.corrected
        reversed_ += one.reversed
        before, counted = counted, min(corrected, amount - reversed_) if amount >= 0 else corrected
        found[one.period] = found.get(one.period, 0) + before - counted
    return found


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
