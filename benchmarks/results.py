"""What a section hands back: rows of a table, some with conditions; all of them together are its target."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.bench import Bench


@dataclass(frozen=True)
class Condition:
    """Part of a target and whether it was met; `text` says it in a few words."""

    text: str
    met: bool


@dataclass(frozen=True)
class Row:
    """One measurement, in the section's unit; `beside` is what it is compared with."""

    case: str
    ours: float
    beside: float | None = None
    detail: str = ""
    conditions: tuple[Condition, ...] = ()

    @property
    def ratio(self) -> float | None:
        return self.ours / self.beside if self.beside else None


@dataclass(frozen=True)
class Section:
    """One part of the benchmark: one line of the table of targets, of this `number`.

    `what` is measured, and `beside` is what stands next to it; both in `unit`. At least one row must have a
    condition.
    """

    number: int
    name: str
    what: str
    beside: str
    measure: Callable[["Bench"], Sequence[Row]]
    unit: str = "redemptions/s"


@dataclass(frozen=True)
class Target:
    """The promise of one section: it is kept when all its conditions are met."""

    number: int
    conditions: tuple[Condition, ...]

    @property
    def met(self) -> bool:
        return all(condition.met for condition in self.conditions)


def target_of(section: Section, rows: Sequence[Row]) -> Target:
    """Raises ValueError if nothing was asked of the section: that must not count as met."""
    conditions = tuple(condition for row in rows for condition in row.conditions)
    if not conditions:
        raise ValueError(f"section {section.name} has no condition to meet")
    return Target(section.number, conditions)


def at_least(ours: float, beside: float, least: float) -> Condition:
    """So many times what stands beside it, or more."""
    return Condition(f"≥ {least:g} ×", ours >= least * beside)


def at_most(ours: float, beside: float, most: float) -> Condition:
    """So many times what stands beside it, or less."""
    return Condition(f"≤ {most:g} ×", ours <= most * beside)


def within(value: float, most: float, what: str) -> Condition:
    """No more than so many; `what` names them: `p99 {} ms`."""
    return Condition(what.format(f"≤ {most:g}"), value <= most)
