"""Which lots a demand draws on: candidates and demand in, draws and shortfall out."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from clearing.core.directory import Directory
from clearing.core.rulebook import DrawOrder
from clearing.core.snapshot import Lot


class Draw(NamedTuple):
    lot: Lot
    quantity: int


class Drawn(NamedTuple):
    """`shortfall` is what the lots could not cover; 0 when the demand is met."""

    draws: list[Draw]
    shortfall: int


def draw(candidates: Iterable[Lot], demand: int, order: DrawOrder, acceptor_id: int) -> Drawn:
    """Take `demand` from the candidates in the alliance's draw order.

    `own_first`: the acceptor's own lots, then others; in each group earliest expiry first, then lot id.
    `earliest_first`: earliest expiry regardless of issuer, then lot id. Lots without an expiry come last.
    """
    draws = []
    for lot in in_draw_order(candidates, order, acceptor_id):
        if demand == 0:
            break
        quantity = min(lot.available, demand)
        draws.append(Draw(lot, quantity))
        demand -= quantity
    return Drawn(draws, demand)


def in_draw_order(candidates: Iterable[Lot], order: DrawOrder, acceptor_id: int) -> list[Lot]:
    """The candidates in the order in which a demand would use them up."""
    own_first = order is DrawOrder.OWN_FIRST
    return sorted(
        candidates,
        key=lambda lot: (own_first and lot.issuer_id != acceptor_id, lot.expires_on or date.max, lot.id),
    )


def is_usable(lot: Lot, on: date) -> bool:
    """Whether anything of the lot can be used that day; the expiry date is the last good day."""
    return lot.available > 0 and (lot.expires_on is None or lot.expires_on >= on)


def usable_here(lot: Lot, directory: Directory, acceptor_id: int, on: date) -> bool:
    """Whether the lot can be used at this acceptor that day: its own always, another's in an exchange.

    A suspended participant takes part in no exchange, on either side.
    """
    if not is_usable(lot, on):
        return False
    return lot.issuer_id == acceptor_id or directory.suspended.isdisjoint((lot.issuer_id, acceptor_id))


def by_issuer(draws: Iterable[Draw]) -> dict[int, int]:
    """Quantity by issuer, in the order in which the issuers were first drawn on."""
    quantities: dict[int, int] = {}
    for lot, quantity in draws:
        quantities[lot.issuer_id] = quantities.get(lot.issuer_id, 0) + quantity
    return quantities
