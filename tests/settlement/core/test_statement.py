"""Statement arithmetic: tax, direction, the matrix seen from both ends, and the totals of the lines."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.core.journal import LegKind
from settlement.core.netting import ExchangeRow
from settlement.core.statement import (
    CounterpartyRow,
    DetailLine,
    Direction,
    Fees,
    MerchantRow,
    Moved,
    Tally,
    counterparties,
    direction_of,
    split_vat,
)

JADE, LOTUS, PINE = 1, 2, 3


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


#: issuer, acceptor, kind; exchanges, points, amount, obligation, fee of the acceptor, fee of the issuer
CROSSED = [
    ExchangeRow(JADE, PINE, LegKind.SPEND, 9, 0, 900, 900, 9, 9),
    ExchangeRow(JADE, LOTUS, LegKind.REDEMPTION, 1, 2_500, 2_500, 2_400, 50, 3),
    ExchangeRow(LOTUS, JADE, LegKind.REDEMPTION, 2, 700, 700, 600, 14, 5),
    ExchangeRow(JADE, LOTUS, LegKind.VISIT, 1, 0, 68_000, 0, 680, 0),
    ExchangeRow(JADE, LOTUS, LegKind.LOAD, 1, 0, 10_000, 10_000, 0, 100),
]


def test_both_ways_of_one_kind_are_one_row_of_the_counterparty() -> None:
    assert counterparties(CROSSED, LOTUS) == (
        CounterpartyRow(JADE, LegKind.VISIT, 1, 0, 68_000, 0, 0, 680),
        CounterpartyRow(JADE, LegKind.REDEMPTION, 3, 3_200, 3_200, 2_400, 600, 50 + 5),
        CounterpartyRow(JADE, LegKind.LOAD, 1, 0, 10_000, 0, 10_000, 0),
    )
    assert counterparties(CROSSED, JADE) == (
        CounterpartyRow(LOTUS, LegKind.VISIT, 1, 0, 68_000, 0, 0, 0),
        CounterpartyRow(LOTUS, LegKind.REDEMPTION, 3, 3_200, 3_200, 600, 2_400, 3 + 14),
        CounterpartyRow(LOTUS, LegKind.LOAD, 1, 0, 10_000, 10_000, 0, 100),
        CounterpartyRow(PINE, LegKind.SPEND, 9, 0, 900, 0, 900, 9),
    )


def _line(text: str, points: int = 0, amount: int = 0, obligation: int = 0, fee: int = 0) -> DetailLine:
    """`redemption of JADE at LOTUS-1 [owed|due]`, as JADE, the reader, sees it; `-` is no merchant."""
    kind, _, issuer, _, merchant, *owing = text.split()
    direction = {"owed": "payable", "due": "receivable", "": "none"}["".join(owing)]
    acceptor = issuer if merchant == "-" else merchant.partition("-")[0]
    return DetailLine(
        line=1,
        transaction="txn_1",
        reference=None,
        occurred_at="2026-11-15T10:00:00+08:00",
        booked_at="2026-11-15T10:00:00+08:00",
        merchant=None if merchant == "-" else merchant,
        transaction_kind=kind,
        kind=kind,
        issuer=issuer,
        acceptor=acceptor,
        member="",
        lots="",
        points=points,
        amount=amount,
        obligation=obligation,
        direction=direction,
        fee_rate=None,
        fee=fee,
        fee_payer=None,
        rule_version=7,
        reason="exchange",
        prior_period=False,
        reverses=None,
    )


LINES = [
    _line("redemption of LOTUS at JADE-1 due", points=400, amount=400, obligation=390, fee=8),
    _line("redemption of LOTUS at JADE-1 due", points=-100, amount=-100, obligation=-97, fee=-2),
    _line("redemption of JADE at JADE-1", points=60, amount=60),
    _line("redemption of JADE at JADE-2", points=5, amount=5),
    _line("redemption of JADE at LOTUS-1 owed", points=2_500, amount=2_500, obligation=2_400, fee=3),
    _line("visit of PINE at JADE-1", amount=68_000, fee=680),
    _line("issue of JADE at JADE-1", points=680),
    _line("visit of JADE at JADE-1", points=30, amount=3_000),
    _line("load of LOTUS at JADE-1 owed", amount=10_000, obligation=10_000),
    _line("opening of JADE at -", points=1_500, amount=1_500),
    _line("opening of JADE at -", amount=8_000),
    _line("load of JADE at JADE-1", amount=600),
    _line("load of JADE at LOTUS-1 due", amount=500, obligation=500),
    _line("spend of JADE at JADE-1", amount=90),
    _line("spend of JADE at LOTUS-1 owed", amount=80, obligation=78),
    _line("spend of JADE at LOTUS-1 owed", amount=-30, obligation=-29),
    _line("spend of LOTUS at JADE-2 due", amount=7, obligation=7),
    _line("transfer of JADE at -", points=55, amount=55),
    _line("expiry of JADE at -", amount=4),
    _line("expiry of JADE at -", points=70, amount=70),
    _line("adjustment of JADE at -", points=-20, amount=-20),
]


def _tally() -> Tally:
    tally = Tally("JADE")
    for line in LINES:
        tally.add(line)
    return tally


def test_the_totals_of_a_statement_are_the_sums_of_its_lines() -> None:
    tally = _tally()
    assert (tally.lines, tally.receivable, tally.payable, tally.fees) == (21, 800, 12_449, 689)


def test_the_merchants_of_a_statement_are_the_readers_own() -> None:
    # kind by kind: lines, of which crossed, points, amount, receivable, payable, fees
    assert _tally().merchants == (
        MerchantRow("JADE-1", "issue", 1, 0, 680, 0, 0, 0, 0),
        MerchantRow("JADE-1", "load", 2, 1, 0, 10_600, 0, 10_000, 0),
        MerchantRow("JADE-1", "redemption", 3, 2, 360, 360, 293, 0, 6),
        MerchantRow("JADE-1", "spend", 1, 0, 0, 90, 0, 0, 0),
        MerchantRow("JADE-1", "visit", 2, 1, 30, 71_000, 0, 0, 680),
        MerchantRow("JADE-2", "redemption", 1, 0, 5, 5, 0, 0, 0),
        MerchantRow("JADE-2", "spend", 1, 1, 0, 7, 7, 0, 0),
    )


def test_the_points_of_a_statement_are_those_the_reader_has_issued() -> None:
    assert _tally().points == Moved(
        issued=710, opened=1_500, used_own=65, used_elsewhere=2_500, expired=70, adjusted=-20
    )
    assert _tally().stored_value == Moved(
        issued=1_100, opened=8_000, used_own=90, used_elsewhere=50, expired=4, adjusted=0
    )
    twice = _tally()
    for line in LINES:
        twice.add(line)
    assert twice.points == Moved(*(2 * quantity for quantity in _tally().points))
