"""A month of the past with many redemptions, made once for all sections that look back at one.

Each is a database of its own: `opened` are as they were before the month was closed, and only copied;
`closed` have statements, and are only read.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from benchmarks.alliance import Alliance, settle
from benchmarks.databases import created, dropped
from benchmarks.filling import fill, open_lots
from clearing.core.calendar import month
from clearing.periods import open_period
from clearing.proof.keys import SealingKeys, new_sealing_keys
from clearing.proof.seal import seal
from database import make_engine, migrations
from settlement.close import CloseRefusal, close_and_check

MONTH = month(202501, ZoneInfo("Asia/Shanghai"))


class History:
    """On the server of `url`. `keys` have sealed it."""

    def __init__(self, url: str, members: int, say: Callable[[str], None]) -> None:
        self._url = url
        self._members = members
        self._say = say
        self._made: dict[str, str] = {}
        self.keys = SealingKeys.from_text(new_sealing_keys())

    def opened(self, redemptions: int) -> str:
        """The URL of a database with an open month of so many redemptions."""
        name = f"opened_{redemptions}"
        if name not in self._made:
            self._say(f"history: {redemptions:,} redemptions")
            self._made[name] = url = created(self._url, name)
            migrations.upgrade(url)
            with engine_on(url) as engine:
                Alliance(engine, self._members)
                fill_month(engine, redemptions)
                seal(engine, lambda: self.keys)
                _settle_all(engine)
        return self._made[name]

    def closed(self, redemptions: int) -> str:
        """The same with the month closed, added up again and sealed."""
        name = f"closed_{redemptions}"
        if name not in self._made:
            self._made[name] = url = created(self._url, name, self.opened(redemptions))
            with engine_on(url) as engine:
                close_month(engine)
                seal(engine, lambda: self.keys)
                _settle_all(engine)
        return self._made[name]

    @contextmanager
    def copied(self, redemptions: int) -> Iterator[Engine]:
        """An engine on a copy of an opened one, which may be changed, and is dropped afterwards."""
        url = created(self._url, "copied", self.opened(redemptions))
        try:
            with engine_on(url) as engine:
                yield engine
        finally:
            dropped(url)

    def drop(self) -> None:
        while self._made:
            dropped(self._made.popitem()[1])


def fill_month(engine: Engine, redemptions: int) -> None:
    """Write an open month of so many redemptions into an alliance without any; see `filling`."""
    with engine.begin() as connection:
        period = open_period(connection, MONTH)
    fill(engine, period, range(redemptions), redemptions, concentrated=True)
    open_lots(engine, period)
    _settle_all(engine)


def close_month(engine: Engine) -> None:
    outcome = close_and_check(engine, MONTH.number, closed_by="benchmarks")
    assert not isinstance(outcome, CloseRefusal), outcome
    assert outcome.recomputed, "the month adds up"


@contextmanager
def engine_on(url: str) -> Iterator[Engine]:
    engine = make_engine(url, pool_size=2, application_name="benchmarks", pre_ping=False)
    try:
        yield engine
    finally:
        engine.dispose()


def _settle_all(engine: Engine) -> None:
    settle(
        engine, "transactions", "legs", "entries", "outcomes", "lots", "positions", "unsealed", "tree_leaves"
    )
