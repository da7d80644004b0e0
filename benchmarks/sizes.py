"""How much a run measures: enough for steady numbers, or just enough to see that it works."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """`batches`: batch size → how many batches are timed. One batch before them, or `warm_up` redemptions
    if that is more, is not timed. No run may need more redemptions than there are members. `closings`: the
    few and the many transactions of the periods that are closed.
    """

    members: int
    runs: int
    batches: Mapping[int, int]
    warm_up: int
    clients: tuple[int, ...]
    seconds: float
    warm_up_seconds: float
    closings: tuple[int, int]
    statement_lines: int


FULL = Sizes(
    members=100_000,
    runs=5,
    batches={1: 2_000, 100: 200, 1_000: 40, 10_000: 5},
    warm_up=1_000,
    clients=(1, 8, 32),
    seconds=8,
    warm_up_seconds=2,
    closings=(10_000, 1_000_000),
    statement_lines=100_000,
)

QUICK = Sizes(
    members=3_000,
    runs=1,
    batches={1: 20, 100: 2, 1_000: 1},
    warm_up=10,
    clients=(1, 8),
    seconds=0.5,
    warm_up_seconds=0.2,
    closings=(100, 1_000),
    statement_lines=2_000,
)
