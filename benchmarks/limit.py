"""The limit: the same rows written by hand in SQL, one redemption per transaction and a batch at a time.

`Limit` is the project's own; `Reference` runs somebody else's from a folder. Both are used in the same way.
"""

import math
import os
import re
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import psycopg2
import psycopg2.extensions
from sqlalchemy import Engine

from benchmarks.alliance import PARTICIPANTS, Alliance, settle
from benchmarks.redemptions import Errand
from clearing import arrays
from database import libpq_url
from database.binaries import find_binaries

_HERE = Path(__file__).parent

_FILL = """
TRUNCATE by_hand.wallets, by_hand.lots, by_hand.keys, by_hand.journal, by_hand.positions, by_hand.hub;
INSERT INTO by_hand.wallets
SELECT g, (g - 1) %% %(participants)s + 1 FROM generate_series(1, %(members)s) AS g;
INSERT INTO by_hand.lots
SELECT 2 * id - 1 + k, id, issuer, date '2100-01-01' + 30 * k, 1000000000
  FROM by_hand.wallets, generate_series(0, 1) AS k ORDER BY id, k;
INSERT INTO by_hand.positions
SELECT i, a, s FROM generate_series(1, %(participants)s) AS i, generate_series(1, %(participants)s) AS a,
                     generate_series(0, 15) AS s;
INSERT INTO by_hand.hub SELECT generate_series(0, 15);
"""

_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


class HandWritten(ABC):
    """Tables and functions written by hand, in a schema of their own beside the ledger's.

    `batch` books keys, wallets, acceptors and points, given as four arrays, in the running totals of a stripe
    (0–15).
    """

    name: ClassVar[str]
    batch: ClassVar[str]

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @abstractmethod
    def restore(self) -> None:
        """Empty books and full lots again."""

    @abstractmethod
    def one_per_transaction(self, clients: int, seconds: float) -> float:
        """Redemptions a second by pgbench with so many connections, its totals in place and so hot."""

    def _run(self, *files: Path) -> None:
        with _cursor(self._engine.url.render_as_string(hide_password=False)) as cursor:
            for file in files:
                cursor.execute(file.read_text(encoding="utf-8"))


class Limit(HandWritten):
    """The project's own."""

    name = "benchmarks/limit.sql"
    batch = "SELECT by_hand.redeem_batch(%s::uuid[], %s::int[], %s::int[], %s::int[], %s)"

    def __init__(self, engine: Engine, alliance: Alliance) -> None:
        super().__init__(engine)
        self._members = len(alliance.members)
        self._run(_HERE / "limit.sql")

    def restore(self) -> None:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(_FILL, {"participants": PARTICIPANTS, "members": self._members})
        settle(self._engine, *(f"by_hand.{table}" for table in ("wallets", "lots", "positions", "hub")))

    def one_per_transaction(self, clients: int, seconds: float) -> float:
        known = {"members": self._members, "participants": PARTICIPANTS}
        return _pgbench(self._engine, _HERE / "limit_unit.sql", clients, seconds, known)


class Reference(HandWritten):
    """A reference kept outside the project: `schema.sql`, `batch.sql` and `unit_inline.sql` in one folder.

    Its 100,000 members are numbered from 1 and its participants from 1 to 50; its lots are never used up.
    """

    batch = "SELECT ref.redeem_batch(%s::uuid[], %s::int[], %s::int[], %s::int[], %s)"
    name = "the reference"

    def __init__(self, engine: Engine, folder: Path) -> None:
        super().__init__(engine)
        self._folder = folder
        self._run(folder / "schema.sql", folder / "batch.sql")

    def restore(self) -> None:
        with self._engine.begin() as connection:
            connection.exec_driver_sql("TRUNCATE ref.journal, ref.idem")
        settle(self._engine, *(f"ref.{table}" for table in ("wallet", "lot", "position", "hub_fee")))

    def one_per_transaction(self, clients: int, seconds: float) -> float:
        return _pgbench(self._engine, self._folder / "unit_inline.sql", clients, seconds, {})


@contextmanager
def batches(url: str, batch: str, stripe: int = 0) -> Iterator[Callable[[Sequence[Errand]], None]]:
    """A function that posts one batch, set-based, in a transaction of its own: a single round trip.

    `batch` is that of a `HandWritten` on the database at `url`.
    """
    with _cursor(url) as cursor:
        yield lambda errands: cursor.execute(batch, (*_columns(errands), stripe))


@contextmanager
def _cursor(url: str) -> Iterator[psycopg2.extensions.cursor]:
    """On a connection of its own, as a script may set what others must not inherit.

    Each statement is a transaction: no BEGIN or COMMIT to send.
    """
    connection = psycopg2.connect(libpq_url(url))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _pgbench(engine: Engine, script: Path, clients: int, seconds: float, defined: Mapping[str, int]) -> float:
    """Transactions a second. pgbench counts time in whole seconds."""
    url = engine.url
    command = [
        str(find_binaries().program("pgbench")),
        *("--no-vacuum", "--protocol=prepared", f"--file={script}"),
        *(f"--client={clients}", f"--jobs={min(clients, os.cpu_count() or 1)}"),
        f"--time={math.ceil(seconds)}",
        *(f"--define={name}={value}" for name, value in defined.items()),
    ]
    connection = {
        "PGHOST": str(url.query.get("host") or url.host),
        "PGPORT": str(url.query.get("port") or url.port),
        "PGUSER": str(url.username),
        "PGPASSWORD": str(url.password),
        "PGDATABASE": str(url.database),
    }
    run = subprocess.run(command, env=os.environ | connection, capture_output=True, text=True, check=False)
    found = _RATE.search(run.stdout)
    if run.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench failed: {run.stderr or run.stdout}")
    return float(found[1])


def _columns(errands: Sequence[Errand]) -> tuple[str, ...]:
    return (
        "{" + ",".join([one.key for one in errands]) + "}",
        arrays.numbers(one.member + 1 for one in errands),
        arrays.numbers(one.merchant.participant_id for one in errands),
        arrays.numbers(one.points for one in errands),
    )
