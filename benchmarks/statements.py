"""Statements of many lines: ours, read from the journal, and the bare writer fed from memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from benchmarks.alliance import settle
from benchmarks.bench import Bench
from benchmarks.measure import in_turns
from benchmarks.results import Row, Section, Target, share_of_limit
from clearing.core.calendar import month
from clearing.periods import open_month
from settlement.close import CloseRefusal, check_recomputed, close_period
from settlement.query import list_statements

#: The month of the lines: one that has ended, before all others of the bench.
PERIOD = 202001
#: At most 1.6 times as long as the bare writer takes.
SHARE = (10, 16)
MEMORY_MB_MAX = 250


def measure(bench: Bench) -> list[Row]:
    bench.say(f"statements: {bench.sizes.statement_lines:,} lines")
    with journal_of(bench.engine, bench.sizes.statement_lines) as statement_id:
        return [_row(bench, statement_id, "csv", bench.sizes.runs), _row(bench, statement_id, "xlsx", 1)]


def _row(bench: Bench, statement_id: str, format_: str, runs: int) -> Row:
    peaks: list[float] = []

    def turn(who: str) -> float:
        path = bench.folder / f"{who}.{format_}"
        arguments = [bench.url, statement_id, format_, who, str(path)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.statement_file", *arguments],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        path.unlink()
        told = json.loads(done.stdout.splitlines()[-1])
        if who == "ours":
            peaks.append(told["peak_mb"])
        rate: float = told["lines"] / told["seconds"]
        return rate

    rates = in_turns(runs, {"ours": lambda: turn("ours"), "bare": lambda: turn("bare")})
    peak = max(peaks)
    targets = (
        share_of_limit(rates["ours"], rates["bare"], *SHARE),
        Target(f"≤ {MEMORY_MB_MAX} MB", peak <= MEMORY_MB_MAX),
    )
    return Row(format_, rates["ours"], rates["bare"], f"peak {peak:.0f} MB", targets)


@contextmanager
def journal_of(engine: Engine, lines: int) -> Iterator[str]:
    """A closed month in which one participant's points were redeemed elsewhere `lines` times; its statement.

    Written by SQL: to post them would take longer than all the rest.
    """
    with engine.begin() as connection:
        open_month(connection, month(PERIOD, ZoneInfo("Asia/Shanghai")), [])
        _write(connection, lines)
    settle(engine, "transactions", "legs", "entries", "lots")
    with engine.begin() as connection:
        outcome = close_period(connection, PERIOD, closed_by="benchmarks")
        assert not isinstance(outcome, CloseRefusal), outcome
    with engine.begin() as connection:
        check_recomputed(connection, PERIOD)
    with engine.connect() as connection:
        largest = list_statements(connection, PERIOD)[-1]
    yield largest.id


def _write(connection: Connection, lines: int) -> None:
    """Redemptions of members of participant 1 at all others, with the lots and positions that belong to
    them.
    """
    connection.exec_driver_sql(
        """
        CREATE TEMP TABLE acts ON COMMIT DROP AS
        SELECT n, m.wallet_id, 1000000 + n * 4096 AS id, 2000000 + m.i AS lot, 2 + mod(n, 24) AS acceptor,
               3 + 2 * mod(n, 24) AS merchant, 100 + mod(n * 7919, 900) AS points,
               timestamptz '2020-01-01 00:00:00+08' + n * interval '2.5 seconds' AS at
          FROM generate_series(1, %s::bigint) AS n
          JOIN (SELECT row_number() OVER (ORDER BY wallet_id) - 1 AS i, wallet_id, count(*) OVER () AS members
                  FROM cards WHERE issuer_id = 1) AS m ON m.i = mod(n, m.members)
        """,
        (lines,),
    )
    for statement in (
        """INSERT INTO lots (wallet_id, id, issuer_id, asset, expires_on, available)
           SELECT DISTINCT wallet_id, lot, 1, 1, date '2099-12-31', 0 FROM acts""",
        """INSERT INTO transactions (period, wallet_id, id, kind, merchant_id, acceptor_id, occurred_at,
        booked_at,
                                     late, points, amount, rule_version, reference)
           SELECT 202001, wallet_id, id, 2, merchant, acceptor, at, at, false, points, points, 1, 'POS-' || n
             FROM acts""",
        """INSERT INTO legs (period, wallet_id, transaction_id, number, kind, reason, issuer_id, acceptor_id,
                             fee_rule_id, points, amount, obligation, acceptor_fee, issuer_fee)
           SELECT 202001, wallet_id, id, 1, 2, 2, 1, acceptor, 1, points, points, points, points / 50, 0
             FROM acts""",
        """INSERT INTO entries (period, wallet_id, transaction_id, number, kind, debit, credit, quantity)
           SELECT 202001, wallet_id, id, 1, 2, lot, 1, points FROM acts
           UNION ALL SELECT 202001, wallet_id, id, 2, 7, 1, acceptor, points FROM acts
           UNION ALL SELECT 202001, wallet_id, id, 3, 8, acceptor, 0, points / 50 FROM acts""",
        """INSERT INTO positions (period, issuer_id, acceptor_id, kind, stripe, exchanges, points, amount,
                                  obligation, acceptor_fee, issuer_fee)
           SELECT 202001, 1, acceptor, 2, 0, count(*), sum(points), sum(points), sum(points), sum(points /
           50), 0
             FROM acts GROUP BY acceptor""",
    ):
        connection.exec_driver_sql(statement)


SECTION = Section(
    "statements",
    "a large statement, read from the journal (lines a second)",
    "the bare writer, fed from memory",
    measure,
)
