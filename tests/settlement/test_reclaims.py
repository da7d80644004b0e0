"""A rebate is reclaimed when what earned it is given back later: by reversals, by disputes, in parts and in
several months. The hub ends where it began.
"""

import io
import json
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, update

from clearing.core.calendar import following
from clearing.core.journal import Booking
from clearing.originals import read_reversed
from clearing.tables import fee_rules
from clearing.verify import frozen
from settlement.close import close_and_check
from settlement.core.disputes import DisputeReason
from settlement.query import Settlement, list_statements, read_settlement
from settlement.render import render
from settlement.statement import open_statement
from settlement.verify import verify
from support.ledger import Ledger, shanghai
from support.money import disputed

NOVEMBER, DECEMBER, JANUARY = 202611, 202612, 202701
#: When each month is over.
ENDS = {
    NOVEMBER: "2026-12-01 00:20",
    DECEMBER: "2027-01-01 00:20",
    JANUARY: "2027-02-01 00:20",
    202702: "2027-03-01 00:20",
}


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """Redemptions cost 2 %, and 1.5 % on what exceeds ¥1,000 a month; the acceptor pays."""
    with Ledger(engine) as ledger:
        with engine.begin() as connection:
            tiers = [{"above": 100_000, "rate": "0.015"}]
            connection.execute(update(fee_rules).where(fee_rules.c.kind == 2).values(tiers=tiers))
        yield ledger


def redeem(ledger: Ledger, *points: int) -> list[Booking]:
    """At LOTUS, of JADE's points."""
    li = ledger.enrol("JADE")
    ledger.book(ledger.opens(li, "JADE", sum(points), "2029-12-31"))
    return ledger.book(*(ledger.redeems(li, "LOTUS", one) for one in points))


def close(ledger: Ledger, number: int) -> Settlement:
    ledger.now = shanghai(ENDS[number])
    settlement = close_and_check(ledger.engine, number, at=ledger.now, closed_by="tests")
    assert isinstance(settlement, Settlement), settlement
    assert settlement.recomputed
    all_adds_up(ledger)
    return settlement


def all_adds_up(ledger: Ledger) -> None:
    with frozen(ledger.engine) as connection:
        assert list(verify(connection)) == []


numbers = count(1)


def dispute(
    ledger: Ledger,
    booking: Booking,
    opener: str,
    reason: DisputeReason = DisputeReason.DUPLICATE,
    **part: int,
) -> bool:
    return disputed(ledger, next(numbers), booking, opener, reason, **part)


def hub(settlement: Settlement) -> tuple[int, int]:
    return settlement.netting.hub_fees, settlement.netting.hub_rebates


def rows(settlement: Settlement) -> list[tuple[int, int, int, int]]:
    return [(row.of_period, row.volume, row.fees, row.rebate) for row in settlement.netting.rebates]


def hub_in_all(ledger: Ledger) -> int:
    total = 0
    with ledger.engine.connect() as connection:
        for number in ENDS:
            settlement = read_settlement(connection, number)
            total += settlement.netting.hub_net if settlement else 0
    return total


def test_all_of_it_reversed_in_the_next_month_leaves_the_hub_with_nothing(ledger: Ledger) -> None:
    booked = redeem(ledger, 90_000, 50_000)
    assert hub(close(ledger, NOVEMBER)) == (2_800, 200)
    ledger.book(*map(ledger.reverses, booked))
    with ledger.engine.connect() as connection:
        shown = read_settlement(connection, DECEMBER)
    december = close(ledger, DECEMBER)
    assert rows(december) == [(NOVEMBER, -140_000, -2_800, -200)]
    assert shown is not None and rows(shown) == rows(december)
    assert hub_in_all(ledger) == 0
    assert [line.net for line in december.netting.lines] == [140_000, -140_000 + 2_800 - 200, 0]


def test_the_months_own_business_is_not_made_smaller_by_it(ledger: Ledger) -> None:
    """Of each month the rebate is that on what remains of it: ¥1.00 on ¥1,200 of December."""
    first, _ = redeem(ledger, 60_000, 80_000)
    close(ledger, NOVEMBER)
    ledger.book(ledger.reverses(first, 20_000))
    redeem(ledger, 120_000)
    assert rows(close(ledger, DECEMBER)) == [(NOVEMBER, -20_000, -400, -100), (DECEMBER, 120_000, 2_400, 100)]
    ledger.book(ledger.reverses(first))
    assert rows(close(ledger, JANUARY)) == [(NOVEMBER, -40_000, -800, -100)]


