"""What every section works with: one throw-away server, the alliance on it, and the limit beside it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from sqlalchemy import Engine

from benchmarks.alliance import Alliance
from benchmarks.databases import created, dropped
from benchmarks.history import History
from benchmarks.limit import HandWritten, Limit, Reference
from benchmarks.sizes import Sizes
from database import EmbeddedServer, make_engine, migrations


@dataclass(frozen=True)
class Bench:
    """`url` is that of the database; `folder` is for files, and gone afterwards. `history` is beside it."""

    url: str
    engine: Engine
    folder: Path
    sizes: Sizes
    alliance: Alliance
    limit: HandWritten
    history: History
    console: Console

    def say(self, what: str) -> None:
        _say(self.console, what)


@contextmanager
def open_bench(
    sizes: Sizes, console: Console, url: str | None = None, reference: Path | None = None
) -> Iterator[Bench]:
    """A bench on the empty database at `url`, or on a server of its own, set as the product sets it.

    fsync and synchronous_commit are on, as always. `reference`: the folder of the limit to compare with,
    if not our own.
    """
    with tempfile.TemporaryDirectory(prefix="tongdui-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # PostgreSQL runs as another user when we are root, and has to walk through.
        folder.chmod(0o711)
        if url is not None:
            with _furnished(url, folder, sizes, console, reference) as bench:
                yield bench
            return
        with (
            EmbeddedServer(folder / "data", system_dir=folder / "system") as server,
            _furnished(server.url, folder, sizes, console, reference) as bench,
        ):
            yield bench


@contextmanager
def _furnished(
    url: str, folder: Path, sizes: Sizes, console: Console, reference: Path | None
) -> Iterator[Bench]:
    migrations.upgrade(url)
    engine = make_engine(url, pool_size=8, application_name="benchmarks", pre_ping=False)
    history = History(url, sizes.members, lambda what: _say(console, what))
    try:
        alliance = Alliance(engine, sizes.members)
        limit = Reference(engine, reference) if reference else Limit(engine, alliance)
        yield Bench(url, engine, folder, sizes, alliance, limit, history, console)
    finally:
        history.drop()
        engine.dispose()


def _say(console: Console, what: str) -> None:
    console.print(f"[dim]{what}[/dim]")


@contextmanager
def another(bench: Bench, name: str) -> Iterator[Bench]:
    """The same bench on a database of its own, with the same alliance; dropped afterwards.

    The limit stays where it is.
    """
    url = created(bench.url, name)
    try:
        migrations.upgrade(url)
        engine = make_engine(url, pool_size=8, application_name="benchmarks", pre_ping=False)
        try:
            yield replace(bench, url=url, engine=engine, alliance=Alliance(engine, bench.sizes.members))
        finally:
            engine.dispose()
    finally:
        dropped(url)
