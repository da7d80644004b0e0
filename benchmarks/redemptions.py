"""The work: redemptions of random members at random merchants of other participants.

No member comes twice in one measurement, so each redemption finds a full first lot and draws on two.
"""

import random
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Engine, text

from benchmarks.alliance import SEED, Alliance, Merchant
from clearing.core.commands import Caller, Redemption, Scope
from clearing.core.outcomes import Outcome, Posted

POINTS_MIN, POINTS_MAX = 100, 1_000
OPERATOR = Caller("benchmarks", Scope.OPERATOR)


class Errand(NamedTuple):
    """One redemption to be made: by which member (index), where, of how many points."""

    key: str
    member: int
    merchant: Merchant
    points: int


def errands(
    alliance: Alliance,
    count: int,
    seed: int,
    *,
    merchants: Sequence[Merchant] | None = None,
    issuer_id: int | None = None,
) -> list[Errand]:
    """At these merchants, if not at all. `issuer_id`: whose points every member has, if not of its home's.

    Raises ValueError if there are fewer members than errands.
    """
    random_ = random.Random(SEED + seed)
    merchants = merchants or alliance.merchants
    homes = [issuer_id or member.participant_id for member in alliance.members]
    guests = [
        member for member, home in enumerate(homes) if any(home != one.participant_id for one in merchants)
    ]
    return [_errand(random_, member, homes[member], merchants) for member in random_.sample(guests, count)]


def errands_of_many(alliance: Alliance, count: int, seed: int) -> list[Errand]:
    """Any number: every member comes once before one comes again, and then draws on one lot."""
    made: list[Errand] = []
    while len(made) < count:
        size = min(count - len(made), len(alliance.members))
        made += errands(alliance, size, seed + len(made))
    return made


def errands_of_one(alliance: Alliance, count: int, seed: int) -> list[Errand]:
    """All of the same member: after the first, each draws on one lot."""
    random_ = random.Random(SEED + seed)
    member = random_.randrange(len(alliance.members))
    home = alliance.members[member].participant_id
    return [_errand(random_, member, home, alliance.merchants) for _ in range(count)]


def _errand(random_: random.Random, member: int, home: int, merchants: Sequence[Merchant]) -> Errand:
    merchant = random_.choice(merchants)
    while merchant.participant_id == home:
        merchant = random_.choice(merchants)
    key = str(uuid.UUID(int=random_.getrandbits(128), version=4))
    return Errand(key, member, merchant, random_.randint(POINTS_MIN, POINTS_MAX))


def command(alliance: Alliance, errand: Errand) -> Redemption:
    return Redemption(
        key=errand.key,
        request_hash=errand.key,
        caller=OPERATOR,
        card=alliance.members[errand.member].card,
        merchant=errand.merchant.code,
        points=errand.points,
    )


def check(outcomes: Sequence[Outcome]) -> None:
    """Every one must be the unit of work: posted, crossing, from two lots."""
    for outcome in outcomes:
        assert isinstance(outcome, Posted), outcome
        assert len(outcome.booking.movements) == 2, outcome
        assert [leg.cross_system for leg in outcome.booking.legs] == [True], outcome


def check_books(engine: Engine, redemptions: int, entries_expected: int | None = None) -> None:
    """So many were booked since the lots were put back, with four entries each unless told otherwise."""
    with engine.connect() as connection:
        transactions = connection.execute(text("SELECT count(*) FROM transactions")).scalar_one()
        entries = connection.execute(text("SELECT count(*) FROM entries")).scalar_one()
    expected = (redemptions, 4 * redemptions if entries_expected is None else entries_expected)
    assert (transactions, entries) == expected, (transactions, entries, expected)
