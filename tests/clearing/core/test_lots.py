"""Draw order: candidates and demand in, draws and shortfall out."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.core.accounts import Asset
from clearing.core.lots import draw, in_draw_order, is_usable
from clearing.core.rulebook import DrawOrder
from clearing.core.snapshot import Lot
from support.core import Books, alliance

OWN, OTHER = 2, 1  # LOTUS is the acceptor, JADE the other
GIVEN = [
    "JADE 100 pts 2026-12-31",
    "LOTUS 100 pts 2027-06-30",
    "JADE 100 pts never",
    "LOTUS 100 pts never",
    "LOTUS 100 pts 2027-01-31",
    "JADE 100 pts 2027-01-31",
]


def _lots(*texts: str) -> list[Lot]:
    return list(Books(alliance("JADE", "LOTUS"), lots={"Wang": texts}).lots.values())


def _words(lot: Lot) -> str:
    return f"{'LOTUS' if lot.issuer_id == OWN else 'JADE'} {lot.expires_on or 'never'}"


ORDERS = [
    (
        DrawOrder.OWN_FIRST,
        [
            "LOTUS 2027-01-31",
            "LOTUS 2027-06-30",
            "LOTUS never",
            "JADE 2026-12-31",
            "JADE 2027-01-31",
            "JADE never",
        ],
    ),
    (  # of one date, the lower lot id: LOTUS 2027-01-31 and JADE never are the older ones
        DrawOrder.EARLIEST_FIRST,
        [
            "JADE 2026-12-31",
            "LOTUS 2027-01-31",
            "JADE 2027-01-31",
            "LOTUS 2027-06-30",
            "JADE never",
            "LOTUS never",
        ],
    ),
]


@pytest.mark.parametrize(("order", "expected"), ORDERS)
def test_lots_are_used_in_the_alliances_order(order: DrawOrder, expected: list[str]) -> None:
    lots = _lots(*GIVEN)
    assert [_words(lot) for lot in in_draw_order(lots, order, OWN)] == expected
    assert [_words(lot) for lot in in_draw_order(reversed(lots), order, OWN)] == expected


def test_of_one_issuer_and_date_the_lower_lot_id_goes_first() -> None:
    [lot] = _lots("JADE 100 pts never")
    lots = [lot._replace(id=9), lot._replace(id=7), lot._replace(id=8)]
    assert [found.id for found in in_draw_order(lots, DrawOrder.OWN_FIRST, OWN)] == [7, 8, 9]


DEMANDS = [
    # demand, taken lot by lot, shortfall
    (0, [], 0),
    (1, [1], 0),
    (100, [100], 0),
    (101, [100, 1], 0),
    (250, [100, 100, 50], 0),
    (300, [100, 100, 100], 0),
    (301, [100, 100, 100], 1),
]


@pytest.mark.parametrize(("demand", "taken", "shortfall"), DEMANDS)
def test_a_demand_is_met_lot_by_lot(demand: int, taken: list[int], shortfall: int) -> None:
    lots = _lots("JADE 100 pts 2026-12-31", "JADE 100 pts 2027-12-31", "JADE 100 pts never")
    drawn = draw(lots, demand, DrawOrder.OWN_FIRST, OWN)
    assert ([quantity for _, quantity in drawn.draws], drawn.shortfall) == (taken, shortfall)


USABLE = [
    ("JADE 1 pts 2026-11-15", True),  # the expiry date is the last good day
    ("JADE 1 pts 2026-11-14", False),
    ("JADE 1 pts never", True),
    ("JADE 0 pts never", False),
    ("JADE 0 pts never held=5", False),
]


@pytest.mark.parametrize(("text", "usable"), USABLE)
def test_what_is_expired_empty_or_held_cannot_be_used(text: str, usable: bool) -> None:
    [lot] = _lots(text)
    assert is_usable(lot, date(2026, 11, 15)) is usable


dates = st.none() | st.integers(0, 40).map(lambda days: date(2026, 11, 15) + timedelta(days=days))
several_lots = st.lists(
    st.builds(
        Lot,
        wallet_id=st.just(1),
        id=st.integers(1, 10_000),
        issuer_id=st.integers(1, 3),
        asset=st.just(Asset.POINTS),
        expires_on=dates,
        available=st.integers(1, 1000),
    ),
    max_size=8,
    unique_by=lambda lot: lot.id,
)


@given(several_lots, st.integers(0, 5000), st.sampled_from(DrawOrder))
def test_a_draw_takes_what_is_there_and_leaves_no_earlier_lot_behind(
    lots: list[Lot], demand: int, order: DrawOrder
) -> None:
    drawn = draw(lots, demand, order, OWN)
    assert sum(quantity for _, quantity in drawn.draws) + drawn.shortfall == demand
    assert drawn.shortfall == max(demand - sum(lot.available for lot in lots), 0)
    assert all(0 < quantity <= lot.available for lot, quantity in drawn.draws)
    assert all(quantity == lot.available for lot, quantity in drawn.draws[:-1])
    assert [lot for lot, _ in drawn.draws] == in_draw_order(lots, order, OWN)[: len(drawn.draws)]