@pytest.mark.parametrize("by", ["dispute", "dispute and undo", "undo and dispute"])
def test_what_disputes_give_back_counts_as_well(ledger: Ledger, by: str) -> None:
    [booked] = redeem(ledger, 140_000)
    close(ledger, NOVEMBER)
    if by == "undo and dispute":
        ledger.book(ledger.reverses(booked, 40_000))
    assert dispute(ledger, booked, "JADE", points=140_000 if by == "dispute" else 70_000)
    december = close(ledger, DECEMBER)
    assert sum(row.rebate for row in december.netting.rebates) == -200
    if by != "dispute":
        # Of what was corrected in money nothing is taken off the volume once more.
        ledger.book(ledger.reverses(booked))
    january = close(ledger, JANUARY)
    assert sum(row.rebate for row in january.netting.rebates) == 0
    assert hub_in_all(ledger) == 0


def test_a_wrong_fee_given_back_limits_the_rebate_to_what_was_paid(ledger: Ledger) -> None:
    [booked] = redeem(ledger, 140_000)
    close(ledger, NOVEMBER)
    assert dispute(ledger, booked, "LOTUS", DisputeReason.WRONG_FEE)
    assert rows(close(ledger, DECEMBER)) == [(NOVEMBER, 0, -2_800, -200)]
    assert hub_in_all(ledger) == 0


def test_the_statement_tells_it_in_every_format_and_can_be_checked_offline(ledger: Ledger) -> None:
    [booked] = redeem(ledger, 140_000)
    close(ledger, NOVEMBER)
    before = documents(ledger, NOVEMBER)
    ledger.book(ledger.reverses(booked))
    close(ledger, DECEMBER)
    assert documents(ledger, NOVEMBER)["json"] == before["json"]
    assert "of_period" not in json.loads(before["json"])["rebates"][0]
    found = documents(ledger, DECEMBER)
    document: dict[str, Any] = json.loads(found["json"])
    [row] = document["rebates"]
    assert (row["of_period"], row["volume"], row["fees"], row["rebate"]) == (
        "2026-11",
        -140_000,
        -2_800,
        -200,
    )
    statement = document["statement"]
    assert (statement["rebates"], statement["fees_less_rebates"]) == (-200, -2_600)
    assert b"2600" in found["beancount"] or b"26.00" in found["beancount"]
    assert len(found["pdf"]) > 1_000 and len(found["xlsx"]) > 1_000 and len(found["csv"]) > 100


def documents(ledger: Ledger, number: int) -> dict[str, bytes]:
    """LOTUS's."""
    outs = {format_: io.BytesIO() for format_ in ("json", "csv", "xlsx", "pdf", "beancount")}
    with ledger.engine.begin() as connection:
        [header] = [one for one in list_statements(connection, number) if one.participant_code == "LOTUS"]
        opened = open_statement(connection, header.id)
        assert opened is not None
        render(connection, opened, dict(outs))
    return {format_: out.getvalue() for format_, out in outs.items()}


@pytest.mark.parametrize("seed", range(4))
def test_given_back_in_any_way_and_order_no_more_is_given_back_than_there_was(
    ledger: Ledger, seed: int
) -> None:
    """Parts are reversed and disputed by both sides over three months, and in the end all is undone."""
    chance = Random(seed)  # noqa: S311  chance for a test, not for secrets
    booked = redeem(ledger, *(chance.randint(20_000, 60_001) for _ in range(4)))
    close(ledger, NOVEMBER)
    for month in (DECEMBER, JANUARY, 202702):
        for one in booked:
            left = one.transaction.points - undone(ledger, one)
            part = chance.randint(1, one.transaction.points)
            match chance.choice(["undo", "dispute", "fee", "wait"]):
                case "undo" if left:
                    ledger.book(ledger.reverses(one, min(part, left)))
                case "dispute":
                    dispute(ledger, one, "JADE", points=part)
                case "fee":
                    dispute(ledger, one, "LOTUS", DisputeReason.WRONG_FEE, amount=chance.randint(1, 800))
        if month == 202702:
            ledger.book(
                *(ledger.reverses(one) for one in booked if undone(ledger, one) < one.transaction.points)
            )
        assert following(month) not in ENDS or ledger.now < shanghai(ENDS[month])
        close(ledger, month)
    assert hub_in_all(ledger) == 0
    with ledger.engine.connect() as connection:
        nets = [read_settlement(connection, number) for number in ENDS]
    for place in range(3):
        assert sum(one.netting.lines[place].net for one in nets if one) == 0


def undone(ledger: Ledger, booking: Booking) -> int:
    with ledger.engine.connect() as connection:
        parts = read_reversed(connection, [booking.transaction.id]).get(booking.transaction.id, [])
    return sum(part.points for part in parts)
