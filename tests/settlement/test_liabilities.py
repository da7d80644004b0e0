"""What issuers owe members: rolled forward over periods, by month, and the same whenever it is added up."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, func, select, update

from clearing.core.accounts import Asset
from clearing.core.outcomes import Moved
from clearing.tables import lots, participants
from clearing.verify import frozen
from settlement.close import check_recomputed, close_period
from settlement.liabilities import Liability, read_liabilities, write_liabilities
from settlement.query import list_statements
from settlement.render import render
from settlement.statement import open_statement
from settlement.tables import liabilities, liability_months, statement_sizes
from settlement.verify import verify
from support.ledger import Ledger, shanghai

NOVEMBER, DECEMBER, JANUARY = 202611, 202612, 202701


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as ledger:
        yield ledger


def close(engine: Engine, number: int, at: str) -> None:
    with engine.begin() as connection:
        close_period(connection, number, at=shanghai(at), closed_by="tests")


def owed(engine: Engine, ledger: Ledger, number: int, code: str) -> dict[Asset, Liability]:
    with engine.begin() as connection:
        write_liabilities(connection, number)
        return read_liabilities(connection, number, ledger.participant_ids[code])


def months(liability: Liability) -> dict[int, int]:
    return {one.month: one.quantity for one in liability.months}


def history(ledger: Ledger, engine: Engine) -> None:
    """Three months with every kind of act, each closed but not added up."""
    wang = ledger.worked_example()
    close(engine, NOVEMBER, "2026-12-01 00:10")
    ledger.now = shanghai("2026-12-28 10:00")
    earned = ledger.book(ledger.pays_cash(wang, "JADE", 20_000))[0]
    hold = ledger.holds(wang, "LOTUS", 60)
    ledger.book(ledger.redeems(wang, "LOTUS", 2_800))
    ledger.book(ledger.reverses(earned))
    ledger.book(ledger.loads(wang, "PINE", 7_000, issuer="JADE"))
    close(engine, DECEMBER, "2027-01-01 00:10")
    ledger.now = shanghai("2027-01-02 10:00")
    ledger.book(ledger.captures(hold, 50))
    ledger.book(ledger.pays_cash(wang, "JADE", 30_000))
    close(engine, JANUARY, "2027-02-01 00:10")


def stored(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in (liabilities, liability_months, statement_sizes)
        }


def test_the_worked_example_leaves_what_wang_is_left_with(ledger: Ledger, engine: Engine) -> None:
    ledger.worked_example()
    close(engine, NOVEMBER, "2026-12-01 00:10")
    of_jade = owed(engine, ledger, NOVEMBER, "JADE")
    points = of_jade[Asset.POINTS].movement
    assert (points.opened, points.used_own, points.used_elsewhere, points.closing) == (
        5_000,
        500,
        2_500,
        2_000,
    )
    assert months(of_jade[Asset.POINTS]) == {202706: 2_000}
    value = of_jade[Asset.STORED_VALUE].movement
    assert (value.opened, value.used_elsewhere, value.closing) == (50_000, 30_000, 20_000)
    assert months(of_jade[Asset.STORED_VALUE]) == {0: 20_000}
    assert months(owed(engine, ledger, NOVEMBER, "LOTUS")[Asset.POINTS]) == {202811: 680}
    assert owed(engine, ledger, NOVEMBER, "PINE")[Asset.POINTS].months == ()


def test_each_period_begins_with_what_the_last_one_left(ledger: Ledger, engine: Engine) -> None:
    history(ledger, engine)
    closing = 0
    for number in (NOVEMBER, DECEMBER, JANUARY):
        found = owed(engine, ledger, number, "JADE")[Asset.POINTS]
        assert found.movement.opening == closing
        closing = found.movement.closing
        assert sum(months(found).values()) == closing
    with engine.connect() as connection:
        held = select(func.sum(lots.c.available + lots.c.held)).where(
            lots.c.asset == int(Asset.POINTS), lots.c.issuer_id == ledger.participant_ids["JADE"]
        )
        assert connection.execute(held).scalar_one() == closing


def test_arrears_change_what_was_issued_but_no_lot(ledger: Ledger, engine: Engine) -> None:
    history(ledger, engine)
    december = owed(engine, ledger, DECEMBER, "JADE")[Asset.POINTS].movement
    january = owed(engine, ledger, JANUARY, "JADE")[Asset.POINTS].movement
    assert december.arrears > 0
    assert january.arrears == -december.arrears
    assert december.issued == 0


def test_it_is_the_same_whenever_it_is_added_up(ledger: Ledger, engine: Engine) -> None:
    history(ledger, engine)
    with engine.begin() as connection:
        write_liabilities(connection, JANUARY)
    late = stored(engine)
    with engine.begin() as connection:
        for table in (liabilities, liability_months, statement_sizes):
            connection.execute(delete(table))
    for number in (NOVEMBER, DECEMBER, JANUARY):
        with engine.begin() as connection:
            assert check_recomputed(connection, number)
    assert stored(engine) == late
    with engine.begin() as connection:
        write_liabilities(connection, JANUARY)
    assert stored(engine) == late
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_links_move_what_is_owed_from_wallet_to_wallet_and_only_arrears_change_it(
    ledger: Ledger, engine: Engine
) -> None:
    wang, li = ledger.worked_example(), ledger.enrol("LOTUS")
    earned = ledger.book(ledger.pays_cash(li, "LOTUS", 9_000))[0]
    ledger.book(ledger.loads(li, "PINE", 7_000, issuer="LOTUS"))
    ledger.book(ledger.redeems(li, "JADE", 80))
    ledger.book(ledger.reverses(earned))
    with engine.connect() as connection:
        before = read_owed(connection)
    assert isinstance(ledger.post(ledger.links(wang, li))[0], Moved)
    # The 80 points that Li owes LOTUS are paid by Wang's, now that the two are one.
    lotus = (ledger.participant_ids["LOTUS"], 1, "2028-11-30")
    with engine.connect() as connection:
        assert read_owed(connection) == before | {lotus: before[lotus] - 80}
    assert isinstance(ledger.post(ledger.unlinks(li))[0], Moved)
    close(engine, NOVEMBER, "2026-12-01 00:10")
    with engine.begin() as connection:
        assert check_recomputed(connection, NOVEMBER)
        for header in list_statements(connection):
            statement = open_statement(connection, header.id)
            assert statement is not None
            files = {format_: BytesIO() for format_ in ("csv", "json", "beancount")}
            render(connection, statement, files)
            transfers = files["csv"].getvalue().count(b",transfer,")
            assert transfers > 3 if header.participant_code == "LOTUS" else transfers == 0
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def read_owed(connection: Connection) -> dict[tuple[int, int, str], int]:
    """What lots hold, by issuer, asset and end."""
    query = select(
        lots.c.issuer_id, lots.c.asset, lots.c.expires_on, func.sum(lots.c.available + lots.c.held)
    ).group_by(lots.c.issuer_id, lots.c.asset, lots.c.expires_on)
    return {(issuer, asset, str(ends)): int(owed) for issuer, asset, ends, owed in connection.execute(query)}


def test_breakage_is_counted_from_the_beginning(ledger: Ledger, engine: Engine) -> None:
    card = ledger.enrol("JADE")
    ledger.book(ledger.opens(card, "JADE", 300, "2026-11-20"))
    ledger.book(ledger.opens(card, "JADE", 700, "2027-12-31"))
    ledger.now = shanghai("2026-11-25 00:05")
    with engine.connect() as connection:
        row = connection.execute(select(lots.c.wallet_id, lots.c.id).where(lots.c.available == 300)).one()
    ledger.book(ledger.expires(row.wallet_id, row.id))
    close(engine, NOVEMBER, "2026-12-01 00:10")
    close(engine, DECEMBER, "2027-01-01 00:10")
    for number, expired in ((NOVEMBER, 300), (DECEMBER, 0)):
        found = owed(engine, ledger, number, "JADE")[Asset.POINTS]
        assert found.movement.expired == expired
        assert (found.breakage.given_to_date, found.breakage.expired_to_date) == (1_000, 300)
        assert str(found.breakage.rate) == "0.3000"
        assert months(found) == {202712: 700}


def test_breakage_that_is_taken_back_is_below_zero_in_its_month_and_arrears_are_paid_out_of_lots(
    ledger: Ledger, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(update(participants).values(expiry_months=0))
    wang = ledger.enrol("JADE")
    earned = ledger.book(ledger.pays_cash(wang, "JADE", 100_000))[0]
    used = ledger.book(ledger.redeems(wang, "LOTUS", 300))[0]
    ledger.now = shanghai("2026-12-01 00:05")
    with engine.connect() as connection:
        lot = connection.execute(select(lots.c.wallet_id, lots.c.id)).one()
    ledger.book(ledger.expires(lot.wallet_id, lot.id))
    close(engine, NOVEMBER, "2026-12-01 00:10")
    close(engine, DECEMBER, "2027-01-01 00:10")
    ledger.now = shanghai("2027-01-02 10:00")
    ledger.book(ledger.reverses(earned, 900))
    ledger.book(ledger.reverses(used))
    ledger.book(ledger.reverses(earned))
    close(engine, JANUARY, "2027-02-01 00:10")
    for number, expired, arrears, closing in (
        (NOVEMBER, 0, 0, 700),
        (DECEMBER, 700, 0, 0),
        (JANUARY, -700, 0, 0),
    ):
        movement = owed(engine, ledger, number, "JADE")[Asset.POINTS].movement
        assert (movement.expired, movement.arrears, movement.closing) == (expired, arrears, closing)
    with engine.begin() as connection:
        for header in list_statements(connection):
            statement = open_statement(connection, header.id)
            assert statement is not None
            files = {name: BytesIO() for name in ("csv", "json", "beancount", "xlsx")}
            render(connection, statement, files)
            if (header.participant_code, header.period) == ("JADE", JANUARY):
                assert files["csv"].getvalue().count(b",expiry,") == 1
                assert b"breakage" in files["beancount"].getvalue()
    with frozen(engine) as connection:
        assert list(verify(connection)) == []
