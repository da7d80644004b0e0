"""A change of the time zone near a month's end: postings, quotes, closings and statements go on, and what was
closed keeps its own zone.
"""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, update

from clearing.alliance import change_settings
from clearing.core.calendar import PeriodState
from clearing.core.outcomes import Posted
from clearing.directory import DirectoryCache
from clearing.periods import read_periods
from clearing.quotes import quote
from clearing.tables import periods
from clearing.verify import frozen
from settlement.close import CloseRefusal, close_due, close_period
from settlement.query import Settlement, list_statements, read_settlement
from settlement.render import render
from settlement.statement import open_statement
from settlement.verify import verify
from support.ledger import SHANGHAI, Ledger, shanghai

OCTOBER, NOVEMBER, DECEMBER = 202610, 202611, 202612
AUCKLAND, LOS_ANGELES = "Pacific/Auckland", "America/Los_Angeles"
SHOWN = ("json", "csv", "xlsx", "pdf", "beancount")


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


@pytest.fixture(autouse=True)
def _all_adds_up(engine: Engine) -> Iterator[None]:
    yield
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def move_to(engine: Engine, zone: str) -> None:
    with engine.begin() as connection:
        change_settings(connection, {"time_zone": ZoneInfo(zone)}, "tests")


def close(engine: Engine, number: int, at: str, early: bool = False) -> Settlement:
    with engine.begin() as connection:
        settlement = close_period(connection, number, at=shanghai(at), early=early, closed_by="tests")
    assert isinstance(settlement, Settlement), settlement
    return settlement


def spans(engine: Engine) -> list[tuple[int, str, str]]:
    """Numbers, and from when to when, in Shanghai's time."""
    with engine.connect() as connection:
        return [(one.number, told(one.starts_at), told(one.ends_at)) for one in read_periods(connection)]


def told(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%m-%d %H:%M}"


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_change_to_a_zone_further_west_lets_the_next_month_begin_at_once(
    ledger: Ledger, engine: Engine, is_closed: bool
) -> None:
    """In Los Angeles it is November for sixteen more hours, but November has ended."""
    wang = ledger.worked_example()
    move_to(engine, LOS_ANGELES)
    ledger.now = shanghai("2026-12-01 00:20")
    if is_closed:
        close(engine, NOVEMBER, "2026-12-01 00:15")
    command = ledger.pays_cash(wang, "JADE", 100)
    with frozen(engine) as connection:
        quoted = quote(connection, command, DirectoryCache(), fixed_time=ledger.now)
    [booked] = ledger.book(command)
    assert booked.transaction.period == DECEMBER
    assert isinstance(quoted, Posted)
    assert quoted.booking.transaction.period == DECEMBER
    assert spans(engine) == [
        (NOVEMBER, "11-01 00:00", "12-01 00:00"),
        (DECEMBER, "12-01 00:00", "01-01 16:00"),
    ]


def test_a_change_to_a_zone_further_east_lets_the_month_in_course_end_where_it_ends(
    ledger: Ledger, engine: Engine
) -> None:
    wang = ledger.worked_example()
    move_to(engine, AUCKLAND)
    ledger.now = shanghai("2026-11-30 20:00")  # 01:00 on the first of December there
    [before] = ledger.book(ledger.pays_cash(wang, "JADE", 100))
    ledger.now = shanghai("2026-12-01 00:00")
    [after] = ledger.book(ledger.pays_cash(wang, "JADE", 100))
    assert [one.transaction.period for one in (before, after)] == [NOVEMBER, DECEMBER]
    assert spans(engine)[1] == (DECEMBER, "12-01 00:00", "12-31 19:00")


