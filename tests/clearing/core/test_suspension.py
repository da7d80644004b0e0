"""A suspended participant takes no part in exchanges; its own-system business goes on."""

import pytest

from clearing.core.commands import Command
from support.core import Books, accrue, alliance, load, redeem, spend

LOTS = ["JADE 100 pts never", "JADE ¥50.00 never", "LOTUS 100 pts never", "LOTUS ¥50.00 never"]


def _books(jade: str, lotus: str) -> Books:
    directory = alliance(f"JADE enabled {jade}", f"LOTUS enabled {lotus}")
    return Books(directory, ["J-1 Wang JADE"], {"Wang": LOTS})


AT_HOME = [
    accrue("¥10.00", "JADE-1"),
    redeem(10, "JADE-1"),
    spend("¥10.00", "JADE-1"),
    load("¥10.00", "JADE-1"),
]
ABROAD = [
    accrue("¥10.00", "LOTUS-1"),
    redeem(10, "LOTUS-1"),
    spend("¥10.00", "LOTUS-1"),
    load("¥10.00", "LOTUS-1", "JADE"),
]


def _kind(command: Command) -> str:
    return type(command).__name__.lower()


@pytest.mark.parametrize("command", AT_HOME, ids=_kind)
def test_own_system_business_goes_on(command: Command) -> None:
    booked = _books("suspended", "").book(command)
    assert [leg.reason.label for leg in booked.legs] == ["own_system"]


@pytest.mark.parametrize(
    ("jade", "lotus"), [("suspended", ""), ("", "suspended"), ("suspended", "suspended")]
)
@pytest.mark.parametrize("command", ABROAD, ids=_kind)
def test_exchanges_stop_whichever_side_is_suspended(command: Command, jade: str, lotus: str) -> None:
    assert _books(jade, lotus).refuse(command) == "participant_suspended"


ELSEWHERE = [
    # At home at JADE, LOTUS suspended or JADE itself: nothing of LOTUS can be drawn.
    ("", "suspended", redeem(101, "JADE-1"), "insufficient_points"),
    ("suspended", "", redeem(101, "JADE-1"), "insufficient_points"),
    ("", "suspended", spend("¥50.01", "JADE-1"), "insufficient_value"),
    ("suspended", "", spend("¥50.01", "JADE-1"), "insufficient_value"),
    ("", "suspended", load("¥1.00", "JADE-1", "LOTUS"), "participant_suspended"),
    ("suspended", "", load("¥1.00", "JADE-1", "LOTUS"), "participant_suspended"),
]


@pytest.mark.parametrize(("jade", "lotus", "command", "answer"), ELSEWHERE)
def test_lots_of_a_suspended_participant_stay_where_they_are(
    jade: str, lotus: str, command: Command, answer: str
) -> None:
    books = _books(jade, lotus)
    assert books.refuse(command) == answer
    assert books.left("Wang") == LOTS


def test_both_active_everything_works() -> None:
    books = _books("", "")
    for command in (*AT_HOME, *ABROAD, redeem(101, "JADE-1")):
        books.book(command)


def test_a_third_participants_suspension_hurts_nobody_else() -> None:
    directory = alliance("JADE", "LOTUS", "PINE suspended")
    books = Books(directory, lots={"Wang": ["PINE 100 pts 2026-12-31", "JADE 100 pts never"]})
    booked = books.book(redeem(100, "LOTUS-1"))
    assert books.moves(booked) == ["-100 JADE never"]
