"""Revision 0015 on data as older versions have left it."""

from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, select, text, update

from clearing.tables import fee_rules, money_corrections
from clearing.verify import frozen
from settlement.close import close_and_check
from settlement.core.disputes import DisputeReason
from settlement.verify import verify
from support.ledger import Ledger, shanghai
from support.money import disputed

REVISION: Any = ScriptDirectory("migrations").get_revision("0015").module

PERIODS = [
    # Shanghai's October and November; in Los Angeles' December nothing was posted for sixteen hours.
    ("gap",
     [(202611, "11-01 00:00", "12-01 00:00", "closed"), (202612, "12-01 16:00", "01-01 16:00", "open")],
     [(202611, "11-01 00:00", "12-01 00:00"), (202612, "12-01 00:00", "01-01 16:00")]),
    # History of October was opened in Los Angeles' time.
    ("overlap",
     [(202610, "10-01 15:00", "11-01 15:00", "open"), (202611, "11-01 00:00", "12-01 00:00", "closed")],
     [(202610, "10-01 15:00", "11-01 00:00"), (202611, "11-01 00:00", "12-01 00:00")]),
    ("unopened month between",
     [(202610, "10-01 00:00", "11-01 00:00", "closed"), (202612, "12-01 16:00", "01-01 00:00", "open")],
     [(202610, "10-01 00:00", "11-01 00:00"), (202612, "12-01 16:00", "01-01 00:00")]),
    ("both closed",
     [(202611, "11-01 00:00", "12-01 00:00", "closed"), (202612, "12-01 16:00", "01-01 16:00", "closed")],
     [(202611, "11-01 00:00", "12-01 00:00"), (202612, "12-01 16:00", "01-01 16:00")]),
]  # fmt: skip


def instant(day: str) -> str:
    year = 2027 if day.startswith("01-") else 2026
    return f"{year}-{day}+08"


@pytest.mark.parametrize(("rows", "expected"), [one[1:] for one in PERIODS], ids=[one[0] for one in PERIODS])
def test_neighbours_meet_again_where_one_of_them_is_open(
    engine: Engine, rows: list[tuple[int, str, str, str]], expected: list[tuple[int, str, str]]
) -> None:
    with engine.begin() as connection:
        for number, starts_at, ends_at, state in rows:
            _insert(connection, number, starts_at, ends_at, state)
        REVISION.join_periods(connection)
        assert _spans(connection) == expected


@pytest.mark.parametrize("occurred", ["12-01 02:00", "11-30 02:00"])
def test_a_flag_that_tells_where_a_period_began_keeps_it_there(engine: Engine, occurred: str) -> None:
    """What occurred in the gap was flagged as late; then the open period before it is made longer."""
    with engine.begin() as connection:
        _insert(connection, 202611, "11-01 00:00", "12-01 00:00", "open")
        _insert(connection, 202612, "12-01 16:00", "01-01 16:00", "open")
        connection.execute(
            text("CREATE TABLE transactions_202612 PARTITION OF transactions FOR VALUES IN (202612)")
        )
        connection.execute(
            text(
                "INSERT INTO transactions (period, wallet_id, id, kind, acceptor_id, occurred_at, booked_at,"
                f" late, points, amount, rule_version) VALUES (202612, 1, 1, 1, 1, '{instant(occurred)}',"
                f" '{instant('12-02 00:00')}', true, 0, 0, 1)"
            )
        )
        REVISION.join_periods(connection)
        expected = "12-01 16:00" if occurred.startswith("12") else "12-01 00:00"
        assert _spans(connection)[1][1] == _spans(connection)[0][2] == expected


def _insert(connection: Connection, number: int, starts_at: str, ends_at: str, state: str) -> None:
    values = f"({number}, '{instant(starts_at)}', '{instant(ends_at)}', '{state}')"
    connection.execute(text(f"INSERT INTO periods VALUES {values}"))


def _spans(connection: Connection) -> list[tuple[int, str, str]]:
    shown = "to_char({0} AT TIME ZONE 'Asia/Shanghai', 'MM-DD HH24:MI')"
    query = (
        f"SELECT number, {shown.format('starts_at')}, {shown.format('ends_at')} FROM periods ORDER BY number"
    )
    return [tuple(row) for row in connection.execute(text(query))]


def all_adds_up(engine: Engine) -> None:
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_disputes_of_before_are_known_to_reversals_and_volumes_to_their_months(engine: Engine) -> None:
    """As version 0012 left it: a line was corrected, one was reversed in part before, of one the fee was."""
    with Ledger(engine) as ledger:
        with engine.begin() as connection:
            tiers = [{"above": 100_000, "rate": "0.015"}]
            connection.execute(update(fee_rules).where(fee_rules.c.kind == 2).values(tiers=tiers))
        li = ledger.enrol("JADE")
        ledger.book(ledger.opens(li, "JADE", 150_000, "2029-12-31"))
        booked = ledger.book(*(ledger.redeems(li, "LOTUS", 50_000) for _ in range(3)))
        ledger.now = shanghai("2026-12-01 00:20")
        close_and_check(engine, 202611, at=ledger.now, closed_by="tests")
        ledger.book(ledger.reverses(booked[1], 20_000))
        assert disputed(ledger, 1, booked[0], "JADE", points=12_345)
        assert disputed(ledger, 2, booked[1], "JADE")
        assert disputed(ledger, 3, booked[2], "LOTUS", DisputeReason.WRONG_FEE, amount=77)
        all_adds_up(engine)
        with engine.begin() as connection:
            before = connection.execute(select(money_corrections)).all()
            connection.execute(text("DELETE FROM money_corrections"))
            connection.execute(text("UPDATE fee_volumes SET of_period = period"))
            REVISION.note_disputes(connection)
            REVISION.split_volumes(connection)
            assert sorted(connection.execute(select(money_corrections)).all()) == sorted(before)
        all_adds_up(engine)
        ledger.book(ledger.reverses(booked[0]))
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM money_corrections"))
            # No clock of the test's is that of the disputes.
            connection.execute(text("UPDATE disputes SET ended_at = '2026-11-30 16:00Z'"))
            REVISION.note_disputes(connection)
            table = money_corrections.c
            uncounted = select(table.correction_id).where(~table.counted)
            assert list(connection.execute(uncounted.order_by(table.correction_id)).scalars()) == [1, 2]
        all_adds_up(engine)
        ledger.now = shanghai("2027-01-01 00:20")
        close_and_check(engine, 202612, at=ledger.now, closed_by="tests")
        all_adds_up(engine)
