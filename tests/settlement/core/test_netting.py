"""Netting: known examples, and what must hold for any business at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.core.accounts import HUB
from clearing.core.journal import LegKind, PositionChange, PositionKey
from settlement.core.netting import Netting, ParticipantLine, net, netting_ratio, with_lines

JADE, LOTUS, PINE = 1, 2, 3
EVERYBODY = (JADE, LOTUS, PINE)
PERIOD = 202611

Totals = dict[PositionKey, PositionChange]


def crossed(issuer: int, acceptor: int, kind: LegKind, obligation: int, fee: int = 0) -> Totals:
    return {PositionKey(PERIOD, issuer, acceptor, kind): PositionChange(1, 0, obligation, obligation, fee, 0)}


WORKED_EXAMPLE = {
    PositionKey(PERIOD, JADE, LOTUS, LegKind.VISIT): PositionChange(1, 0, 68_000, 0, 680, 0),
    PositionKey(PERIOD, JADE, LOTUS, LegKind.REDEMPTION): PositionChange(1, 2_500, 2_500, 2_500, 50, 0),
    PositionKey(PERIOD, JADE, PINE, LegKind.SPEND): PositionChange(1, 0, 30_000, 30_000, 180, 0),
}


def nets(netting: Netting) -> dict[int, int]:
    return {line.participant_id: line.net for line in netting.lines}


def test_the_worked_example_to_the_fen() -> None:
    netting = net(EVERYBODY, WORKED_EXAMPLE)
    assert netting.lines == (
        ParticipantLine(JADE, 0, 32_500, 0),
        ParticipantLine(LOTUS, 2_500, 0, 730),
        ParticipantLine(PINE, 30_000, 0, 180),
    )
    assert nets(netting) == {JADE: -32_500, LOTUS: 1_770, PINE: 29_820}
    assert (netting.hub_fees, netting.hub_net) == (910, 910)
    assert netting.zero_sum


def test_the_matrix_holds_principal_and_the_exchanges_hold_visits_too() -> None:
    netting = net(EVERYBODY, WORKED_EXAMPLE)
    assert [tuple(row) for row in netting.matrix] == [
        (JADE, LOTUS, LegKind.REDEMPTION, 1, 2_500, 2_500, 50),
        (JADE, PINE, LegKind.SPEND, 1, 0, 30_000, 180),
    ]
    assert [row.kind for row in netting.exchanges] == [LegKind.VISIT, LegKind.REDEMPTION, LegKind.SPEND]


def test_a_load_is_owed_by_the_desk_that_took_the_money() -> None:
    netting = net(EVERYBODY, crossed(JADE, LOTUS, LegKind.LOAD, 10_000))
    assert nets(netting) == {JADE: 10_000, LOTUS: -10_000, PINE: 0}
    assert (netting.matrix[0].debtor_id, netting.matrix[0].creditor_id) == (LOTUS, JADE)


def test_an_empty_period_has_a_line_for_everybody() -> None:
    netting = net(EVERYBODY, {})
    assert nets(netting) == {JADE: 0, LOTUS: 0, PINE: 0}
    assert netting.zero_sum
    assert netting.ratio == Decimal("0.0000")


def test_a_position_of_somebody_without_a_line_is_noticed() -> None:
    assert not net((JADE,), crossed(JADE, LOTUS, LegKind.SPEND, 100)).zero_sum


def test_the_ratio_is_0_for_one_obligation_and_1_for_two_that_cancel() -> None:
    there = crossed(JADE, LOTUS, LegKind.SPEND, 100)
    back = crossed(LOTUS, JADE, LegKind.SPEND, 100)
    assert net(EVERYBODY, there).ratio == 0
    assert net(EVERYBODY, there | back).ratio == 1


def test_a_ring_of_three_nets_away_what_is_common() -> None:
    ring = (
        crossed(JADE, LOTUS, LegKind.SPEND, 100)
        | crossed(LOTUS, PINE, LegKind.SPEND, 90)
        | crossed(PINE, JADE, LegKind.SPEND, 80)
    )
    # Gross 270 are paid as one payment of 20, in two halves of 10 and 10: JADE −20, LOTUS +10, PINE +10.
    assert nets(net(EVERYBODY, ring)) == {JADE: -20, LOTUS: 10, PINE: 10}
    assert str(net(EVERYBODY, ring).ratio) == "0.9259"


def test_what_both_pay_the_hub_stands_beside_what_one_owes_the_other() -> None:
    key = PositionKey(PERIOD, JADE, LOTUS, LegKind.SPEND)
    netting = net(EVERYBODY, {key: PositionChange(3, 7, 1_000, 800, 20, 5)})
    assert [tuple(row) for row in netting.matrix] == [(JADE, LOTUS, LegKind.SPEND, 3, 7, 800, 25)]
    assert [tuple(row) for row in netting.exchanges] == [
        (JADE, LOTUS, LegKind.SPEND, 3, 7, 1_000, 800, 20, 5)
    ]
    assert nets(netting) == {JADE: -805, LOTUS: 780, PINE: 0}


def test_a_charge_by_the_hub_is_in_the_nets_and_owed_to_no_participant() -> None:
    netting = net(
        EVERYBODY, {PositionKey(PERIOD, JADE, HUB, LegKind.ADJUSTMENT): PositionChange(1, 0, 700, 0, 0, 700)}
    )
    assert nets(netting) == {JADE: -700, LOTUS: 0, PINE: 0}
    assert (netting.hub_net, netting.zero_sum, netting.matrix) == (700, True, ())


def test_what_is_owed_by_hand_stands_by_itself_with_its_sign() -> None:
    key = PositionKey(PERIOD, JADE, LOTUS, LegKind.ADJUSTMENT)
    netting = net(EVERYBODY, {key: PositionChange(1, 0, 700, 700, 0, 0)})
    assert netting.lines == (
        ParticipantLine(JADE, 0, 0, 0, -700),
        ParticipantLine(LOTUS, 0, 0, 0, 700),
        ParticipantLine(PINE, 0, 0, 0, 0),
    )


def test_lines_that_are_known_already_are_taken_as_they_are() -> None:
    lines = net(EVERYBODY, WORKED_EXAMPLE).lines
    netting = with_lines(lines, WORKED_EXAMPLE)
    assert (netting.lines, netting.hub_fees, netting.hub_net) == (lines, 910, 910)
    assert with_lines(lines, WORKED_EXAMPLE, carried=10).hub_net == 900


TURNED_ROUND = [
    # receivable, payable, the same obligations without a sign
    ((100, -40), (140, 0)),
    ((-40, 100), (0, 140)),
    ((-30, -50), (50, 30)),
]


@pytest.mark.parametrize(("reversed_", "plain"), TURNED_ROUND)
def test_an_obligation_below_zero_counts_as_one_the_other_way(
    reversed_: tuple[int, int], plain: tuple[int, int]
) -> None:
    other = ParticipantLine(LOTUS, 60, 90, 0, -30)
    ratios = [netting_ratio([ParticipantLine(JADE, *line, 0, 0), other]) for line in (reversed_, plain)]
    assert ratios[0] == ratios[1] > 0


def test_the_ratio_has_four_places() -> None:
    assert str(netting_ratio([ParticipantLine(JADE, 1, 2, 0)])) == "0.6667"


_fen = st.integers(0, 10**12)
_positions = st.dictionaries(
    st.builds(
        PositionKey,
        st.just(PERIOD),
        st.integers(1, 3),
        st.integers(4, 6),
        st.sampled_from([LegKind.VISIT, LegKind.REDEMPTION, LegKind.SPEND, LegKind.LOAD]),
    )
    | st.builds(PositionKey, st.just(PERIOD), st.integers(4, 6), st.integers(1, 3), st.just(LegKind.SPEND)),
    st.builds(PositionChange, st.integers(1, 10**6), _fen, _fen, _fen, _fen, _fen),
    max_size=12,
)


@given(_positions)
def test_whatever_crossed_the_nets_and_the_hub_add_up_to_nothing(positions: Totals) -> None:
    positions = {
        key: total._replace(obligation=0) if key.kind is LegKind.VISIT else total
        for key, total in positions.items()
    }
    netting = net(range(1, 7), positions)
    assert netting.zero_sum
    assert len(netting.lines) == 6
    assert sum(line.receivable for line in netting.lines) == sum(line.payable for line in netting.lines)
    assert sum(row.amount for row in netting.matrix) == sum(line.payable for line in netting.lines)
    assert 0 <= netting.ratio <= 1
