"""Who posts what and when: for each worker batches and closings, one after another, all from the seed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from random import Random
from typing import NamedTuple

from clearing.core.commands import Command
from simulation import dice
from simulation.acts import ALONE, Act, Maker, may_be_twisted, twisted
from simulation.clock import START
from simulation.world import World

#: The time that passes in a run: several ends of a month, whatever the number of commands.
SPAN = timedelta(days=110)
_BATCH_SIZES = [1, 1, 1, 2, 3, 5, 10, 20, 40]


class Crash(Enum):
    """When a worker's session is killed in the course of a batch."""

    BEFORE = "before it begins"
    DURING = "at some moment"
    AT_COMMIT = "when all is written but not committed"
    AFTER = "when it is committed but the worker has not heard of it"


class WorkerCrash(NamedTuple):
    """`afresh`: the worker begins again with a new Writer, as a new process would."""

    when: Crash
    delay_seconds: float
    afresh: bool


class ServerCrash(NamedTuple):
    """Once so many batches are finished and a moment later: kill -9 of all its processes, or SIGQUIT."""

    after_batches: int
    delay_seconds: float
    kill_all: bool


class Send(NamedTuple):
    """One act, by its number; `instead`: another request under its key."""

    act: int
    instead: Command | None = None


class Batch(NamedTuple):
    """`step`: the time that passes before it."""

    sends: list[Send]
    step: timedelta
    crash: WorkerCrash | None


class Closing(NamedTuple):
    """Close the earliest period that is open, if it has ended or `early`."""

    early: bool


@dataclass
class Script:
    acts: Sequence[Act]
    workers: list[list[Batch | Closing]]
    server_crashes: list[ServerCrash] = field(default_factory=list)

    @property
    def commands(self) -> int:
        return sum(len(batch.sends) for batch in self.batches)

    @property
    def batches(self) -> list[Batch]:
        return [work for own in self.workers for work in own if isinstance(work, Batch)]


def make_script(seed: int, world: World, commands: int, workers: int, *, server_crashes: int) -> Script:
    """So many commands, repetitions included, in batches of random size."""
    sends, acts = _sends(dice(seed, "acts"), world, commands, workers)
    some = dice(seed, "batches")
    script = Script(acts, [[] for _ in range(workers)])
    waiting = [list(own) for own in sends]
    order: list[int] = []
    weights: list[float] = []
    while any(waiting):
        # The worker that has most before it is next, so that all go through the same time together.
        worker = max(range(workers), key=lambda one: len(waiting[one]))
        size = _apart(waiting[worker][: some.choice(_BATCH_SIZES)], acts)
        taken, waiting[worker] = waiting[worker][:size], waiting[worker][size:]
        weights.append(len(taken) * some.expovariate(1) ** 2)
        script.workers[worker].append(Batch(taken, timedelta(), _worker_crash(some)))
        order.append(worker)
    _spread_time(script, order, weights)
    _add_closings(script, some)
    batches = len(order)
    for after in sorted(some.sample(range(batches), min(server_crashes, batches))):
        script.server_crashes.append(ServerCrash(after, some.uniform(0, 0.05), some.random() < 0.5))
    return script


def _apart(sends: Sequence[Send], acts: Sequence[Act]) -> int:
    """How many of these may be in one batch: what stands alone does, and ends the batch before it."""
    alone = [place for place, send in enumerate(sends) if isinstance(acts[send.act], ALONE)]
    return max(alone[0], 1) if alone else len(sends)


def _sends(some: Random, world: World, commands: int, workers: int) -> tuple[list[list[Send]], list[Act]]:
    """By worker, in the order of the acts but for those that are sent again."""
    maker = Maker(world, some)
    sends: list[list[Send]] = [[] for _ in range(workers)]
    worker = 0
    for count in range(commands):
        if some.random() < 0.5:
            worker = some.randrange(workers)
        own = sends[worker]
        if maker.acts and some.random() < 0.08:
            own.append(_again(some, maker.acts))
            continue
        maker.make(START + SPAN * (count / commands))
        own.insert(max(len(own) - some.choice([0, 0, 0, 1, 5]), 0), Send(len(maker.acts) - 1))
    return sends, maker.acts


def _again(some: Random, acts: Sequence[Act]) -> Send:
    """The same request a little or much later, or another one under its key."""
    back = some.choice([1, 2, 5, some.randint(1, 100), some.randint(1, len(acts))])
    number = max(len(acts) - back, 0)
    act = acts[number]
    if some.random() < 0.25 and isinstance(act, Command) and may_be_twisted(act):
        return Send(number, twisted(act, some))
    return Send(number)


def _spread_time(script: Script, order: Sequence[int], weights: Sequence[float]) -> None:
    """Let the span pass in uneven steps, nearly nothing before most batches and days before a few.

    `order` names the workers whose batches these are, one after another.
    """
    places: Counter[int] = Counter()
    for worker, weight in zip(order, weights, strict=True):
        own, place = script.workers[worker], places[worker]
        batch = own[place]
        assert isinstance(batch, Batch), "closings come later"
        own[place] = batch._replace(step=SPAN * (weight / sum(weights)))
        places[worker] += 1


def _add_closings(script: Script, some: Random) -> None:
    for own in script.workers:
        for _ in range(4):
            own.insert(some.randint(0, len(own)), Closing(early=some.random() < 0.15))


def _worker_crash(some: Random) -> WorkerCrash | None:
    if some.random() >= 0.04:
        return None
    return WorkerCrash(some.choice(list(Crash)), some.choice([0.0, 0.002, 0.01, 0.03]), some.random() < 0.3)
