"""What proposed fee rules would have charged on exchanges that are booked already.

A simulation only adds up: whatever it finds, every leg keeps the fee and the rule it was booked with.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from clearing.core.fees import OWN_SYSTEM, Fee, price
from clearing.core.journal import LegKind
from clearing.core.reversal import NOT_CORRECTED, NOTHING, Part, less, still_owing
from clearing.core.rulebook import ExchangeKind, FeeRule, Rulebook
from clearing.core.snapshot import Corrected, Terms

LineKey = tuple[int, ExchangeKind]  # (participant id, kind)


class Whole(NamedTuple):
    """All of a leg that has been reversed in part."""

    kind: LegKind
    points: int
    amount: int


class ExchangeLeg(NamedTuple):
    """A cross-system leg as it was booked.

    `amount` and the fees, which acceptor and issuer paid the hub, are fen; these and `points` are below zero
    where the leg is one of a reversal. `priced_on` is the day whose rules price it, in the alliance's time
    zone: that of its booking, and of a reversal's leg that of the original's. `before`: None for an original;
    for a reversal's leg what was left of the original's leg when it was booked. `corrected`: what was given
    back of the original's leg in money by then, `whole`, by the `terms` that judged it.
    """

    kind: ExchangeKind
    issuer_id: int
    acceptor_id: int
    points: int
    amount: int
    acceptor_fee: int
    issuer_fee: int
    priced_on: date
    before: Part | None = None
    corrected: Corrected = NOT_CORRECTED
    whole: Whole | None = None
    terms: Terms | None = None


class Compared(NamedTuple):
    """Fen: what was charged, and what would have been."""

    charged: int
    simulated: int

    @property
    def difference(self) -> int:
        """Above zero where the proposed rules charge more."""
        return self.simulated - self.charged


class Simulation(NamedTuple):
    """`legs`: how many of each kind were looked at; `changed`: of how many of them the fee differs, in its
    amount or in who pays it. `lines`: the fees by participant and kind, of those with a leg to pay for.
    """

    legs: Mapping[ExchangeKind, int]
    changed: int
    lines: Mapping[LineKey, Compared]

    @property
    def total(self) -> Compared:
        return _sum(self.lines.values())

    def of_participant(self, participant_id: int) -> Compared:
        """What this participant pays, as acceptor and as issuer."""
        return _sum(fees for (payer_id, _), fees in self.lines.items() if payer_id == participant_id)

    def of_kind(self, kind: ExchangeKind) -> Compared:
        return _sum(fees for (_, paid_for), fees in self.lines.items() if paid_for is kind)


def with_proposed(rulebook: Rulebook, rules: Iterable[FeeRule]) -> Rulebook:
    """The rulebook as if these rules had just been added to it, the last one last."""
    numbered = [rule._replace(id=-number) for number, rule in enumerate(rules, 1)]
    return Rulebook(rulebook.version, rulebook.settings, (*rulebook.rules, *numbered))


def simulate(legs: Iterable[ExchangeLeg], rulebook: Rulebook) -> Simulation:
    """Price every leg by this rulebook and set it against what was charged; the legs' order is all one.

    The legs are looked at one at a time and none is kept, so that there may be any number of them.
    """
    seen = dict.fromkeys(ExchangeKind, 0)
    changed = 0
    charged: Counter[LineKey] = Counter()
    simulated: Counter[LineKey] = Counter()
    for leg in legs:
        seen[leg.kind] += 1
        acceptor_fee, issuer_fee = shares_under(rulebook, leg)
        if (acceptor_fee, issuer_fee) != (leg.acceptor_fee, leg.issuer_fee):
            changed += 1
        if acceptor_fee or leg.acceptor_fee:
            charged[leg.acceptor_id, leg.kind] += leg.acceptor_fee
            simulated[leg.acceptor_id, leg.kind] += acceptor_fee
        if issuer_fee or leg.issuer_fee:
            charged[leg.issuer_id, leg.kind] += leg.issuer_fee
            simulated[leg.issuer_id, leg.kind] += issuer_fee
    lines = {key: Compared(charged[key], simulated[key]) for key in sorted(simulated)}
    return Simulation(seen, changed, lines)


def shares_under(rulebook: Rulebook, leg: ExchangeLeg) -> tuple[int, int]:
    """What acceptor and issuer would pay on the leg, in fen.

    A reversal's leg has the difference between the fee on what was left after it and on what was left
    before, so that any number of reversals gives back exactly the fee. Nothing is charged on nothing left,
    and what was given back in money is not left, as in a reversal itself.
    """
    if leg.before is None:
        return _shares(rulebook, leg, leg.amount)
    after = Part(leg.before.points + leg.points, leg.before.amount + leg.amount)
    was, will_be = (_fee_of_rest(rulebook, leg, rest) for rest in (leg.before, after))
    return will_be.acceptor - was.acceptor, will_be.issuer - was.issuer


def _fee_of_rest(rulebook: Rulebook, leg: ExchangeLeg, rest: Part) -> Fee:
    if leg.whole is not None and leg.terms is not None:
        rest = still_owing(leg.terms, leg.whole, rest, leg.corrected)
    acceptor, issuer = (0, 0) if rest == NOTHING else _shares(rulebook, leg, rest.amount)
    return less(Fee(acceptor, issuer, None, OWN_SYSTEM.reason), leg.corrected)


def _shares(rulebook: Rulebook, leg: ExchangeLeg, amount: int) -> tuple[int, int]:
    fee = price(rulebook, leg.kind, leg.issuer_id, leg.acceptor_id, amount, leg.priced_on)
    return fee.acceptor, fee.issuer


def _sum(lines: Iterable[Compared]) -> Compared:
    charged = simulated = 0
    for fees in lines:
        charged += fees.charged
        simulated += fees.simulated
    return Compared(charged, simulated)
