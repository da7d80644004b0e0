"""One run: an alliance, its workers, and the comparison. `make simulate SEED=… COMMANDS=… SEEDS=…`."""

import argparse
import logging
import secrets
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from database import EmbeddedServer, make_engine, migrations
from simulation.clock import Clock
from simulation.compare import Committed, Replay, unverified
from simulation.crashes import ServerKiller, Sessions
from simulation.register import Register
from simulation.script import make_script
from simulation.workers import LOG, Attempt, Horizon, Shared, Told, Worker
from simulation.world import found, make_world

WORKERS = 4
COMMANDS = 2_000
SERVER_CRASHES = 3


@dataclass
class Report:
    """What came of one seed."""

    seed: int
    commands: int
    features: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    excused: int = 0
    closed: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        crashes = ", ".join(f"{name} {count}" for name, count in sorted(self.crashes.items()))
        done = {name: self.counts[name] for name in ("posted", "held", "moved", "replayed")}
        refused = sorted((code, count) for code, count in self.counts.items() if code not in done)
        return (
            f"seed {self.seed} ({self.features}): {self.commands} commands,"
            f" {', '.join(f'{name} {count}' for name, count in done.items())},"
            f" refused {sum(count for _, count in refused)}"
            f" [{', '.join(f'{code} {count}' for code, count in refused)}];"
            f" crashes [{crashes}]; closed {self.closed}; excused {self.excused};"
            f" {self.seconds:.0f} s; {'DIFFERENT' if self.differences else 'equal'}"
        )

    @property
    def text(self) -> str:
        """The line, and the differences with what repeats the run."""
        if not self.differences:
            return self.line
        again = f"make simulate SEED={self.seed} COMMANDS={self.commands}"
        return "\n".join([self.line, *(f"  {one}" for one in self.differences), f"  again: {again}"])


class Simulation:
    """One seed in one database, which has tables and nothing in them. Without a server to crash, only workers
    crash.
    """

    def __init__(
        self, url: str, seed: int, commands: int, workers: int = WORKERS, server: EmbeddedServer | None = None
    ) -> None:
        self.report = Report(seed, commands)
        self._url = url
        self._server = server
        self._engine = create_engine(url, poolclass=NullPool)
        self._world = make_world(seed, commands)
        crashes = SERVER_CRASHES if server else 0
        self._script = make_script(seed, self._world, commands, workers, server_crashes=crashes)
        self._told: dict[Attempt, Told] = {}
        self.report.features = self._world.features

    def run(self) -> Report:
        began = time.monotonic()
        self.post()
        self.compare()
        self.report.seconds = time.monotonic() - began
        return self.report

    def post(self) -> None:
        """Found the alliance and let the workers post until their scripts end."""
        found(self._world, self._engine)
        with self._engine.begin() as connection:
            connection.execute(text(LOG))
        register, clock = Register(self._script.acts), Clock()
        shared = Shared(clock, register, Sessions(self._url), Horizon(), threading.Event())
        workers = [
            Worker(number, script, self._make_engine, shared)
            for number, script in enumerate(self._script.workers)
        ]
        killer = None
        if self._server is not None:
            crashes = self._script.server_crashes
            killer = ServerKiller(self._server, crashes, lambda: sum(one.finished for one in workers))
            killer.start()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            self._told |= worker.told
            self.report.crashes.update(worker.crashes)
        if killer is not None:
            killer.stop()
            self.report.crashes["server"] += killer.crashed
        for fault in [*(one.fault for one in workers), killer.fault if killer else None]:
            if fault is not None:
                self.report.differences.append(
                    "".join(traceback.format_exception(fault, chain=False, limit=-4))
                )

    def compare(self) -> None:
        """Replay what was committed, and verify."""
        with self._engine.connect() as connection:
            committed = Committed(connection)
        replay = Replay(committed, self._told, self._world.cards)
        replay.run()
        self.report.counts = replay.counts
        self.report.excused = replay.excused
        self.report.closed = sum(one.state.value == "closed" for one in committed.periods.values())
        self.report.differences += [*replay.differences, *unverified(self._engine)]

    def _make_engine(self, application_name: str) -> Engine:
        return make_engine(self._url, pool_size=3, application_name=application_name, pre_ping=False)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="the first seed; a random one if not given")
    parser.add_argument("--seeds", type=int, default=1, help="how many, one after another")
    parser.add_argument("--commands", type=int, default=COMMANDS)
    parser.add_argument("--workers", type=int, default=WORKERS)
    said = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    first = secrets.randbelow(1_000_000) if said.seed is None else said.seed
    different = 0
    for seed in range(first, first + said.seeds):
        report = _run_on_own_server(seed, said.commands, said.workers)
        sys.stdout.write(report.text + "\n")
        sys.stdout.flush()
        different += bool(report.differences)
    return 1 if different else 0


def _run_on_own_server(seed: int, commands: int, workers: int) -> Report:
    with tempfile.TemporaryDirectory(prefix="tongdui-simulation-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root the server runs as another user, who must get there
        server = EmbeddedServer(
            folder / "data", system_dir=folder / "system", shared_buffers_mb=64, max_wal_size_mb=1024
        )
        with server:
            migrations.upgrade(server.url)
            return Simulation(server.url, seed, commands, workers, server).run()


if __name__ == "__main__":
    sys.exit(main())
