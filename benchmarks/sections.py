"""The sections of the benchmark, in the order in which they run. A new one is a module and a line here."""

from benchmarks import (
    cards,
    closing,
    endpoint,
    hot,
    imports,
    journal,
    one_wallet,
    posting,
    start,
    statements,
    verifying,
    writers,
)
from benchmarks.results import Section

SECTIONS: tuple[Section, ...] = (
    posting.SECTION,
    writers.SECTION,
    endpoint.SECTION,
    cards.SECTION,
    imports.SECTION,
    hot.SECTION,
    journal.SECTION,
    closing.SECTION,
    statements.SECTION,
    verifying.SECTION,
    one_wallet.SECTION,
    start.SECTION,
)


def named(name: str | None) -> tuple[Section, ...]:
    """The section of that name, or all for None; raises KeyError with the names there are."""
    if name is None:
        return SECTIONS
    found = tuple(section for section in SECTIONS if section.name == name)
    if not found:
        raise KeyError(", ".join(section.name for section in SECTIONS))
    return found
