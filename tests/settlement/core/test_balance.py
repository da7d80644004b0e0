"""What becomes of a net after closing, and how it ages."""

from datetime import date

import pytest

from settlement.core.balance import Ageing, Balance, Doubt, Payment, PaymentDirection, aged, doubt, signed


@pytest.mark.parametrize(
    ("net", "paid", "carried", "outstanding", "payment"),
    [
        (0, 0, 0, 0, Payment.NOTHING_DUE),
        (-100, 0, 0, -100, Payment.UNPAID),
        (-100, 40, 0, -60, Payment.PARTLY_PAID),
        (-100, 100, 0, 0, Payment.PAID),
        (-100, 130, 0, 30, Payment.OVERPAID),
        (-100, 40, -60, 0, Payment.CARRIED_FORWARD),
        (-100, -20, 0, -120, Payment.UNPAID),  # paid the wrong way
        (100, 0, 0, 100, Payment.UNPAID),
        (100, -40, 0, 60, Payment.PARTLY_PAID),
        (100, -100, 0, 0, Payment.PAID),
        (100, -101, 0, -1, Payment.OVERPAID),
        (0, 5, 0, 5, Payment.OVERPAID),
        (0, 5, 5, 0, Payment.CARRIED_FORWARD),
    ],
)
def test_a_net_is_settled_when_nothing_of_it_is_left(
    net: int, paid: int, carried: int, outstanding: int, payment: Payment
) -> None:
    balance = Balance(net, paid, carried)
    assert (balance.outstanding, balance.payment) == (outstanding, payment)


@pytest.mark.parametrize(
    ("on", "bucket"),
    [
        ("2026-11-30", "current"),
        ("2026-12-10", "current"),  # the due day itself
        ("2026-12-11", "days_1_30"),
        ("2027-01-09", "days_1_30"),
        ("2027-01-10", "days_31_60"),
        ("2027-02-08", "days_31_60"),
        ("2027-02-09", "days_61_90"),
        ("2027-03-10", "days_61_90"),
        ("2027-03-11", "over_90"),
    ],
)
def test_what_is_left_ages_from_the_day_after_it_was_due(on: str, bucket: str) -> None:
    assert aged(-70, date(2026, 12, 10), date.fromisoformat(on)) == Ageing(**{bucket: -70})


def test_buckets_add_up() -> None:
    assert Ageing(current=1, over_90=2).plus(Ageing(current=3)) == Ageing(current=4, over_90=2)
    assert Ageing(1, 2, 3, 4, 5).total == 15


def test_money_in_reduces_a_debt_and_its_opposite_takes_it_back() -> None:
    assert signed(PaymentDirection.IN, 7) == 7
    assert signed(PaymentDirection.OUT, 7) == -7
    assert PaymentDirection.IN.opposite is PaymentDirection.OUT
    assert PaymentDirection.OUT.opposite is PaymentDirection.IN


@pytest.mark.parametrize(
    ("net", "earlier", "direction", "amount", "found"),
    [
        # JADE owes 325.00.
        (-32_500, [], "in", 32_500, None),
        (-32_500, [], "in", 65_000, None),
        (-32_500, [], "in", 65_001, Doubt.BEYOND_THE_NET),
        (-32_500, [], "in", 3_250_000, Doubt.BEYOND_THE_NET),
        (-32_500, [], "out", 1, Doubt.WRONG_DIRECTION),
        (-32_500, [32_500], "in", 32_500, None),
        (-32_500, [32_500], "in", 32_501, Doubt.BEYOND_THE_NET),
        # It has paid, and gets it back: as a whole, or what was too much.
        (-32_500, [20_000], "out", 20_000, None),
        (-32_500, [20_000], "out", 19_999, Doubt.WRONG_DIRECTION),
        (-32_500, [40_000], "out", 7_500, None),
        (-32_500, [40_000], "out", 7_501, Doubt.WRONG_DIRECTION),
        (-32_500, [20_000, -20_000], "out", 20_000, Doubt.WRONG_DIRECTION),
        # PINE is owed 298.20.
        (29_820, [], "out", 29_820, None),
        (29_820, [], "out", 59_641, Doubt.BEYOND_THE_NET),
        (29_820, [], "in", 29_820, Doubt.WRONG_DIRECTION),
        (29_820, [-29_820], "in", 29_820, None),
        # Nothing is owed: whatever is paid is beyond it, and may be returned.
        (0, [], "in", 1, Doubt.BEYOND_THE_NET),
        (0, [100], "out", 40, None),
        (0, [100], "out", 101, Doubt.BEYOND_THE_NET),
    ],
)
def test_what_is_doubtful_about_a_payment(
    net: int, earlier: list[int], direction: str, amount: int, found: Doubt | None
) -> None:
    balance = Balance(net, sum(earlier))
    assert doubt(balance, earlier, PaymentDirection(direction), amount) is found
