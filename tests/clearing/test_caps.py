"""A participant's net debit cap holds whoever posts at the same time, and nobody far from a cap waits."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from clearing.core.outcomes import Code, Posted, Refusal
from clearing.limits import read_debits
from clearing.locks import CAPS
from clearing.verify import frozen, verify
from clearing.writer import Writer
from support.ledger import Ledger

CAP = 100_000


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    """JADE may owe 1,000 yuan on balance; ten members hold plenty of its points."""
    with Ledger(engine) as ledger:
        set_cap(engine, "JADE", CAP)
        yield ledger


def set_cap(engine: Engine, code: str, cap: int | None) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE participants SET net_debit_cap = :cap WHERE code = :code"),
            {"cap": cap, "code": code},
        )
        connection.execute(text("UPDATE directory_versions SET version = version + 1"))


def members(ledger: Ledger, count: int) -> list[str]:
    cards = [ledger.enrol("JADE") for _ in range(count)]
    ledger.book(*(ledger.opens(card, "JADE", 1_000_000, "2037-12-31") for card in cards))
    return cards


def debit(ledger: Ledger, code: str = "JADE") -> int:
    id_ = ledger.participant_ids[code]
    with ledger.engine.connect() as connection:
        return read_debits(connection, [id_])[id_]


def lines(engine: Engine) -> list[tuple[str, int]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT type, data FROM events ORDER BY id"))
        return [(row.type, row.data["line"]) for row in rows]


def test_a_batch_is_booked_up_to_the_cap_and_refused_beyond(ledger: Ledger) -> None:
    [wang] = members(ledger, 1)
    outcomes = ledger.post(*(ledger.redeems(wang, "LOTUS", 30_000) for _ in range(5)))
    assert [type(outcome) for outcome in outcomes] == [Posted, Posted, Posted, Refusal, Refusal]
    refusal = outcomes[3]
    assert isinstance(refusal, Refusal)
    assert (refusal.code, "JADE" in refusal.detail) == (Code.NET_DEBIT_CAP, True)
    ledger.book(ledger.redeems(wang, "LOTUS", 10_000))
    assert debit(ledger) == CAP
    ledger.book(ledger.redeems(wang, "JADE", 500))  # its own points at home make no debt


def test_what_others_owe_it_gives_room_again(ledger: Ledger) -> None:
    [wang] = members(ledger, 1)
    ledger.book(ledger.redeems(wang, "LOTUS", CAP))
    [refused] = ledger.post(ledger.redeems(wang, "LOTUS", 100))
    assert isinstance(refused, Refusal)
    li = ledger.enrol("PINE")
    ledger.book(ledger.opens(li, "PINE", 5_000, "2037-12-31"))
    ledger.book(ledger.redeems(li, "JADE", 5_000))  # JADE pays 2 % of it
    ledger.book(ledger.redeems(wang, "LOTUS", 4_900))
    [refused] = ledger.post(ledger.redeems(wang, "LOTUS", 1))
    assert isinstance(refused, Refusal)
    assert debit(ledger) == CAP


def test_many_writers_together_never_exceed_it_and_use_it_up(ledger: Ledger, engine: Engine) -> None:
    cards = members(ledger, 8)
    work = [[ledger.redeems(card, "LOTUS", 700) for _ in range(40)] for card in cards]
    booked: list[int] = []

    def post(index: int) -> None:
        with Writer(engine) as writer:
            for command in work[index]:
                [outcome] = writer.post([command])
                if isinstance(outcome, Posted):
                    booked.append(outcome.booking.transaction.points)
                else:
                    assert isinstance(outcome, Refusal)
                    assert outcome.code is Code.NET_DEBIT_CAP

    threads = [threading.Thread(target=post, args=(index,)) for index in range(len(cards))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(booked) == CAP // 700 * 700
    assert debit(ledger) == sum(booked)
    with frozen(engine) as connection:
        assert list(verify(connection)) == []


def test_what_is_given_and_used_in_one_batch_counts_too(ledger: Ledger) -> None:
    li = ledger.enrol("PINE")
    [_, refused] = ledger.post(
        ledger.opens(li, "JADE", 2 * CAP, "2037-12-31"), ledger.redeems(li, "LOTUS", CAP + 1)
    )
    assert isinstance(refused, Refusal)
    assert refused.code is Code.NET_DEBIT_CAP
    assert debit(ledger) == 0


def test_far_from_the_cap_nobody_waits_for_another(ledger: Ledger, engine: Engine) -> None:
    [wang] = members(ledger, 1)
    with engine.connect() as other:
        share = "SELECT pg_advisory_lock_shared(%s, %s)"
        other.exec_driver_sql(share, (CAPS, ledger.participant_ids["JADE"]))
        ledger.book(ledger.redeems(wang, "LOTUS", 100))
        other.rollback()


def test_lines_are_told_once_each_and_again_only_after_falling_well_below(
    ledger: Ledger, engine: Engine
) -> None:
    [wang] = members(ledger, 1)
    [first] = ledger.book(ledger.redeems(wang, "LOTUS", 69_999))
    assert lines(engine) == []
    ledger.book(ledger.redeems(wang, "LOTUS", 1))
    ledger.book(ledger.redeems(wang, "LOTUS", 1))
    assert lines(engine) == [("cap.warning", 70)]
    ledger.book(ledger.redeems(wang, "LOTUS", 26_000))
    assert lines(engine)[1:] == [("cap.warning", 95)]
    ledger.book(ledger.reverses(first, 27_000))  # 69,001: a little below the first line
    ledger.book(ledger.redeems(wang, "LOTUS", 1_500))
    assert len(lines(engine)) == 2
    ledger.book(ledger.reverses(first, 10_000))
    ledger.book(ledger.redeems(wang, "LOTUS", 15_000))
    assert lines(engine)[2:] == [("cap.warning", 70)]


def test_a_cap_set_or_lifted_while_a_writer_runs_counts_from_the_next_batch(
    ledger: Ledger, engine: Engine
) -> None:
    [wang] = members(ledger, 1)
    ledger.book(ledger.redeems(wang, "LOTUS", 50_000))
    set_cap(engine, "JADE", 50_000)
    [refused] = ledger.post(ledger.redeems(wang, "LOTUS", 1))
    assert isinstance(refused, Refusal)
    set_cap(engine, "JADE", None)
    ledger.book(ledger.redeems(wang, "LOTUS", 500_000))


def test_a_capture_is_held_to_the_cap_and_undoing_never(ledger: Ledger) -> None:
    [wang] = members(ledger, 1)
    hold = ledger.holds(wang, "LOTUS", 60_000)
    [booked] = ledger.book(ledger.redeems(wang, "LOTUS", 60_000))
    [refused] = ledger.post(ledger.captures(hold))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.NET_DEBIT_CAP
    ledger.book(ledger.reverses(booked))
    ledger.book(ledger.captures(hold))


def test_a_line_crossed_by_a_reversal_is_told_with_it(ledger: Ledger, engine: Engine) -> None:
    set_cap(engine, "LOTUS", 1_000)
    [wang] = members(ledger, 1)
    [earlier] = ledger.book(ledger.redeems(wang, "LOTUS", 2_000))  # JADE owes LOTUS 20.00
    li = ledger.enrol("LOTUS")
    ledger.book(ledger.opens(li, "LOTUS", 5_000, "2037-12-31"))
    ledger.book(ledger.redeems(li, "PINE", 2_000))  # LOTUS owes PINE 20.00
    assert (debit(ledger, "LOTUS"), lines(engine)) == (40, [])  # the fee on what it accepted
    ledger.book(ledger.reverses(earlier, 800))
    assert debit(ledger, "LOTUS") == 824
    assert lines(engine) == [("cap.warning", 70)]


def test_a_line_crossed_by_an_adjustment_of_money_is_told_with_it(ledger: Ledger, engine: Engine) -> None:
    ledger.book(ledger.adjusts("JADE", "LOTUS", 86_000))
    assert lines(engine) == [("cap.warning", 85)]
    ledger.book(ledger.adjusts("LOTUS", "JADE", 40_000))
    ledger.book(ledger.adjusts("JADE", "HUB", 24_000))
    assert lines(engine)[1:] == [("cap.warning", 70)]
