"""What ends a hold leaves room for what follows in the same batch, as it does for the next batch."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from clearing.core.commands import Command
from clearing.core.decide import decide
from clearing.core.holds import Hold
from clearing.core.limits import Usage, UsageKey, UsageOf, UsedSince
from clearing.core.outcomes import Refusal
from support.core import Books, alliance, aside, capture, lapse, redeem, shanghai, spend, void


def books(**limits: Any) -> Books:
    return Books(
        alliance("JADE", "LOTUS", **limits),
        ["J-1 Wang JADE"],
        {"Wang": ["JADE 1000 pts never", "JADE ¥9.00 never"]},
    )


def held(found: Books) -> Hold:
    """80 points are held at LOTUS; card and merchant have used nothing else."""
    hold = found.hold(aside(redeem(80, "LOTUS-1"), "2026-11-15 12:00"))
    for key in (UsageKey(UsageOf.CARD, "J-1"), UsageKey(UsageOf.MERCHANT, "201")):
        found.usage[key] = Usage(80, 1)
    return hold


def code(found: Books, *commands: Command, since: UsedSince | None = None) -> str:
    """What becomes of the last of them, all in one batch."""
    snapshot = replace(found.snapshot(), used_since=since or UsedSince())
    outcome = decide(snapshot, commands, found.at, found.ids).outcomes[-1]
    return outcome.code.value if isinstance(outcome, Refusal) else "posted"


LIMITS = [
    {"card_points_per_day": 100},
    {"card_redemptions_per_hour": 1},
    {"merchant_points_per_day": 100},
    {"merchant_redemptions_per_hour": 1},
]


@pytest.mark.parametrize("limits", LIMITS)
def test_what_is_held_counts_for_what_follows(limits: dict[str, int]) -> None:
    found = books(**limits)
    assert code(found, aside(redeem(80, "LOTUS-1")), redeem(21, "LOTUS-1")) == "velocity_limit"
    assert code(found, aside(spend("¥0.80", "JADE-1")), redeem(21, "LOTUS-1")) == "posted"


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("end", [void, lapse])
def test_what_was_released_can_be_used(end: Callable[[Hold], Command], limits: dict[str, int]) -> None:
    found = books(**limits)
    hold = held(found)
    assert code(found, redeem(100, "LOTUS-1")) == "velocity_limit"
    if end is lapse:
        found.at = shanghai("2026-11-15 12:00")
    assert code(found, end(hold), redeem(100, "LOTUS-1")) == "posted"


def test_of_what_was_captured_only_the_rest_can_be_used() -> None:
    found = books(card_points_per_day=100)
    hold = held(found)
    assert code(found, capture(hold, 30), redeem(71, "LOTUS-1")) == "velocity_limit"
    assert code(found, capture(hold, 30), redeem(70, "LOTUS-1")) == "posted"


def test_a_hold_that_is_captured_has_been_a_redemption_of_that_hour() -> None:
    found = books(merchant_redemptions_per_hour=1)
    hold = held(found)
    assert code(found, capture(hold, 30), redeem(1, "LOTUS-1")) == "velocity_limit"


def test_one_release_makes_room_for_one_redemption() -> None:
    found = books(card_redemptions_per_hour=2)
    hold = held(found)
    found.usage[UsageKey(UsageOf.CARD, "J-1")] = Usage(90, 2)
    assert code(found, void(hold), redeem(1, "LOTUS-1")) == "posted"
    assert code(found, void(hold), redeem(1, "LOTUS-1"), redeem(1, "LOTUS-1")) == "velocity_limit"


def test_what_was_placed_and_released_in_one_batch_leaves_nothing_behind() -> None:
    found = books(card_points_per_day=100, card_redemptions_per_hour=1)
    placed = aside(redeem(80, "LOTUS-1"))
    hold = next(iter(found.decide(placed).new_holds.values()))
    found.ids = count(hold.id)
    assert code(found, placed, void(hold), redeem(100, "LOTUS-1")) == "posted"


def test_stored_value_that_is_released_makes_no_room_for_points() -> None:
    found = books(card_points_per_day=100, card_redemptions_per_hour=2)
    hold = found.hold(aside(spend("¥5.00", "JADE-1")))
    found.usage = {UsageKey(UsageOf.CARD, "J-1"): Usage(100, 1)}
    assert code(found, void(hold), redeem(1, "JADE-1")) == "velocity_limit"
    found.usage = {UsageKey(UsageOf.CARD, "J-1"): Usage(0, 2)}
    assert code(found, void(hold), redeem(1, "JADE-1")) == "velocity_limit"


SINCE = [
    # first ids of the day and of the hour after the hold's own, points wanted, the answer
    (0, 0, 100, "posted"),  # the first of the day and of the hour counts
    (0, 1, 100, "velocity_limit"),  # placed an hour ago, but today
    (1, 1, 20, "velocity_limit"),
]


@pytest.mark.parametrize(("day", "hour", "wanted", "answer"), SINCE)
def test_a_hold_gives_back_only_what_was_counted(day: int, hour: int, wanted: int, answer: str) -> None:
    found = books(card_points_per_day=100, card_redemptions_per_hour=1)
    hold = held(found)
    since = UsedSince(day=hold.id + day, hour=hold.id + hour)
    assert code(found, void(hold), redeem(wanted, "LOTUS-1"), since=since) == answer


def test_an_old_hold_takes_no_redemption_off_the_hour() -> None:
    found = books(card_redemptions_per_hour=2)
    hold = held(found)
    since = UsedSince(day=hold.id, hour=hold.id + 1)
    assert code(found, void(hold), redeem(1, "LOTUS-1"), since=since) == "posted"
    assert (
        code(found, void(hold), redeem(1, "LOTUS-1"), redeem(1, "LOTUS-1"), since=since) == "velocity_limit"
    )


def test_a_hold_of_yesterday_was_not_counted_and_gives_nothing_back() -> None:
    found = books(card_points_per_day=100)
    hold = held(found)
    since = UsedSince(day=hold.id + 1, hour=hold.id + 1)
    assert code(found, void(hold), redeem(21, "LOTUS-1"), since=since) == "velocity_limit"
    assert code(found, void(hold), redeem(20, "LOTUS-1"), since=since) == "posted"
