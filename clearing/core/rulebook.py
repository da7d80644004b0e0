"""What the alliance agreed: settings and fee rules, as of one version.

A version never changes; a new setting or rule makes the next one, and each transaction keeps the
number of the version that judged it.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo


class ExchangeKind(IntEnum):
    """What can cross from one participant to another. Stored as a small number; never renumber."""

    VISIT = 1
    REDEMPTION = 2
    SPEND = 3
    LOAD = 4

    @property
    def label(self) -> str:
        return self.name.lower()


class DrawOrder(StrEnum):
    OWN_FIRST = "own_first"
    EARLIEST_FIRST = "earliest_first"


class AllianceSettings(NamedTuple):
    """`point_value`: fen per point. Rates are exact fractions of one; hold limits are minutes.

    Four limit how fast points are used, with one card and at one merchant; None does not limit. The four
    after them are of settlement: whether somebody else than who closed a period approves it, how long after
    its end it is closed by the clock (None: by hand), how many days after its closing nets are due, and how
    many days after that a debtor is suspended (None: never). Disputes are in time so many days after the
    closing, and are to be answered within so many. `hub_…` is how the hub is named on documents.
    """

    time_zone: ZoneInfo
    currency: str = "CNY"
    point_value: Decimal = Decimal(1)
    reimbursement_rate: Decimal = Decimal(1)
    draw_order: DrawOrder = DrawOrder.OWN_FIRST
    grace_days: int = 30
    vat_rate: Decimal = Decimal("0.06")
    hold_minutes_default: int = 7 * 24 * 60
    hold_minutes_max: int = 400 * 24 * 60
    card_points_per_day: int | None = None
    card_redemptions_per_hour: int | None = None
    merchant_points_per_day: int | None = None
    merchant_redemptions_per_hour: int | None = None
    dual_control: bool = False
    close_quiet_minutes: int | None = 10
    due_days: int = 10
    suspend_overdue_days: int | None = None
    dispute_window_days: int = 10
    dispute_response_days: int = 7
    hub_name: str | None = None
    hub_address: str | None = None
    hub_tax_number: str | None = None

    @property
    def limits_velocity(self) -> bool:
        return any(
            limit is not None
            for limit in (
                self.card_points_per_day,
                self.card_redemptions_per_hour,
                self.merchant_points_per_day,
                self.merchant_redemptions_per_hour,
            )
        )


class Tier(NamedTuple):
    """On what a payer's volume of a month exceeds `above` fen, `rate` holds instead of the rate before."""

    above: int
    rate: Decimal


class FeeRule(NamedTuple):
    """The price of one kind of exchange. `issuer`, `acceptor`: participant ids, None for everyone.

    `rate` is a fraction of the leg's amount; `flat`, `minimum` and `maximum` are fen;
    `acceptor_share` is the acceptor's part of the fee, the issuer bears the rest;
    `valid_from` None means from the beginning. `tiers`, the lowest first, never change what a leg is charged:
    what they save is given back at closing.
    """

    id: int
    kind: ExchangeKind
    issuer: int | None
    acceptor: int | None
    acceptor_share: Decimal
    rate: Decimal
    flat: int
    minimum: int | None
    maximum: int | None
    valid_from: date | None
    tiers: tuple[Tier, ...] = ()

    @property
    def is_free(self) -> bool:
        return not (self.rate or self.flat or self.minimum)


class Rulebook:
    """Settings and rules of one version. Rules are given in the order in which they were made."""

    def __init__(self, version: int, settings: AllianceSettings, rules: Iterable[FeeRule] = ()) -> None:
        self.version = version
        self.settings = settings
        self.rules = tuple(rules)
        self._by_id = {rule.id: rule for rule in self.rules}
        #: The rules whose monthly volumes count.
        self.tiered = frozenset(rule.id for rule in self.rules if rule.tiers)
        self._by_scope: dict[tuple[ExchangeKind, int | None, int | None], list[FeeRule]] = {}
        for rule in self.rules:
            self._by_scope.setdefault((rule.kind, rule.issuer, rule.acceptor), []).append(rule)
        for same_scope in self._by_scope.values():
            # Newest date first; of one date, the rule made last.
            same_scope.reverse()
            same_scope.sort(key=lambda rule: rule.valid_from or date.min, reverse=True)

    def rule(self, rule_id: int | None) -> FeeRule | None:
        """The rule with this id; rules are never taken away."""
        return None if rule_id is None else self._by_id[rule_id]

    def fee_rule(self, kind: ExchangeKind, issuer: int, acceptor: int, on: date) -> FeeRule | None:
        """The most specific rule in force on that day: both named, acceptor named, issuer named, anyone."""
        for scope in ((issuer, acceptor), (None, acceptor), (issuer, None), (None, None)):
            for rule in self._by_scope.get((kind, *scope), ()):
                if rule.valid_from is None or rule.valid_from <= on:
                    return rule
        return None