def test_history_after_a_change_ends_where_the_first_period_begins(ledger: Ledger, engine: Engine) -> None:
    wang = ledger.worked_example()
    move_to(engine, LOS_ANGELES)
    # At noon of the first of October it is still September in Los Angeles.
    times = ("2026-10-01 12:00", "2026-10-31 23:59", "2026-09-15 12:00")
    [october, late_october, september] = ledger.book(
        *(replace(ledger.pays_cash(wang, "JADE", 100, at), historical=True) for at in times)
    )
    assert [one.transaction.period for one in (october, late_october)] == [202609, OCTOBER]
    assert september.transaction.period == 202609
    assert [one[0] for one in spans(engine)] == [202609, OCTOBER, NOVEMBER]
    assert spans(engine)[1] == (OCTOBER, "10-01 15:00", "11-01 00:00")


def test_a_month_without_a_posting_is_closed_between_those_that_are_there(
    ledger: Ledger, engine: Engine
) -> None:
    wang = ledger.worked_example()
    close(engine, NOVEMBER, "2026-12-01 00:15")
    move_to(engine, LOS_ANGELES)
    ledger.now = shanghai("2027-01-05 10:00")
    ledger.book(ledger.pays_cash(wang, "JADE", 100))
    move_to(engine, AUCKLAND)
    assert close(engine, DECEMBER, "2027-01-05 11:00").period.number == DECEMBER
    assert spans(engine)[1:] == [
        (DECEMBER, "12-01 00:00", "01-01 16:00"),
        (202701, "01-01 16:00", "02-01 16:00"),
    ]


def test_the_clock_closes_month_after_month_through_two_changes(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    with engine.begin() as connection:
        # Opened when it began, not when this test runs.
        connection.execute(update(periods).values(opened_at=periods.c.starts_at))
    move_to(engine, AUCKLAND)
    assert close_due(engine, shanghai("2026-12-01 00:30")) == 1
    move_to(engine, LOS_ANGELES)
    assert close_due(engine, shanghai("2027-01-01 15:00")) == 0
    assert close_due(engine, shanghai("2027-01-01 17:00")) == 1
    with engine.connect() as connection:
        states = [one.state for one in read_periods(connection)]
    assert states == [PeriodState.CLOSED, PeriodState.CLOSED]
    assert spans(engine)[1] == (DECEMBER, "12-01 00:00", "01-01 16:00")


def test_a_period_that_was_closed_early_is_followed_by_the_next_in_any_zone(
    ledger: Ledger, engine: Engine
) -> None:
    wang = ledger.worked_example()
    close(engine, NOVEMBER, "2026-11-30 23:00", early=True)
    move_to(engine, LOS_ANGELES)
    ledger.now = shanghai("2026-11-30 23:30")
    [booked] = ledger.book(ledger.pays_cash(wang, "JADE", 100))
    assert booked.transaction.period == DECEMBER
    close(engine, DECEMBER, "2026-12-01 02:00", early=True)
    assert spans(engine)[1:] == [
        (DECEMBER, "11-30 23:00", "12-01 02:00"),
        (202701, "12-01 02:00", "02-01 16:00"),
    ]
    with engine.begin() as connection:
        refusal = close_period(connection, 202702, at=shanghai("2026-12-01 03:00"), closed_by="tests")
    assert isinstance(refusal, CloseRefusal)


def test_a_closed_month_and_its_statements_keep_their_zone(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    close(engine, NOVEMBER, "2026-12-01 00:15")

    def documents() -> dict[str, bytes]:
        outs = {format_: io.BytesIO() for format_ in SHOWN}
        with engine.begin() as connection:
            opened = open_statement(connection, list_statements(connection)[0].id)
            assert opened is not None
            render(connection, opened, dict(outs))
        return {format_: out.getvalue() for format_, out in outs.items()}

    before = documents()
    move_to(engine, LOS_ANGELES)
    after = documents()
    # Of PDF and sheet the container carries the time of making; see their own tests.
    assert {name: after[name] for name in ("json", "csv", "beancount")} == {
        name: before[name] for name in ("json", "csv", "beancount")
    }
    assert len(after["pdf"]) == len(before["pdf"])
    with engine.connect() as connection:
        settlement = read_settlement(connection, NOVEMBER)
    assert settlement is not None
    assert settlement.zone.key == "Asia/Shanghai"
