"""A process that runs an embedded server until it is killed: `python -m support.supervisor DATA SYSTEM`.

It prints the URL when the server is ready. For tests that kill it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from database import EmbeddedServer

_PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Supervisor:
    """A running supervisor and the URL of its server."""

    process: subprocess.Popen[str]
    url: str

    def postgres_processes(self) -> list[psutil.Process]:
        """Its server: the postmaster first, then everything that one started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.process.kill()
        self.process.wait()


def start_supervisor(data_dir: Path, system_dir: Path) -> subprocess.Popen[str]:
    """Begin one without waiting for it; its only output is the URL."""
    return subprocess.Popen(
        [sys.executable, "-m", "support.supervisor", str(data_dir), str(system_dir)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_PROJECT), str(_PROJECT / "tests")])},
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def supervisor(data_dir: Path, system_dir: Path) -> Iterator[Supervisor]:
    """Run one, wait until its server is ready, and make sure that nothing of it is left in the end."""
    process = start_supervisor(data_dir, system_dir)
    assert process.stdout is not None
    running = Supervisor(process, process.stdout.readline().strip())
    family = running.postgres_processes()
    try:
        yield running
    finally:
        running.kill()
        process.stdout.close()
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()


def main() -> None:
    """Run until killed."""
    data_dir, system_dir = map(Path, sys.argv[1:])
    server = EmbeddedServer(data_dir, system_dir=system_dir, shared_buffers_mb=64, max_wal_size_mb=1024)
    server.start()
    sys.stdout.write(server.url + "\n")
    sys.stdout.flush()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
