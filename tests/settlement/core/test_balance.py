"""What becomes of a net after closing, and how it ages."""

from datetime import date

import pytest

from settlement.core.balance import Ageing, Balance, Payment, PaymentDirection, aged, signed


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
