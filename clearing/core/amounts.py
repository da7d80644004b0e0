"""Whole fen, whole points and exact rates: the only arithmetic that money meets here."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

#: The largest quantity one command may carry, in fen or points (ten billion yuan).
#: Sums of billions of such rows still fit a signed 64-bit column.
MAX_QUANTITY = 1_000_000_000_000

#: (numerator, denominator) of a rate in lowest terms. An alliance has few rates and uses them all day.
_ratio = lru_cache(maxsize=1024)(Decimal.as_integer_ratio)


def multiply_half_up(quantity: int, rate: Decimal) -> int:
    """`quantity × rate` rounded once, half up (away from zero never: quantities are not negative)."""
    if rate == 1:
        return quantity
    numerator, denominator = _ratio(rate)
    return (2 * quantity * numerator + denominator) // (2 * denominator)


def multiply_down(quantity: int, rate: Decimal) -> int:
    """`quantity × rate` rounded down, as points are earned and converted."""
    numerator, denominator = _ratio(rate)
    return quantity * numerator // denominator


def divide_up(quantity: int, rate: Decimal) -> int:
    """The smallest whole number whose product with `rate` reaches `quantity`."""
    numerator, denominator = _ratio(rate)
    return -(-quantity * denominator // numerator)


def rate_text(rate: Decimal) -> str:
    """The shortest plain text, without the zeros that a column's scale adds: `0.02`, never `2E-2`."""
    text = f"{rate:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def split(quantity: int, weights: Sequence[Decimal | int]) -> list[int]:
    """Divide `quantity` in proportion to `weights` so that the parts add up to it exactly.

    Each part is rounded down first; what is left goes one by one to the largest remainders, ties to
    the earlier part (largest remainder method). The weights must not all be zero.
    """
    ratios = [weight.as_integer_ratio() for weight in weights]
    common = 1
    for _, denominator in ratios:
        common *= denominator
    scaled = [numerator * (common // denominator) for numerator, denominator in ratios]
    total = sum(scaled)
    parts = [quantity * weight // total for weight in scaled]
    remainders = [quantity * weight % total for weight in scaled]
    by_remainder = sorted(range(len(parts)), key=lambda index: (-remainders[index], index))
    for index in by_remainder[: quantity - sum(parts)]:
        parts[index] += 1
    return parts
