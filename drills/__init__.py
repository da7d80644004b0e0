"""Drills: a fault is injected under load, and everything that was acknowledged is looked for afterwards.

| module | what |
|---|---|
| `installation` | a `tongdui run` of the drill's own, that can be stopped, killed and called |
| `alliance` | three participants, their merchants, prices and members |
| `load` | clients that post, remember every answer, and a model of what must be the case |
| `restore` | back up, go on, restore to a moment between |

`python -m drills NAME --rounds N` runs one; `make drill NAME=… ROUNDS=…` does the same. It prints a line for
each round and exits with 1 if anything was lost or invented.
"""
