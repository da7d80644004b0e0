"""What is counted for rebates: the volumes that rules with tiers have priced, and of no others."""

import pytest

from clearing.core.commands import Command
from clearing.core.journal import VolumeChange, VolumeKey
from support.core import Books, accrue, alliance, redeem, reverse, spend

JADE, LOTUS, PINE = 1, 2, 3
TIERED = "spend 1% payer=0.75 above=¥100:0.5%"
LOTS = ["JADE 5000 pts never", "JADE ¥900.00 never", "PINE ¥50.00 never"]


def _books(*fees: str) -> Books:
    return Books(alliance("JADE enabled", "LOTUS", "PINE enabled", fees=fees), lots={"Wang": LOTS})


def _volumes(books: Books, *commands: Command) -> dict[VolumeKey, VolumeChange]:
    decision = books.decide(*commands)
    books.apply(decision)
    return decision.volumes


def test_a_batch_adds_up_what_each_pair_had_under_the_rule() -> None:
    books = _books("redemption 2%", TIERED)
    found = _volumes(books, spend("¥80.00", "LOTUS-1"), spend("¥20.04", "LOTUS-1"), spend("¥50.00", "PINE-1"))
    # 80 and 20 fen of fee to LOTUS, shared 60 : 20 and 15 : 5; at PINE its own value is drawn first.
    assert found == {VolumeKey(202611, 2, JADE, LOTUS, 202611): VolumeChange(10_004, 75, 25)}
    assert _volumes(books, spend("¥1.00", "PINE-1"), spend("¥2.00", "LOTUS-1")) == {
        VolumeKey(202611, 2, JADE, PINE, 202611): VolumeChange(100, 1, 0),
        VolumeKey(202611, 2, JADE, LOTUS, 202611): VolumeChange(200, 2, 0),
    }


def test_what_is_reversed_is_taken_off_again() -> None:
    books = _books(TIERED)
    booked = books.book(spend("¥80.00", "LOTUS-1"))
    assert _volumes(books, reverse(booked, "¥30.00")) == {
        VolumeKey(202611, 1, JADE, LOTUS, 202611): VolumeChange(-3_000, -22, -8)
    }


@pytest.mark.parametrize(
    "command", [redeem(100, "LOTUS-1"), accrue("¥10.00", "LOTUS-1"), spend("¥10.00", "JADE-1")]
)
def test_what_another_rule_or_none_has_priced_is_not_counted(command: Command) -> None:
    assert _volumes(_books("redemption 2%", TIERED), command) == {}


def test_without_tiers_nothing_is_counted() -> None:
    assert _volumes(_books("spend 1%"), spend("¥10.00", "LOTUS-1")) == {}
