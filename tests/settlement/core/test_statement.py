"""Statement arithmetic: tax, direction, and the matrix seen from both ends."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.core.journal import LegKind
from settlement.core.netting import ExchangeRow
from settlement.core.statement import Direction, Fees, counterparties, direction_of, split_vat

JADE, LOTUS = 1, 2


@pytest.mark.parametrize(
    ("gross", "rate", "net", "vat"),
    [
        (0, "0.06", 0, 0),
        (1, "0.06", 1, 0),
        (106, "0.06", 100, 6),
        (730, "0.06", 689, 41),
        (910, "0.06", 858, 52),
        (9, "0.06", 8, 1),
        (3, "1", 2, 1),  # 1.5 goes up
        (1_000, "0", 1_000, 0),
        (-106, "0.06", -100, -6),
    ],
)
def test_vat_is_split_once_and_rounded_half_up(gross: int, rate: str, net: int, vat: int) -> None:
    assert split_vat(gross, Decimal(rate)) == Fees(gross, net, vat)


@given(st.integers(-(10**16), 10**16), st.decimals(0, 1, places=10))
def test_net_and_vat_add_up_and_net_is_the_nearest_fen(gross: int, rate: Decimal) -> None:
    fees = split_vat(gross, rate)
    assert fees.net + fees.vat == gross
    numerator, denominator = (1 + rate).as_integer_ratio()
    assert abs(2 * fees.net * numerator - 2 * gross * denominator) <= numerator


@pytest.mark.parametrize(
    ("kind", "reader", "obligation", "direction"),
    [
        (LegKind.REDEMPTION, JADE, 100, Direction.PAYABLE),
        (LegKind.REDEMPTION, LOTUS, 100, Direction.RECEIVABLE),
        (LegKind.LOAD, JADE, 100, Direction.RECEIVABLE),
        (LegKind.LOAD, LOTUS, 100, Direction.PAYABLE),
        (LegKind.VISIT, JADE, 0, Direction.NONE),
    ],
)
def test_direction_is_the_readers(kind: LegKind, reader: int, obligation: int, direction: Direction) -> None:
    assert direction_of(kind, JADE, LOTUS, obligation, reader) is direction


_rows = st.lists(
    st.builds(
        ExchangeRow,
        st.just(JADE),
        st.just(LOTUS),
        st.sampled_from([LegKind.REDEMPTION, LegKind.SPEND, LegKind.LOAD]),
        *[st.integers(0, 10**9)] * 6,
    )
    | st.builds(ExchangeRow, st.just(LOTUS), st.just(JADE), st.just(LegKind.SPEND), *[st.integers(0, 9)] * 6),
    max_size=8,
)


@given(_rows)
def test_what_one_owes_is_what_the_other_is_due(rows: list[ExchangeRow]) -> None:
    of_jade = {row.kind: row for row in counterparties(rows, JADE)}
    of_lotus = {row.kind: row for row in counterparties(rows, LOTUS)}
    assert of_jade.keys() == of_lotus.keys()
    for kind, row in of_jade.items():
        other = of_lotus[kind]
        assert (row.counterparty_id, other.counterparty_id) == (LOTUS, JADE)
        assert (row.receivable, row.payable) == (other.payable, other.receivable)
        assert (row.exchanges, row.points, row.amount) == (other.exchanges, other.points, other.amount)
    fees = sum(row.fees for row in (*of_jade.values(), *of_lotus.values()))
    assert fees == sum(row.acceptor_fee + row.issuer_fee for row in rows)
