"""The hub's fee on one leg: nothing inside a participant's own system, the rule's price on an exchange."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from clearing.core.amounts import multiply_half_up, split
from clearing.core.journal import Reason
from clearing.core.rulebook import ExchangeKind, FeeRule, Rulebook


class Fee(NamedTuple):
    """`acceptor` and `issuer`: the fen that each of the two pays; `rule_id`: the rule that priced it."""

    acceptor: int
    issuer: int
    rule_id: int | None
    reason: Reason

    @property
    def total(self) -> int:
        return self.acceptor + self.issuer


OWN_SYSTEM = Fee(0, 0, None, Reason.OWN_SYSTEM)
NO_FEE_RULE = Fee(0, 0, None, Reason.NO_FEE_RULE)


def price(
    rulebook: Rulebook, kind: ExchangeKind, issuer_id: int, acceptor_id: int, amount: int, on: date
) -> Fee:
    """The fee on a leg of `amount` fen, by the rule in force on the day it is booked."""
    if issuer_id == acceptor_id:
        return OWN_SYSTEM
    rule = rulebook.fee_rule(kind, issuer_id, acceptor_id, on)
    if rule is None:
        return NO_FEE_RULE
    if rule.is_free:
        return Fee(0, 0, rule.id, Reason.WAIVED)
    return Fee(*shares(rule, amount_of(rule, amount)), rule.id, Reason.EXCHANGE)


def shares(rule: FeeRule, total: int) -> tuple[int, int]:
    """What acceptor and issuer pay of it."""
    if rule.acceptor_share == 1:
        return total, 0
    acceptor, issuer = split(total, (rule.acceptor_share, Decimal(1) - rule.acceptor_share))
    return acceptor, issuer


def amount_of(rule: FeeRule, amount: int) -> int:
    """rate × amount + flat, rounded once, half up, and kept between minimum and maximum."""
    fee = multiply_half_up(amount, rule.rate) + rule.flat
    if rule.minimum is not None:
        fee = max(fee, rule.minimum)
    if rule.maximum is not None:
        fee = min(fee, rule.maximum)
    return fee
