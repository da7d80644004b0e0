"""What a section hands back: rows of a table, each with the targets it has to meet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.bench import Bench


@dataclass(frozen=True)
class Target:
    """A promise and whether it was kept; `text` says it in a few words."""

    text: str
    met: bool


@dataclass(frozen=True)
class Row:
    """One measurement. Rates are so many a second; `beside` is the rate it is compared with."""

    case: str
    rate: float
    beside: float | None = None
    detail: str = ""
    targets: tuple[Target, ...] = ()

    @property
    def ratio(self) -> float | None:
        return self.rate / self.beside if self.beside else None


@dataclass(frozen=True)
class Section:
    """One part of the benchmark. `what` is measured, and `beside` is what stands next to it; `unit` of what
    there are so many a second.
    """

    name: str
    what: str
    beside: str
    measure: Callable[["Bench"], Sequence[Row]]
    unit: str = "redemptions"


def at_least(rate: float, least: float) -> Target:
    """So many a second."""
    return Target(f"≥ {least:,.0f}/s", rate >= least)


def share_of_limit(rate: float, limit: float, numerator: int, denominator: int) -> Target:
    """Such a fraction of what is possible, in whole numbers so that a third is a third."""
    return Target(f"≥ {numerator}/{denominator} of the limit", rate * denominator >= limit * numerator)
