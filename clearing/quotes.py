"""What a command would do now: the same decision on the same snapshot, and nothing is written."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from sqlalchemy import Connection

from clearing.core.calendar import period_at
from clearing.core.commands import Command
from clearing.core.decide import PeriodMissing, decide
from clearing.core.outcomes import Outcome
from clearing.directory import DirectoryCache
from clearing.load import Gathered, gather


def quote(
    connection: Connection, command: Command, cache: DirectoryCache, *, fixed_time: datetime | None = None
) -> Outcome:
    """The outcome that posting this command now would have. New rows have ids that mean nothing.

    Use a connection of `frozen`: all that is read is then of one moment, and nothing can be written.
    `fixed_time` replaces the database's clock in tests and simulations.
    """
    [outcome] = quote_each(connection, [command], cache, fixed_time=fixed_time)
    return outcome


def quote_each(
    connection: Connection,
    commands: Sequence[Command],
    cache: DirectoryCache,
    *,
    fixed_time: datetime | None = None,
) -> list[Outcome]:
    """The outcome that each command would have if it alone were posted now; read at once."""
    gathered = gather(connection, commands, cache, locked=False)
    if fixed_time is not None:
        gathered = gathered._replace(at=fixed_time)
    return [decide_quote(gathered, command) for command in commands]


def decide_quote(gathered: Gathered, command: Command) -> Outcome:
    """The outcome of one command on a snapshot, as if its period were open already."""
    snapshot, at = gathered.snapshot, gathered.at
    try:
        return decide(snapshot, [command], at, count(1)).outcomes[0]
    except PeriodMissing as missing:
        zone = snapshot.directory.rulebook.settings.time_zone
        period = period_at(missing.at, zone, gathered.periods)
        if period is None:
            raise
        opened = gathered.with_period(period)
        return decide(opened.snapshot, [command], at, count(1)).outcomes[0]
