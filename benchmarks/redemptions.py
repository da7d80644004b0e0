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


def errands(alliance: Alliance, count: int, seed: int) -> list[Errand]:
    """Raises ValueError if there are fewer members than errands."""
    random_ = random.Random(SEED + seed)
    made = []
    for member in random_.sample(range(len(alliance.members)), count):
        home = alliance.members[member].participant_id
        merchant = random_.choice(alliance.merchants)
        while merchant.participant_id == home:
            merchant = random_.choice(alliance.merchants)
        key = str(uuid.UUID(int=random_.getrandbits(128), version=4))
        made.append(Errand(key, member, merchant, random_.randint(POINTS_MIN, POINTS_MAX)))
    return made


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


def check_books(engine: Engine, redemptions: int) -> None:
    """So many were booked since the lots were put back, with four entries each."""
    with engine.connect() as connection:
        transactions = connection.execute(text("SELECT count(*) FROM transactions")).scalar_one()
        entries = connection.execute(text("SELECT count(*) FROM entries")).scalar_one()
    assert (transactions, entries) == (redemptions, 4 * redemptions), (transactions, entries, redemptions)
