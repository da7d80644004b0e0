"""What parts of lines come to, and the movements that take them back."""

from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.core.accounts import HUB
from clearing.core.journal import Leg, LegKind, Reason
from clearing.core.rulebook import AllianceSettings, ExchangeKind, FeeRule, Rulebook
from clearing.core.snapshot import Terms
from settlement.core.corrections import (
    Measure,
    Move,
    Prices,
    Share,
    Stake,
    disputable,
    left_of,
    measure,
    moves,
    quantity_of,
    stake_of,
    whole,
)
from settlement.core.disputes import DisputeReason

JADE, LOTUS = 1, 2
#: 2 % and at least 30 fen; of it the acceptor pays three quarters.
RULE = FeeRule(1, ExchangeKind.REDEMPTION, None, None, Decimal("0.75"), Decimal("0.02"), 0, 30, None, None)
RULEBOOK = Rulebook(1, AllianceSettings(ZoneInfo("Asia/Shanghai")), [RULE])
PRICES = Prices(RULEBOOK, Terms(Decimal(1), Decimal("0.9")))


def leg(
    kind: LegKind, points: int, amount: int, obligation: int, fees: tuple[int, int], acceptor: int = LOTUS
) -> Leg:
    return Leg(202611, 1, 2, 1, kind, JADE, acceptor, points, amount, obligation, *fees, 1, Reason.EXCHANGE)


REDEMPTION = leg(LegKind.REDEMPTION, 2500, 2500, 2250, (38, 12))
SPEND = leg(LegKind.SPEND, 0, 3000, 2700, (45, 15))
LOAD = leg(LegKind.LOAD, 0, 5000, 5000, (75, 25))
VISIT = leg(LegKind.VISIT, 0, 68000, 0, (1020, 340))
REVERSED = leg(LegKind.REDEMPTION, -500, -500, -450, (-8, -2))
ADJUSTED = leg(LegKind.ADJUSTMENT, 0, 700, 700, (0, 0))
CHARGED = leg(LegKind.ADJUSTMENT, 0, 200, 0, (0, 200), HUB)
ALL = (REDEMPTION, SPEND, LOAD, VISIT, REVERSED, ADJUSTED, CHARGED)


def taken_in_parts(line: Leg, parts: Sequence[int]) -> list[Stake]:
    """The stakes of parts that are disputed one after the other, all accepted."""
    taken: list[Share] = []
    for part in parts:
        left = left_of(line, taken)
        unit = measure(DisputeReason.DUPLICATE, line)
        taken.append(Share(part, stake_of(line, PRICES, left, part, unit, LOTUS)))
    assert left_of(line, taken).quantity == whole(line).quantity - sum(parts)
    return [share.stake for share in taken]


@pytest.mark.parametrize("line", ALL, ids=lambda line: line.kind.label)
def test_all_of_a_line_is_all_of_its_money(line: Leg) -> None:
    assert taken_in_parts(line, [whole(line).quantity]) == [
        Stake(line.obligation, line.acceptor_fee, line.issuer_fee)
    ]


@given(st.data())
def test_any_number_of_parts_comes_to_exactly_the_whole(data: st.DataObject) -> None:
    line = data.draw(st.sampled_from(ALL))
    left, parts = whole(line).quantity, []
    for part in data.draw(st.lists(st.integers(1, left), max_size=6)):
        if part < left:
            parts.append(part)
            left -= part
    parts.append(left)
    stakes = taken_in_parts(line, parts)
    assert tuple(map(sum, zip(*stakes, strict=True))) == (line.obligation, line.acceptor_fee, line.issuer_fee)
    sign = -1 if min(line.points, line.amount) < 0 else 1
    assert all(sign * value >= 0 for stake in stakes for value in stake)


def test_the_fee_s_minimum_stays_until_nothing_is_left() -> None:
    # 2,500 cost 50; 1,000 would have cost the minimum of 30, and so would 1.
    assert [stake.fee for stake in taken_in_parts(REDEMPTION, [1500, 999, 1])] == [20, 0, 30]


def test_a_fee_that_was_given_back_by_itself_does_not_go_back_again() -> None:
    left = left_of(REDEMPTION, [Share(0, Stake(0, 38, 0))])
    assert stake_of(REDEMPTION, PRICES, left, 2500, Measure.POINTS, LOTUS) == Stake(2250, 0, 12)
    assert disputable(REDEMPTION, Measure.FEE, left, LOTUS) == 0
    assert disputable(REDEMPTION, Measure.FEE, left, JADE) == 12


def test_a_fee_is_disputed_by_itself_and_each_disputes_its_own() -> None:
    left = whole(REDEMPTION)
    assert measure(DisputeReason.WRONG_FEE, REDEMPTION) is Measure.FEE
    assert stake_of(REDEMPTION, PRICES, left, 20, Measure.FEE, LOTUS) == Stake(0, 20, 0)
    assert stake_of(REDEMPTION, PRICES, left, 12, Measure.FEE, JADE) == Stake(0, 0, 12)
    assert stake_of(REVERSED, PRICES, whole(REVERSED), 2, Measure.FEE, JADE) == Stake(0, 0, -2)


