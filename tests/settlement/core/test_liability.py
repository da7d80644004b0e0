"""Rolling liabilities forward: what each kind of leg does to them."""

from decimal import Decimal

import pytest

from clearing.core.accounts import Asset
from clearing.core.journal import LegKind
from settlement.core.liability import Breakage, LegSum, RollForward, lines_of, roll_forward, worth

JADE, LOTUS = 1, 2
LEGS = [
    LegSum(JADE, JADE, LegKind.ISSUE, 3, 900, 90_000),
    LegSum(JADE, JADE, LegKind.VISIT, 1, 100, 10_000),
    LegSum(JADE, JADE, LegKind.OPENING, 1, 500, 500),
    LegSum(JADE, JADE, LegKind.OPENING, 1, 0, 70_000),
    LegSum(JADE, JADE, LegKind.REDEMPTION, 1, 40, 40),
    LegSum(JADE, LOTUS, LegKind.REDEMPTION, 2, 60, 60),
    LegSum(JADE, JADE, LegKind.LOAD, 1, 0, 20_000),
    LegSum(JADE, LOTUS, LegKind.LOAD, 1, 0, 5_000),
    LegSum(JADE, JADE, LegKind.SPEND, 1, 0, 1_000),
    LegSum(JADE, LOTUS, LegKind.SPEND, 1, 0, 3_000),
    LegSum(JADE, JADE, LegKind.EXPIRY, 1, 7, 7),
    LegSum(JADE, JADE, LegKind.EXPIRY, 1, 0, 11),
    LegSum(JADE, JADE, LegKind.ADJUSTMENT, 2, -13, -13),
    LegSum(JADE, LOTUS, LegKind.ADJUSTMENT, 1, 0, 99_999),
    LegSum(JADE, LOTUS, LegKind.VISIT, 1, 0, 10_000),
    # Two wallets that were linked: what one gave and the other got.
    LegSum(JADE, JADE, LegKind.TRANSFER, 2, 5, 5),
]


@pytest.mark.parametrize("legs", [LEGS, LEGS[::-1]], ids=["forwards", "backwards"])
def test_every_kind_of_leg_moves_its_part(legs: list[LegSum]) -> None:
    openings = {(JADE, Asset.POINTS): 1_000, (JADE, Asset.STORED_VALUE): 2_000}
    of_jade, value, of_lotus, nothing = roll_forward([LOTUS, JADE], openings, legs, {JADE: 5})
    assert of_jade == RollForward(JADE, Asset.POINTS, 1_000, 1_000, 500, 40, 60, 7, -13, 5)
    assert of_jade.closing == 1_000 + 1_000 + 500 - 40 - 60 - 7 - 13 + 5
    assert value == RollForward(JADE, Asset.STORED_VALUE, 2_000, 25_000, 70_000, 1_000, 3_000, 11, 0, 0)
    assert value.closing == 2_000 + 25_000 + 70_000 - 1_000 - 3_000 - 11
    assert (of_lotus.issuer_id, of_lotus.closing, nothing.closing) == (LOTUS, 0, 0)


def test_a_statement_has_a_line_for_each_leg_that_concerns_its_reader() -> None:
    assert lines_of(LEGS) == {JADE: 21, LOTUS: 6}


@pytest.mark.parametrize(
    ("points", "value", "fen"),
    [(5, "0.5", 3), (-5, "0.5", -3), (3, "0.1", 0), (680, "1", 680), (1, "2.345", 2), (0, "1", 0)],
)
def test_worth_is_rounded_half_up(points: int, value: str, fen: int) -> None:
    assert worth(points, Decimal(value)) == fen


def test_the_rate_of_breakage_has_four_places() -> None:
    assert str(Breakage(3, 1).rate) == "0.3333"
    assert str(Breakage(20_000, 1).rate) == "0.0001"
    assert str(Breakage(0, 0).rate) == "0.0000"
    assert str(Breakage(5, 5).rate) == "1.0000"
