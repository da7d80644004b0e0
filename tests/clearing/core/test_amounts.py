"""Rounding, and splits that add up."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.core.amounts import (
    MAX_QUANTITY,
    divide_up,
    multiply_down,
    multiply_half_up,
    rate_text,
    split,
)

HALF_UP = [
    (100, "0.02", 2),
    (24, "0.02", 0),  # 0.48
    (25, "0.02", 1),  # 0.50
    (75, "0.02", 2),  # 1.50, where half even would agree
    (125, "0.02", 3),  # 2.50, where half even would give 2
    (1, "0.4999999999999999", 0),
    (1, "0.5", 1),
    (3, "2.5", 8),
    (0, "0.5", 0),
    (7, "0", 0),
    (MAX_QUANTITY, "0.000000000001", 1),
    (MAX_QUANTITY - 1, "1.000000000001", MAX_QUANTITY),  # a float would lose the last fen
    (1000, "2E+1", 20_000),  # a rate with an exponent is the same rate
]


@pytest.mark.parametrize(("quantity", "rate", "expected"), HALF_UP)
def test_money_is_rounded_half_up(quantity: int, rate: str, expected: int) -> None:
    assert multiply_half_up(quantity, Decimal(rate)) == expected


DOWN = [(199, "0.01", 1), (200, "0.01", 2), (99, "0.01", 0), (3, "0.3333333", 0), (9, "1.5", 13), (0, "1", 0)]


@pytest.mark.parametrize(("quantity", "rate", "expected"), DOWN)
def test_points_are_rounded_down(quantity: int, rate: str, expected: int) -> None:
    assert multiply_down(quantity, Decimal(rate)) == expected


UP = [
    (100, "1", 100),
    (100, "0.3", 334),
    (1, "0.3", 4),
    (1, "2.5", 1),
    (5, "2.5", 2),
    (6, "2.5", 3),
    (0, "2.5", 0),
]


@pytest.mark.parametrize(("quantity", "rate", "expected"), UP)
def test_points_for_an_amount_are_rounded_up(quantity: int, rate: str, expected: int) -> None:
    assert divide_up(quantity, Decimal(rate)) == expected


SPLITS = [
    (101, "0.5 0.5", [51, 50]),  # a tie goes to the earlier part
    (100, "1 1 1", [34, 33, 33]),
    (10, "0.55 0.45", [6, 4]),  # 5.5 and 4.5: a tie
    (10, "0.54 0.46", [5, 5]),  # 5.4 and 4.6: the larger remainder
    (7, "0 1", [0, 7]),
    (1, "0 1 1", [0, 1, 0]),
    (0, "1 2", [0, 0]),
    (5, "0.1 0.7 0.2", [1, 3, 1]),  # 0.5, 3.5, 1.0
]


@pytest.mark.parametrize(("quantity", "weights", "expected"), SPLITS)
def test_what_is_left_goes_to_the_largest_remainder(quantity: int, weights: str, expected: list[int]) -> None:
    assert split(quantity, [Decimal(weight) for weight in weights.split()]) == expected


RATES = [
    ("0.02", "0.02"),
    ("0.0200000000", "0.02"),  # as a column of ten places gives it back
    ("1.0", "1"),
    ("10", "10"),
    ("100.0", "100"),
    ("0", "0"),
    ("0.0", "0"),
    ("2E-2", "0.02"),
    ("2E+1", "20"),
    ("0.000001", "0.000001"),
]


@pytest.mark.parametrize(("rate", "text"), RATES)
def test_a_rate_is_written_plainly_and_without_needless_zeros(rate: str, text: str) -> None:
    assert rate_text(Decimal(rate)) == text


quantities = st.integers(0, MAX_QUANTITY)
rates = st.decimals(0, 1000, places=8)
some_weights = st.lists(st.decimals(0, 100, places=6), min_size=1, max_size=6).filter(any)


@given(quantities, some_weights)
def test_the_parts_add_up_and_each_is_within_one_of_its_share(quantity: int, weights: list[Decimal]) -> None:
    parts = split(quantity, weights)
    assert sum(parts) == quantity
    total = sum(Fraction(weight) for weight in weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - quantity * Fraction(weight) / total) < 1


@given(quantities, rates)
def test_rounding_is_never_off_by_more_than_it_says(quantity: int, rate: Decimal) -> None:
    exact = quantity * Fraction(rate)
    assert -Fraction(1, 2) < multiply_half_up(quantity, rate) - exact <= Fraction(1, 2)
    assert 0 <= exact - multiply_down(quantity, rate) < 1


@given(quantities, rates.filter(bool))
def test_the_points_for_an_amount_are_the_fewest_that_reach_it(quantity: int, rate: Decimal) -> None:
    points = divide_up(quantity, rate)
    assert points * Fraction(rate) >= quantity
    assert points == 0 or (points - 1) * Fraction(rate) < quantity
