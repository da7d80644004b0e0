"""Rebates: marginal tiers on a payer's volume of the month, to the fen."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.core.journal import LegKind, VolumeChange, VolumeKey
from clearing.core.rulebook import ExchangeKind, FeeRule, Tier
from settlement.core.rebates import (
    RebateKey,
    RebateRow,
    Undoing,
    by_payer,
    corrected_volume,
    rebate,
    rebates,
)

JADE, LOTUS, PINE = 1, 2, 3
PERIOD = 202611
TWO_PER_CENT = FeeRule(
    7,
    ExchangeKind.REDEMPTION,
    None,
    None,
    Decimal(1),
    Decimal("0.02"),
    0,
    None,
    None,
    None,
    (Tier(10_000, Decimal("0.015")), Tier(50_000, Decimal("0.01"))),
)


@pytest.mark.parametrize(
    ("volume", "given_back"),
    [
        (0, 0),
        (10_000, 0),
        (10_001, 0),  # 0.005 of a fen
        (10_100, 1),  # half a fen goes up
        (10_099, 0),
        (50_000, 200),
        (60_000, 300),  # 40,000 at half a per cent, 10,000 at one
        (-5_000, 0),
    ],
)
def test_what_lies_above_a_tier_is_charged_its_rate_in_the_end(volume: int, given_back: int) -> None:
    assert rebate(TWO_PER_CENT, as_acceptor=True, volume=volume, fees=max(volume // 50, 0)) == given_back


def test_no_more_is_given_back_than_was_charged() -> None:
    assert rebate(TWO_PER_CENT, as_acceptor=True, volume=60_000, fees=250) == 250
    assert rebate(TWO_PER_CENT, as_acceptor=True, volume=60_000, fees=-1) == 0


def test_a_shared_fee_is_given_back_in_the_same_shares() -> None:
    rule = TWO_PER_CENT._replace(acceptor_share=Decimal("0.75"))
    assert rebate(rule, as_acceptor=True, volume=60_000, fees=10**6) == 225
    assert rebate(rule, as_acceptor=False, volume=60_000, fees=10**6) == 75


def test_a_payers_volume_is_that_with_all_its_counterparties() -> None:
    volumes = {
        VolumeKey(PERIOD, 7, JADE, LOTUS, PERIOD): VolumeChange(35_000, 700, 0),
        VolumeKey(PERIOD, 7, PINE, LOTUS, PERIOD): VolumeChange(25_000, 500, 0),
        VolumeKey(PERIOD, 7, LOTUS, PINE, PERIOD): VolumeChange(9_000, 180, 0),
    }
    rows = rebates(volumes, {7: TWO_PER_CENT}, PERIOD)
    assert rows == (
        RebateRow(7, LOTUS, True, LegKind.REDEMPTION, 60_000, 1_200, 300, PERIOD),
        RebateRow(7, PINE, True, LegKind.REDEMPTION, 9_000, 180, 0, PERIOD),
    )
    assert by_payer(rows) == {LOTUS: 300, PINE: 0}


def test_each_side_of_a_shared_fee_has_a_row_of_its_own() -> None:
    rule = TWO_PER_CENT._replace(acceptor_share=Decimal("0.5"))
    rows = rebates(
        {VolumeKey(PERIOD, 7, JADE, LOTUS, PERIOD): VolumeChange(60_000, 600, 600)}, {7: rule}, PERIOD
    )
    assert [(row.payer_id, row.as_acceptor, row.rebate) for row in rows] == [
        (JADE, False, 150),
        (LOTUS, True, 150),
    ]


def test_who_pays_nothing_of_a_fee_has_no_row_and_who_pays_under_two_rules_has_both_added_up() -> None:
    issuers_pay = TWO_PER_CENT._replace(id=8, acceptor_share=Decimal(0))
    volumes = {
        VolumeKey(PERIOD, 7, JADE, LOTUS, PERIOD): VolumeChange(60_000, 1_200, 0),
        VolumeKey(PERIOD, 8, LOTUS, JADE, PERIOD): VolumeChange(50_000, 0, 1_000),
    }
    rows = rebates(volumes, {7: TWO_PER_CENT, 8: issuers_pay}, PERIOD)
    assert [(row.rule_id, row.payer_id, row.as_acceptor, row.rebate) for row in rows] == [
        (7, LOTUS, True, 300),
        (8, LOTUS, False, 200),
    ]
    assert by_payer(rows) == {LOTUS: 500}


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_more_volume_never_gives_back_less(volume: int, more: int) -> None:
    def given_back(amount: int) -> int:
        return rebate(TWO_PER_CENT, as_acceptor=True, volume=amount, fees=10**12)

    assert given_back(volume) <= given_back(volume + more)
    assert given_back(volume) <= volume * 2 // 100


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=8))
def test_the_order_of_the_legs_does_not_matter(amounts: list[int]) -> None:
    def rows(order: list[int]) -> tuple[RebateRow, ...]:
        volumes: dict[VolumeKey, VolumeChange] = {}
        for amount in order:
            key = VolumeKey(PERIOD, 7, JADE if amount % 2 else PINE, LOTUS, PERIOD)
            before = volumes.get(key, VolumeChange(0, 0, 0))
            volumes[key] = VolumeChange(before.amount + amount, before.acceptor_fee + amount // 50, 0)
        return rebates(volumes, {7: TWO_PER_CENT}, PERIOD)

    assert rows(amounts) == rows(amounts[::-1])


DECEMBER, JANUARY = 202612, 202701


def test_what_is_given_back_later_reclaims_what_its_month_has_no_right_to_any_more() -> None:
    """¥600.00 in November gave ¥3.00; without ¥500.00 of it nothing lies above ¥100.00."""
    charged = {VolumeKey(PERIOD, 7, JADE, LOTUS, PERIOD): VolumeChange(60_000, 1_200, 0)}
    undone = {VolumeKey(DECEMBER, 7, JADE, LOTUS, PERIOD): VolumeChange(-50_000, -1_000, 0)}
    own = {VolumeKey(DECEMBER, 7, JADE, LOTUS, DECEMBER): VolumeChange(20_000, 400, 0)}
    rows = rebates(charged | undone | own, {7: TWO_PER_CENT}, DECEMBER)
    assert rows == (
        RebateRow(7, LOTUS, True, LegKind.REDEMPTION, -50_000, -1_000, -300, PERIOD),
        RebateRow(7, LOTUS, True, LegKind.REDEMPTION, 20_000, 400, 50, DECEMBER),
    )


def test_what_was_really_given_counts_and_not_what_should_have_been() -> None:
    volumes = {
        VolumeKey(PERIOD, 7, JADE, LOTUS, PERIOD): VolumeChange(60_000, 1_200, 0),
        VolumeKey(DECEMBER, 7, JADE, LOTUS, PERIOD): VolumeChange(-1, 0, 0),
    }
    given = {RebateKey(7, LOTUS, True, PERIOD): 250}
    [row] = rebates(volumes, {7: TWO_PER_CENT}, DECEMBER, given)
    assert row.rebate == 300 - 250


@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=6), st.integers(0, 2**6))
def test_in_however_many_months_it_is_undone_all_is_reclaimed(amounts: list[int], mask: int) -> None:
    """December undoes the exchanges whose bit is set, January the rest."""
    volumes = {
        VolumeKey(PERIOD, 7, JADE, LOTUS, PERIOD): VolumeChange(
            sum(amounts), sum(amount // 50 for amount in amounts), 0
        )
    }
    total = sum(row.rebate for row in rebates(volumes, {7: TWO_PER_CENT}, PERIOD))
    for period, wanted in ((DECEMBER, 1), (JANUARY, 0)):
        parts = [amount for place, amount in enumerate(amounts) if mask >> place & 1 == wanted]
        change = VolumeChange(-sum(parts), -sum(amount // 50 for amount in parts), 0)
        volumes[VolumeKey(period, 7, JADE, LOTUS, PERIOD)] = change
        total += sum(row.rebate for row in rebates(volumes, {7: TWO_PER_CENT}, period))
    assert total == 0


steps = st.tuples(st.sampled_from([DECEMBER, JANUARY]), st.booleans(), st.integers(0, 40))


@given(st.lists(steps, max_size=8))
def test_what_was_corrected_and_reversed_is_taken_off_once(found: list[tuple[int, bool, int]]) -> None:
    """So much of ¥1.00 as is left is reversed, or corrected: of that no more than is left of both."""
    corrected = reversed_ = 0
    undone = []
    for period, by_reversal, wanted in sorted(found, key=lambda step: step[0]):
        if by_reversal:
            part = min(wanted, 100 - reversed_)
            reversed_ += part
            undone.append(Undoing(period, 0, part))
        else:
            part = min(wanted, max(100 - reversed_ - corrected, 0))
            corrected += part
            undone.append(Undoing(period, part, 0))
    off = reversed_ - sum(corrected_volume(100, undone).values())
    assert off == min(corrected + reversed_, 100)


def test_a_reversal_that_was_corrected_adds_to_the_volume_again() -> None:
    assert corrected_volume(-100, [Undoing(JANUARY, -40, 0)]) == {JANUARY: 40}
