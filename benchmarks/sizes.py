"""How much a run measures: enough for steady numbers, or just enough to see that it works."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """`runs` turns for what has a target, `long_runs` where a turn takes long, `growth_runs` for what only
    shows how it grows.

    `batches`: batch size → how many batches are timed. One batch before them, or `warm_up` redemptions
    if that is more, is not timed. `writers` post `abreast` such batches of `batch` each after one that is not
    timed. No run may need more redemptions than there are members, of which each participant has as many.

    Several rows of a table grow from the first to the last of a tuple, and the last has the target; of
    `writers` it is two that have it, and the rest shows the growth. `history` are transactions of a month,
    `journal_rows` rows of transactions, legs and entries together, `kept` transactions at a start.
    """

    members: int
    runs: int
    long_runs: int
    growth_runs: int
    batches: Mapping[int, int]
    warm_up: int
    batch: int
    abreast: int
    writers: tuple[int, ...]
    clients: tuple[int, ...]
    seconds: float
    warm_up_seconds: float
    imports: tuple[int, ...]
    journal_rows: tuple[int, ...]
    history: tuple[int, ...]
    kept: tuple[int, ...]
    idle_seconds: float


FULL = Sizes(
    members=100_000,
    runs=5,
    long_runs=3,
    growth_runs=1,
    batches={1: 2_000, 100: 200, 10_000: 5, 1_000: 40},
    warm_up=1_000,
    batch=1_000,
    abreast=20,
    writers=(1, 2, 4),
    clients=(1, 8, 32),
    seconds=8,
    warm_up_seconds=2,
    imports=(50_000, 200_000),
    journal_rows=(1_000_000, 10_000_000),
    history=(10_000, 1_000_000),
    kept=(0, 100_000),
    idle_seconds=5,
)

QUICK = Sizes(
    members=3_000,
    runs=1,
    long_runs=1,
    growth_runs=1,
    batches={1: 20, 100: 2, 1_000: 1},
    warm_up=10,
    batch=100,
    abreast=2,
    writers=(2,),
    clients=(4, 32),
    seconds=1.0,
    warm_up_seconds=0.2,
    imports=(500, 2_000),
    journal_rows=(3_000, 6_000),
    history=(700, 2_000),
    kept=(500,),
    idle_seconds=0.5,
)
