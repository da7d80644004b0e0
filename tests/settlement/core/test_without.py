"""What becomes of everybody else's net if one participant is left out."""

from decimal import Decimal

from clearing.core.journal import LegKind, PositionChange, PositionKey, VolumeChange, VolumeKey
from clearing.core.rulebook import ExchangeKind, FeeRule, Tier
from settlement.core.netting import net
from settlement.core.rebates import rebates
from settlement.core.without import Business, Changed, without

JADE, LOTUS, PINE = 1, 2, 3
EVERYBODY = (JADE, LOTUS, PINE)
PERIOD = 202611
RULE = FeeRule(
    7, ExchangeKind.SPEND, None, None, Decimal(1), Decimal("0.02"), 0, None, None, None,
    (Tier(10_000, Decimal("0.01")),),
)  # fmt: skip
POSITIONS = {
    PositionKey(PERIOD, JADE, LOTUS, LegKind.SPEND): PositionChange(1, 0, 20_000, 20_000, 400, 0),
    PositionKey(PERIOD, PINE, LOTUS, LegKind.SPEND): PositionChange(1, 0, 5_000, 5_000, 100, 0),
    PositionKey(PERIOD, LOTUS, PINE, LegKind.SPEND): PositionChange(1, 0, 8_000, 8_000, 160, 0),
    PositionKey(PERIOD, JADE, PINE, LegKind.ADJUSTMENT): PositionChange(1, 0, 700, 700, 0, 0),
}
VOLUMES = {
    VolumeKey(PERIOD, 7, JADE, LOTUS, PERIOD): VolumeChange(20_000, 400, 0),
    VolumeKey(PERIOD, 7, PINE, LOTUS, PERIOD): VolumeChange(5_000, 100, 0),
}


def test_its_exchanges_adjustments_fees_and_volumes_are_taken_out_of_both_sides() -> None:
    whole = net(EVERYBODY, POSITIONS, rebates(VOLUMES, {7: RULE}, PERIOD), {LOTUS: -300})
    assert [line.net for line in whole.lines] == [
        -20_700,
        25_000 - 8_000 - 500 + 150 - 300,
        8_000 - 5_000 - 160 + 700,
    ]
    left = without(JADE, whole, POSITIONS, Business(PERIOD, VOLUMES, {7: RULE}))
    assert left.changed == (
        Changed(LOTUS, 16_350, 5_000 - 8_000 - 100 - 300),
        Changed(PINE, 3_540, 8_000 - 5_000 - 160),
    )
    assert [one.difference for one in left.changed] == [-19_750, -700]
    assert left.netting.zero_sum


def test_nobody_is_changed_by_one_who_did_nothing() -> None:
    whole = net((*EVERYBODY, 4), POSITIONS)
    left = without(4, whole, POSITIONS, Business(PERIOD, {}, {}))
    assert all(one.difference == 0 for one in left.changed)
    assert [one.participant_id for one in left.changed] == [JADE, LOTUS, PINE]
