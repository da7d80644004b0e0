"""The card check: what a front desk needs to know of a card that is presented to it."""

from typing import NamedTuple

from sqlalchemy import Connection

from clearing.core.accounts import Asset
from clearing.core.amounts import MAX_QUANTITY
from clearing.core.commands import Caller, Redemption
from clearing.core.directory import Directory, Merchant
from clearing.core.lots import in_draw_order, usable_here
from clearing.core.outcomes import Posted
from clearing.core.snapshot import Card, CardStatus, Lot
from clearing.directory import DirectoryCache
from clearing.load import Gathered, gather
from clearing.quotes import decide_quote


class StoredValue(NamedTuple):
    """Fen of one issuer's stored value; `usable_here` at the merchant that asks."""

    issuer_id: int
    available: int
    usable_here: bool


class Tier(NamedTuple):
    """`issuer`: the tier's name at home; `level`: 1 for the lowest; `here`: the host's tier of that level."""

    issuer: str | None
    level: int | None
    here: str | None


class CardCheck(NamedTuple):
    """`lots`: points usable here, in the order in which they would be used. `held`: points in open holds.

    `fee_preview`: fen that redeeming all of them here would cost the two participants together.
    """

    card: Card
    status: CardStatus
    name_cipher: bytes | None
    tier: Tier
    benefits: list[str]
    directory: Directory
    lots: list[Lot]
    held: int
    stored_value: list[StoredValue]
    fee_preview: int


# As text: a statement that SQLAlchemy puts together takes longer to make than to answer.
_SHOWN = """
SELECT m.name_cipher, m.tier, home.tiers AS home_tiers, host.tiers AS host_tiers, s.benefits
  FROM cards c
  JOIN members m ON m.id = c.member_id
  JOIN participants home ON home.id = m.participant_id
  JOIN merchants s ON s.id = %s
  JOIN participants host ON host.id = s.participant_id
 WHERE c.number = %s
"""


def check_card(
    connection: Connection, number: str, merchant: Merchant, caller: Caller, cache: DirectoryCache
) -> CardCheck | None:
    """None for a number that nobody has issued. Reads without locks and changes nothing."""
    command = Redemption(
        key="00000000-0000-0000-0000-000000000000",
        request_hash="00000000-0000-0000-0000-000000000000",
        caller=caller,
        card=number,
        merchant=merchant.code,
        points=0,
    )
    gathered = gather(connection, [command], cache, locked=False)
    snapshot = gathered.snapshot
    card = snapshot.cards.get(number)
    if card is None:
        return None
    directory = snapshot.directory
    on = gathered.at.astimezone(directory.rulebook.settings.time_zone).date()
    wallet_lots = snapshot.lots.get(card.wallet_id, ())
    usable = [lot for lot in wallet_lots if usable_here(lot, directory, merchant.participant_id, on)]
    points = [lot for lot in usable if lot.asset is Asset.POINTS]
    order = directory.rulebook.settings.draw_order
    shown = connection.exec_driver_sql(_SHOWN, (merchant.id, number)).one()
    tier = _tier(shown.tier, shown.home_tiers, shown.host_tiers)
    return CardCheck(
        card=card,
        status=card.status
        if card.status is not CardStatus.ACTIVE or card.is_good(on)
        else CardStatus.EXPIRED,
        name_cipher=None if shown.name_cipher is None else bytes(shown.name_cipher),
        tier=tier,
        benefits=list(shown.benefits.get(tier.here, ())) if tier.here else [],
        directory=directory,
        lots=in_draw_order(points, order, merchant.participant_id),
        held=sum(lot.held for lot in wallet_lots if lot.asset is Asset.POINTS),
        stored_value=_stored_value(usable, directory, merchant),
        fee_preview=_fee_of_all(gathered, command, sum(lot.available for lot in points)),
    )


def _tier(tier: str | None, home_tiers: list[str], host_tiers: list[str]) -> Tier:
    """Treatment is reciprocal: a visitor gets the host's tier of the same level, at most its highest."""
    if tier is None or tier not in home_tiers:
        return Tier(tier, None, None)
    level = home_tiers.index(tier) + 1
    return Tier(tier, level, host_tiers[min(level, len(host_tiers)) - 1] if host_tiers else None)


def _stored_value(usable: list[Lot], directory: Directory, merchant: Merchant) -> list[StoredValue]:
    available: dict[int, int] = {}
    for lot in usable:
        if lot.asset is Asset.STORED_VALUE:
            available[lot.issuer_id] = available.get(lot.issuer_id, 0) + lot.available
    return [
        StoredValue(
            issuer_id,
            amount,
            issuer_id == merchant.participant_id or directory.participants[issuer_id].stored_value_enabled,
        )
        for issuer_id, amount in sorted(available.items())
    ]


def _fee_of_all(gathered: Gathered, command: Redemption, points: int) -> int:
    everything = Redemption(
        key=command.key,
        request_hash=command.request_hash,
        caller=command.caller,
        card=command.card,
        merchant=command.merchant,
        points=min(points, MAX_QUANTITY),
    )
    outcome = decide_quote(gathered, everything)
    return sum(leg.fee for leg in outcome.booking.legs) if isinstance(outcome, Posted) else 0
