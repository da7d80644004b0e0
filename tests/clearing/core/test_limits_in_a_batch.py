"""What ends a hold leaves room for what follows in the same batch, as it does for the next batch."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from clearing.core.commands import Command
from clearing.core.decide import decide
from clearing.core.holds import Hold
from clearing.core.limits import Usage, UsageKey, UsageOf, UsedSince
from clearing.core.outcomes import Refusal
from support.core import Books, alliance, aside, capture, lapse, redeem, shanghai, void


def books(**limits: Any) -> Books:
    return Books(alliance("JADE", "LOTUS", **limits), ["J-1 Wang JADE"], {"Wang": ["JADE 1000 pts never"]})


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


def test_a_hold_of_yesterday_was_not_counted_and_gives_nothing_back() -> None:
    found = books(card_points_per_day=100)
    hold = held(found)
    since = UsedSince(day=hold.id + 1, hour=hold.id + 1)
    assert code(found, void(hold), redeem(21, "LOTUS-1"), since=since) == "velocity_limit"
    assert code(found, void(hold), redeem(20, "LOTUS-1"), since=since) == "posted"
