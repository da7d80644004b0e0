"""How near a participant is to its cap, in four levels."""

#: Per cent of a cap at which the level changes, as participants are warned.
LINES = (70, 85, 95)
LEVELS = ("calm", "raised", "high", "full")


def level_of(debit: int, cap: int) -> str:
    """One of `LEVELS` for fen owed on balance, and the cap."""
    reached = sum(max(debit, 0) * 100 >= cap * line for line in LINES) if cap else (3 if debit > 0 else 0)
    return LEVELS[reached]
