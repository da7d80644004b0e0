"""Caps and velocity limits, judged within a batch."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.core.events import EventType
from clearing.core.journal import LegKind, PositionChange, PositionKey
from clearing.core.limits import (
    LINES,
    MARGIN,
    WRITERS,
    Cap,
    CapsContended,
    Owing,
    Usage,
    UsageKey,
    UsageOf,
    debits_of,
    growth_of,
)
from clearing.core.outcomes import Code, Posted, Refusal
from support.core import Books, alliance, load, redeem

POINTS = {"Wang": ["JADE 100000 pts never"]}


def books(**settings: Any) -> Books:
    return Books(alliance("JADE", "LOTUS", fees=["redemption 2%"], **settings), ["J-1 Wang JADE"], POINTS)


def codes(found: Books, *points: int) -> list[str]:
    """What becomes of redemptions at LOTUS, all in one batch."""
    outcomes = found.post(*(redeem(quantity, "LOTUS-1") for quantity in points))
    return [outcome.code.value if isinstance(outcome, Refusal) else "posted" for outcome in outcomes]


@given(
    limit=st.integers(0, 10**12),
    batches=st.lists(st.integers(1, 10**9), max_size=WRITERS),
    debit=st.integers(-(10**12), 10**12),
)
def test_as_many_batches_as_there_can_be_stay_below_the_cap_together(
    limit: int, batches: list[int], debit: int
) -> None:
    cap = Cap(limit, debit)
    allowed = [growth for growth in batches if cap.is_far(0, growth)]
    assert not allowed or debit + sum(allowed) <= limit


def test_far_means_a_quarter_free_and_a_small_part_at_once() -> None:
    cap = Cap(256_000, 0)
    assert cap.is_far(0, 256_000 // MARGIN // WRITERS)
    assert not cap.is_far(1, 256_000 // MARGIN // WRITERS)
    assert Cap(256_000, 191_999).is_far(0, 1)
    assert not Cap(256_000, 192_000).is_far(0, 1)
    assert Cap(257, 192).is_far(0, 1)  # of a cap that four does not divide: 64 are kept free, not 64.25


def test_near_a_cap_the_batch_asks_to_be_alone_and_books_nothing() -> None:
    found = books()
    found.caps = {1: Cap(10_000, 9_000)}
    with pytest.raises(CapsContended) as contended:
        found.decide(redeem(100, "LOTUS-1"), redeem(100, "LOTUS-1"))
    assert contended.value.participant_ids == {1}


def test_alone_it_books_up_to_the_cap_exactly() -> None:
    found = books()
    found.caps = {1: Cap(10_000, 9_000, alone=True)}
    assert codes(found, 600, 401, 400, 1) == ["posted", "net_debit_cap", "posted", "net_debit_cap"]


def test_a_fee_counts_as_debt_and_an_obligation_to_it_as_room() -> None:
    found = books()
    found.caps = {2: Cap(10, 10, alone=True)}  # LOTUS pays the fee but is owed much more
    assert codes(found, 1_000) == ["posted"]


def test_the_desk_that_sells_anothers_stored_value_owes_for_it() -> None:
    found = Books(alliance("JADE enabled", "LOTUS"))
    found.caps = {2: Cap(100, 0, alone=True)}
    assert found.refuse(load("¥1.01", "LOTUS-1", "JADE")) == "net_debit_cap"
    found.book(load("¥1.00", "LOTUS-1", "JADE"))


def test_what_is_owed_and_what_is_due_in_one_batch_make_up_for_each_other() -> None:
    found = Books(
        alliance("JADE enabled", "LOTUS", fees=["redemption 10%"]),
        ["J-1 Wang JADE", "L-1 Li LOTUS"],
        {"Wang": ["JADE 100 pts never"], "Li": ["LOTUS 100 pts never"]},
    )
    found.caps = {2: Cap(0, 0, alone=True)}
    outcomes = found.post(
        redeem(100, "LOTUS-1"),  # LOTUS is owed 100 and pays a fee of 10
        redeem(91, "JADE-1", card="L-1"),
        load("¥0.60", "LOTUS-1", "JADE"),
        redeem(31, "JADE-1", card="L-1"),
        redeem(30, "JADE-1", card="L-1"),
        load("¥0.01", "LOTUS-1", "JADE"),
    )
    refused = [outcome.code.value if isinstance(outcome, Refusal) else None for outcome in outcomes]
    assert refused == [None, "net_debit_cap", None, "net_debit_cap", None, "net_debit_cap"]


def test_every_participant_that_would_owe_more_is_judged() -> None:
    found = Books(alliance("JADE", "LOTUS"), lots={"Wang": ["LOTUS 500 pts never"]})
    found.caps = {2: Cap(499, 0, alone=True)}  # JADE, who is owed, has no cap
    assert found.refuse(redeem(500, "JADE-1")) == "net_debit_cap"
    found.book(redeem(499, "JADE-1"))


def test_who_comes_to_owe_nothing_more_is_not_stopped_even_above_its_cap() -> None:
    found = books(reimbursement_rate=Decimal(0))
    found.caps = {1: Cap(100, 200)}
    assert codes(found, 1_000) == ["posted"]


#: JADE 1, LOTUS 2, PINE 3: kind, issuer, acceptor, obligation, fee of the acceptor, fee of the issuer
SPEND = Owing(LegKind.SPEND, 1, 2, 1_000, 20, 5)
LOAD = Owing(LegKind.LOAD, 1, 2, 300, 0, 3)
RETURNED = Owing(LegKind.SPEND, 1, 2, -400, -8, -2)

GROWTH = [
    ([SPEND], {1: 1_005, 2: -980}),
    ([LOAD], {1: -297, 2: 300}),  # the desk owes the issuer
    ([SPEND, SPEND], {1: 2_010, 2: -1_960}),
    ([SPEND, RETURNED], {1: 603, 2: -588}),
    ([SPEND, Owing(LegKind.REDEMPTION, 2, 3, 50, 1, 0)], {1: 1_005, 2: -930, 3: -49}),
    ([Owing(LegKind.VISIT, 1, 2, 0, 680, 0)], {1: 0, 2: 680}),
]


@pytest.mark.parametrize(("crossed", "expected"), GROWTH)
def test_a_debit_grows_by_what_is_owed_and_by_the_fees_and_shrinks_by_what_is_due(
    crossed: list[Owing], expected: dict[int, int]
) -> None:
    assert growth_of(crossed) == expected


def test_positions_say_how_much_more_each_owes_in_each_period() -> None:
    positions = {
        PositionKey(202610, 1, 2, LegKind.SPEND): PositionChange(2, 0, 1_100, 1_000, 20, 5),
        PositionKey(202611, 1, 2, LegKind.SPEND): PositionChange(1, 0, 500, 400, 8, 2),
        PositionKey(202611, 1, 2, LegKind.LOAD): PositionChange(1, 0, 300, 300, 0, 3),
    }
    assert debits_of(positions) == {
        (1, 202610): 1_005,
        (2, 202610): -980,
        (1, 202611): 402 - 297,
        (2, 202611): -392 + 300,
    }


def test_history_and_what_stays_at_home_are_not_limited() -> None:
    found = books(card_points_per_day=10)
    found.caps = {1: Cap(0, 0, alone=True)}
    at_home = redeem(10, "JADE-1")
    assert isinstance(found.post(at_home)[0], Posted)
    past = replace(redeem(500, "LOTUS-1"), historical=True, occurred_at=found.at)
    assert isinstance(found.post(past)[0], Posted)


@pytest.mark.parametrize(
    ("before", "debit", "line"),
    [(0, 69, 0), (0, 70, 70), (0, 84, 70), (0, 85, 85), (0, 95, 95), (0, 200, 95), (70, 69, 70), (70, 64, 0),
     (95, 94, 95), (95, 89, 85), (85, 80, 85), (85, 79, 70), (0, -5, 0)],
)  # fmt: skip
def test_a_line_is_crossed_upwards_at_once_and_downwards_with_some_slack(
    before: int, debit: int, line: int
) -> None:
    assert Cap(100, 0, before).line_at(debit) == line
    assert line in (0, *LINES)


@pytest.mark.parametrize(
    ("before", "debit", "line"),
    [(0, 699, 0), (0, 700, 70), (70, 650, 70), (70, 649, 0), (95, 900, 95), (95, 899, 85)],
)
def test_a_line_is_crossed_to_the_fen(before: int, debit: int, line: int) -> None:
    assert Cap(1_000, 0, before).line_at(debit) == line


def test_a_warning_tells_the_participant_and_only_of_a_higher_line() -> None:
    found = books()
    found.caps = {1: Cap(1_000, 0, alone=True)}
    decision = found.decide(redeem(700, "LOTUS-1"), redeem(160, "LOTUS-1"))
    assert decision.cap_lines == {1: 85}
    [event] = decision.events
    assert (event.type, event.participant_id) == (EventType.CAP_WARNING, 1)
    assert event.data == {"line": 85, "net_debit_cap": 1_000, "net_debit": 860}
    found.caps = {1: Cap(1_000, 500, 95, alone=True)}
    decision = found.decide(redeem(10, "LOTUS-1"))
    assert (decision.cap_lines, decision.events) == ({1: 0}, [])


def test_points_a_day_count_what_was_used_before_and_in_the_batch() -> None:
    found = books(card_points_per_day=1_000)
    found.usage = {UsageKey(UsageOf.CARD, "J-1"): Usage(300, 0)}
    assert codes(found, 500, 201, 200, 1) == ["posted", "velocity_limit", "posted", "velocity_limit"]


def test_times_an_hour_count_at_the_merchant_too() -> None:
    found = books(merchant_redemptions_per_hour=2, merchant_points_per_day=10_000)
    merchant = str(found.directory.merchants["LOTUS-1"].id)
    found.usage = {UsageKey(UsageOf.MERCHANT, merchant): Usage(0, 1)}
    assert codes(found, 1, 1) == ["posted", "velocity_limit"]
    found.usage = {}
    assert codes(found, 1, 1, 1) == ["posted", "posted", "velocity_limit"]


SAID = [
    # limits, used before, wanted, what the clerk reads
    (
        {"card_points_per_day": 1_000},
        Usage(300, 1),
        701,
        "With this card 700 more points can be used today; the limit is 1000.",
    ),
    (  # the limit has been lowered since
        {"merchant_points_per_day": 200},
        Usage(300, 1),
        1,
        "At this merchant 0 more points can be used today; the limit is 200.",
    ),
    (
        {"card_redemptions_per_hour": 2},
        Usage(300, 2),
        1,
        "With this card points were used 2 times within an hour, which is the limit; try later.",
    ),
    (
        {"merchant_redemptions_per_hour": 2},
        Usage(300, 2),
        1,
        "At this merchant points were used 2 times within an hour, which is the limit; try later.",
    ),
]


@pytest.mark.parametrize(("limits", "used", "wanted", "detail"), SAID)
def test_a_limit_says_whose_it_is_and_what_is_left(
    limits: dict[str, int], used: Usage, wanted: int, detail: str
) -> None:
    found = books(**limits)
    found.usage = {UsageKey(UsageOf.CARD, "J-1"): used, UsageKey(UsageOf.MERCHANT, "201"): used}
    assert found.post(redeem(wanted, "LOTUS-1")) == [Refusal(Code.VELOCITY_LIMIT, detail)]


def test_a_cap_says_whose_it_is() -> None:
    found = books()
    found.caps = {1: Cap(0, 0, alone=True)}
    assert found.post(redeem(1, "LOTUS-1")) == [
        Refusal(
            Code.NET_DEBIT_CAP,
            "JADE has reached the limit of what it may owe; take less, or another means of payment.",
        )
    ]


def test_too_few_points_are_told_before_a_limit_and_a_limit_before_a_cap() -> None:
    found = books(card_points_per_day=10)
    found.caps = {1: Cap(0, 0, alone=True)}
    assert codes(found, 100_001, 11, 10) == ["insufficient_points", "velocity_limit", "net_debit_cap"]


def test_history_that_is_refused_for_its_period_is_not_counted_as_use() -> None:
    found = books(card_redemptions_per_hour=1)
    closed = found.periods[0]
    found.at = closed.ends_at + timedelta(days=1)
    found.close(closed.number)
    past = replace(redeem(1, "LOTUS-1"), historical=True, occurred_at=closed.starts_at)
    refused, posted = found.post(past, redeem(1, "LOTUS-1"))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.PERIOD_CLOSED
    assert isinstance(posted, Posted)
