"""Python's garbage collector, as a server has it."""

import gc

#: New objects between two collections; a batch of a thousand makes tens of thousands, and none in cycles.
THRESHOLD = 50_000


def settle_collector() -> None:
    """What is loaded now stays for good: it need not be walked again with every few hundred new objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD)