def test_a_fee_of_one_fen_has_the_sign_of_the_opener_s_own() -> None:
    line = leg(LegKind.REDEMPTION, 50, 50, 45, (1, 0))
    assert stake_of(line, PRICES, whole(line), 1, Measure.FEE, LOTUS) == Stake(0, 1, 0)
    back = leg(LegKind.REDEMPTION, -50, -50, -45, (-1, 2))
    assert stake_of(back, PRICES, whole(back), 1, Measure.FEE, LOTUS) == Stake(0, -1, 0)
    assert stake_of(back, PRICES, whole(back), 2, Measure.FEE, JADE) == Stake(0, 0, 2)


#: Points are worth half a fen, of which nine tenths are reimbursed.
HALF = Prices(RULEBOOK, Terms(Decimal("0.5"), Decimal("0.9")))
HALVED = leg(LegKind.REDEMPTION, 5000, 2500, 2250, (38, 12))


@pytest.mark.parametrize(
    ("line", "prices", "part", "expected"),
    [
        # By the rule: 1,000 of 5,000 points; the other 4,000 are worth 2,000, cost 40 and oblige to 1,800.
        (HALVED, HALF, 1_000, Stake(450, 8, 2)),
        (HALVED, HALF, 5_000, Stake(2_250, 38, 12)),
        # 2,000 of 3,000 fen: the other 1,000 would have cost the least fee of 30, shared 23 : 7.
        (SPEND, PRICES, 2_000, Stake(1_800, 22, 8)),
        # Nobody is obliged for a visit: 34,000 cost 680, shared 510 : 170.
        (VISIT, PRICES, 34_000, Stake(0, 510, 170)),
        # In proportion: of what is left, 300 of −500, would have been −270 and the fees −4.8 and −1.2.
        (REVERSED, PRICES, 200, Stake(-180, -3, -1)),
        # 233 of 700 by hand, and 101 of 200 charged by hand: 99 are left.
        (ADJUSTED, PRICES, 233, Stake(233, 0, 0)),
        (CHARGED, PRICES, 101, Stake(0, 0, 101)),
        # Half a fen goes away from zero, on either side: of 3, the other half is 2.
        (leg(LegKind.ADJUSTMENT, 0, 4, 3, (0, 0)), PRICES, 2, Stake(1, 0, 0)),
        (leg(LegKind.ADJUSTMENT, 0, -4, -3, (0, 0)), PRICES, 2, Stake(-1, 0, 0)),
    ],
)
def test_what_a_part_comes_to(line: Leg, prices: Prices, part: int, expected: Stake) -> None:
    unit = measure(DisputeReason.DUPLICATE, line)
    assert stake_of(line, prices, whole(line), part, unit, LOTUS) == expected


def test_points_are_counted_where_they_are_worth_something_else() -> None:
    assert whole(HALVED) == Share(5_000, Stake(2_250, 38, 12))
    left = left_of(HALVED, [Share(1_000, Stake(450, 8, 2))])
    assert left == Share(4_000, Stake(1_800, 30, 10))
    assert disputable(HALVED, Measure.POINTS, left, LOTUS) == 4_000


def test_redemptions_are_disputed_in_points_and_all_else_in_fen() -> None:
    units = [measure(DisputeReason.OTHER, line) for line in ALL]
    assert units == [Measure.POINTS if line.kind is LegKind.REDEMPTION else Measure.FEN for line in ALL]
    dear = Prices(RULEBOOK, Terms(Decimal("2.5"), Decimal(1)))
    assert quantity_of(REDEMPTION, dear, 6) == 3
    assert quantity_of(SPEND, dear, 6) == 6


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Who was to be paid pays it back; for a load the acceptor was the debtor.
        (SPEND, [("principal", LOTUS, JADE, 2700), ("acceptor_fee", HUB, LOTUS, 45)]),
        (LOAD, [("principal", JADE, LOTUS, 5000), ("acceptor_fee", HUB, LOTUS, 75)]),
        (VISIT, [("acceptor_fee", HUB, LOTUS, 1020)]),
        (REVERSED, [("principal", JADE, LOTUS, 450), ("acceptor_fee", LOTUS, HUB, 8)]),
        (ADJUSTED, [("principal", LOTUS, JADE, 700)]),
        (CHARGED, []),
    ],
    ids=lambda value: value.kind.label if isinstance(value, Leg) else "",
)
def test_money_runs_back_where_it_came_from(line: Leg, expected: list[tuple[str, int, int, int]]) -> None:
    stake = Stake(line.obligation, line.acceptor_fee, 0)
    assert moves(line, stake) == [Move(*one) for one in expected]


def test_an_issuer_has_its_own_fee_back() -> None:
    assert moves(REDEMPTION, Stake(0, 0, 12)) == [Move("issuer_fee", HUB, JADE, 12)]
    assert moves(CHARGED, Stake(0, 0, 200)) == [Move("issuer_fee", HUB, JADE, 200)]
    assert moves(REVERSED, Stake(0, 0, -2)) == [Move("issuer_fee", JADE, HUB, 2)]
