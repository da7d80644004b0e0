"""Random commands from several workers against a real database, with crashes; then everything is recomputed.

| module | what |
|---|---|
| `world` | a random alliance, written into an empty database |
| `acts`, `register` | random commands, and what follows up on the outcome of earlier ones |
| `script` | who posts what, in which batches; clock, closings and crashes: all from the seed |
| `clock` | the time that all workers share |
| `workers` | the threads that post, and what they were told |
| `crashes` | how sessions and the server are killed |
| `model`, `values` | one command after another through the pure core |
| `compare` | what was told and what is in the database, held against the model |
| `run` | one run and its summary; `make simulate` |

The alliance, the commands, their order in each worker, the clock's steps and the crashes follow from the
seed. Which worker is first does not: a difference may need several runs of its seed to show again.
"""

import random


def dice(seed: int, purpose: str) -> random.Random:
    """Randomness of its own for each purpose, so that a change in one part leaves the others as they are."""
    return random.Random(f"{seed} {purpose}")  # noqa: S311  it must be the same each time
