"""The card check: what a front desk needs to know of a card that is presented to it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from clearing import arrays
from clearing.batches import Batches
from clearing.core.accounts import Asset
from clearing.core.amounts import MAX_QUANTITY
from clearing.core.commands import Caller, Redemption
from clearing.core.decide import plan_now
from clearing.core.directory import Directory, Merchant
from clearing.core.lots import in_draw_order, usable_here
from clearing.core.outcomes import Refusal
from clearing.core.snapshot import Card, CardStatus, Lot
from clearing.directory import DirectoryCache
from clearing.load import Gathered, gather
from clearing.prepared import prepared
from clearing.verify import frozen


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


class CardQuestion(NamedTuple):
    """A card, by its number, that is presented at a merchant to one who may act for it."""

    number: str
    merchant: Merchant
    caller: Caller


_MEMBERS = """
SELECT c.number, m.name_cipher, m.tier
  FROM cards c
  JOIN members m ON m.id = c.member_id
 WHERE c.number = ANY($1)
"""
_NO_KEY = "00000000-0000-0000-0000-000000000000"


class _Member(NamedTuple):
    name_cipher: bytes | None
    tier: str | None


class CardChecks:
    """Answers the card checks of any number of threads, those that come together at once."""

    def __init__(self, engine: Engine, cache: DirectoryCache) -> None:
        @contextmanager
        def opened() -> Iterator[Callable[[Sequence[CardQuestion]], list[CardCheck | None]]]:
            yield answer

        def answer(questions: Sequence[CardQuestion]) -> list[CardCheck | None]:
            with frozen(engine) as connection:
                return check_cards(connection, questions, cache)

        self._batches: Batches[CardQuestion, CardCheck | None] = Batches("card-checks", opened)

    def check(self, question: CardQuestion, timeout_seconds: float) -> CardCheck | None:
        """None for a number that nobody has issued. Raises TimeoutError, and what the database raised."""
        return self._batches.ask(question, timeout_seconds)

    def close(self) -> None:
        self._batches.close()


def check_cards(
    connection: Connection, questions: Sequence[CardQuestion], cache: DirectoryCache
) -> list[CardCheck | None]:
    """None for a number that nobody has issued. Reads without locks and changes nothing.

    Use a connection of `frozen`: what an answer says is then of one moment.
    """
    commands = [_redemption(question, 0) for question in questions]
    gathered = gather(connection, commands, cache, locked=False)
    numbers = arrays.texts(question.number for question in questions)
    before = prepared(connection, "read_card_members", "text[]", _MEMBERS)
    rows = connection.exec_driver_sql(f"{before}EXECUTE read_card_members (%s)", (numbers,))
    members = {number: _Member(cipher, tier) for number, cipher, tier in rows}
    return [_check(gathered, question, members.get(question.number)) for question in questions]


def _check(gathered: Gathered, question: CardQuestion, member: _Member | None) -> CardCheck | None:
    number, merchant, _ = question
    snapshot = gathered.snapshot
    card = snapshot.cards.get(number)
    if card is None or member is None:
        return None
    directory = snapshot.directory
    on = gathered.at.astimezone(directory.rulebook.settings.time_zone).date()
    wallet_lots = snapshot.lots.get(card.wallet_id, ())
    usable = [lot for lot in wallet_lots if usable_here(lot, directory, merchant.participant_id, on)]
    points = [lot for lot in usable if lot.asset is Asset.POINTS]
    order = directory.rulebook.settings.draw_order
    host = directory.participants[merchant.participant_id]
    tier = _tier(member.tier, directory.participants[card.issuer_id].tiers, host.tiers)
    benefits = directory.merchant(merchant.id).benefits
    return CardCheck(
        card=card,
        status=card.status
        if card.status is not CardStatus.ACTIVE or card.is_good(on)
        else CardStatus.EXPIRED,
        name_cipher=None if member.name_cipher is None else bytes(member.name_cipher),
        tier=tier,
        benefits=list(benefits.get(tier.here, ())) if tier.here else [],
        directory=directory,
        lots=in_draw_order(points, order, merchant.participant_id),
        held=sum(lot.held for lot in wallet_lots if lot.asset is Asset.POINTS),
        stored_value=_stored_value(usable, directory, merchant),
        fee_preview=_fee_of_all(gathered, question, sum(lot.available for lot in points)),
    )


def _tier(tier: str | None, home_tiers: Sequence[str], host_tiers: Sequence[str]) -> Tier:
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


def _fee_of_all(gathered: Gathered, question: CardQuestion, points: int) -> int:
    plan = plan_now(gathered.snapshot, _redemption(question, min(points, MAX_QUANTITY)), gathered.at)
    return 0 if isinstance(plan, Refusal) else sum(leg.fee.total for leg in plan.legs)


def _redemption(question: CardQuestion, points: int) -> Redemption:
    number, merchant, caller = question
    return Redemption(
        key=_NO_KEY, request_hash=_NO_KEY, caller=caller, card=number, merchant=merchant.code, points=points
    )
