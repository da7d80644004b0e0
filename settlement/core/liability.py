"""What issuers owe members: how a period changed it, and when what is left of it ends. No money is moved
here.

Quantities are points, or fen of stored value. A liability is the sum of what the issuer's lots hold; it is
rolled forward from period to period: closing = opening + issued + opened − used − expired ± adjusted ±
arrears.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from clearing.core.accounts import Asset
from clearing.core.journal import LegKind


class LegSum(NamedTuple):
    """The legs of one kind between an issuer and an acceptor, added up. `points` is 0 where money moved, and
    `amount` (fen) where points did.
    """

    issuer_id: int
    acceptor_id: int
    kind: LegKind
    legs: int
    points: int
    amount: int


class RollForward(NamedTuple):
    """How one issuer's liability changed in one period; each part is less what was reversed of it.

    `issued`: points given, or stored value sold; `opened`: brought in from before the alliance; `used_own`
    and `used_elsewhere`: redeemed or spent; `expired`: breakage; `adjusted`: given, or (below zero) taken by
    hand. `arrears`: points taken back that were not in a lot any more, less those that paid such arrears, as
    they were issued or out of a lot.
    """

    issuer_id: int
    asset: Asset
    opening: int
    issued: int
    opened: int
    used_own: int
    used_elsewhere: int
    expired: int
    adjusted: int
    arrears: int

    @property
    def closing(self) -> int:
        return (
            self.opening + self.issued + self.opened - self.used_own - self.used_elsewhere - self.expired
            + self.adjusted + self.arrears
        )  # fmt: skip


class Breakage(NamedTuple):
    """What ended unused from the beginning until the period's end, of what was given out or brought in."""

    given_to_date: int
    expired_to_date: int

    @property
    def rate(self) -> Decimal:
        """Expired ÷ given, 0 to 1, 4 places, half up; 0 where nothing was given."""
        given = self.given_to_date
        if given <= 0:
            return Decimal("0.0000")
        return Decimal((2 * 10_000 * self.expired_to_date + given) // (2 * given)).scaleb(-4)


_ISSUING = frozenset({LegKind.VISIT, LegKind.ISSUE, LegKind.LOAD})
_USING = frozenset({LegKind.REDEMPTION, LegKind.SPEND})


def roll_forward(
    issuer_ids: Iterable[int],
    openings: Mapping[tuple[int, Asset], int],
    legs: Iterable[LegSum],
    arrears: Mapping[int, int],
) -> list[RollForward]:
    """One for each issuer and asset, in order, also where nothing happened.

    `arrears`: points by issuer, incurred less paid. `legs`: in each sum, all have points or none has.
    """
    rows = {
        (issuer_id, asset): dict.fromkeys(RollForward._fields[3:], 0)
        for issuer_id in issuer_ids
        for asset in Asset
    }
    for leg in legs:
        if leg.kind is LegKind.ADJUSTMENT and not leg.points:
            continue  # money between participants
        if leg.kind is LegKind.TRANSFER:
            continue  # between wallets of one person, which adds up to nothing
        in_points = leg.points or leg.kind in (LegKind.VISIT, LegKind.ISSUE, LegKind.REDEMPTION)
        asset = Asset.POINTS if in_points else Asset.STORED_VALUE
        rows[leg.issuer_id, asset][_part(leg)] += leg.points if in_points else leg.amount
    for issuer_id, points in arrears.items():
        rows[issuer_id, Asset.POINTS]["arrears"] += points
    return [
        RollForward(issuer_id, asset, openings.get((issuer_id, asset), 0), **parts)
        for (issuer_id, asset), parts in sorted(rows.items())
    ]


def lines_of(legs: Iterable[LegSum]) -> dict[int, int]:
    """How many lines the statement of each participant has: the legs of which it is issuer or acceptor."""
    lines: dict[int, int] = {}
    for leg in legs:
        for participant_id in {leg.issuer_id, leg.acceptor_id}:
            lines[participant_id] = lines.get(participant_id, 0) + leg.legs
    return lines


def worth(points: int, point_value: Decimal) -> int:
    """Fen, half up; the worth of a total, which no sum of worths of parts has to equal."""
    numerator, denominator = point_value.as_integer_ratio()
    fen = (2 * abs(points) * numerator + denominator) // (2 * denominator)
    return fen if points >= 0 else -fen


def _part(leg: LegSum) -> str:
    if leg.kind in _ISSUING:
        return "issued"
    if leg.kind in _USING:
        return "used_own" if leg.issuer_id == leg.acceptor_id else "used_elsewhere"
    return {LegKind.OPENING: "opened", LegKind.EXPIRY: "expired", LegKind.ADJUSTMENT: "adjusted"}[leg.kind]
