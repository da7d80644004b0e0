"""The limit: the same rows written by hand in SQL, one redemption per transaction and a batch at a time."""

import math
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from sqlalchemy import Engine

from benchmarks.alliance import PARTICIPANTS, Alliance, settle
from benchmarks.redemptions import Errand
from clearing import arrays
from database import libpq_url
from database.binaries import find_binaries

_HERE = Path(__file__).parent
_SCHEMA = _HERE / "limit.sql"
_UNIT = _HERE / "limit_unit.sql"

_FILL = """
TRUNCATE by_hand.wallets, by_hand.lots, by_hand.keys, by_hand.journal, by_hand.positions, by_hand.hub;
INSERT INTO by_hand.wallets
SELECT g, (g - 1) %% %(participants)s + 1 FROM generate_series(1, %(members)s) AS g;
INSERT INTO by_hand.lots
SELECT 2 * id - 1 + k, id, issuer, date '2100-01-01' + 30 * k, 1000000000
  FROM by_hand.wallets, generate_series(0, 1) AS k ORDER BY id, k;
INSERT INTO by_hand.positions
SELECT i, a FROM generate_series(1, %(participants)s) AS i, generate_series(1, %(participants)s) AS a;
INSERT INTO by_hand.hub VALUES (0);
"""
_TABLES = [f"by_hand.{name}" for name in ("wallets", "lots", "positions", "hub")]

_BATCH = "SELECT by_hand.redeem_batch(%s::uuid[], %s::int[], %s::int[], %s::int[])"

_RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


class Limit:
    """The hand-written tables and functions, in a schema of their own beside the ledger's."""

    def __init__(self, engine: Engine, alliance: Alliance) -> None:
        self._engine = engine
        self._members = len(alliance.members)
        with engine.begin() as connection:
            connection.exec_driver_sql(_SCHEMA.read_text(encoding="utf-8").replace("%", "%%"))

    def restore(self) -> None:
        """Empty books and full lots again."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(_FILL, {"participants": PARTICIPANTS, "members": self._members})
        settle(self._engine, *_TABLES)

    @contextmanager
    def batches(self) -> Iterator[Callable[[Sequence[Errand]], None]]:
        """A function that posts one batch, set-based, in a transaction of its own: a single round trip."""
        connection = psycopg2.connect(libpq_url(self._engine.url.render_as_string(hide_password=False)))
        connection.autocommit = True  # each statement is a transaction: no BEGIN or COMMIT to send
        try:
            with connection.cursor() as cursor:
                yield lambda errands: cursor.execute(_BATCH, _columns(errands))
        finally:
            connection.close()

    def one_per_transaction(self, clients: int, seconds: float) -> float:
        """Redemptions a second by pgbench with so many connections; totals in place, so they are hot.

        pgbench counts time in whole seconds.
        """
        url = self._engine.url
        jobs = min(clients, os.cpu_count() or 1)
        command = [
            str(find_binaries().program("pgbench")),
            *("--no-vacuum", "--protocol=prepared", f"--file={_UNIT}"),
            *(
                f"--client={clients}",
                f"--jobs={jobs}",
                f"--time={math.ceil(seconds)}",
            ),
            *(f"--define=members={self._members}", f"--define=participants={PARTICIPANTS}"),
        ]
        connection = {
            "PGHOST": str(url.query.get("host") or url.host),
            "PGPORT": str(url.query.get("port") or url.port),
            "PGUSER": str(url.username),
            "PGPASSWORD": str(url.password),
            "PGDATABASE": str(url.database),
        }
        run = subprocess.run(
            command, env=os.environ | connection, capture_output=True, text=True, check=False
        )
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
