"""What happened in the sample alliance: last month and this one until now, told in the order of time.

The same random numbers and the same `now` give the same commands, so a load that was cut off can be
repeated and posts nothing twice. The simulation knows what everybody holds, so nothing is refused.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from api.sample.members import MADE_BY, MERCHANTS, PARTICIPANTS, VISITOR, Person
from clearing.core.accounts import Asset
from clearing.core.amounts import multiply_down
from clearing.core.calendar import Period, add_months, end_of_month, month_of
from clearing.core.commands import Accrual, Caller, Command, Load, Opening, Redemption, Scope, Spend
from clearing.idempotency import key_hash, request_hash

CALLER = Caller(MADE_BY, Scope.OPERATOR)
ACTS_PER_MONTH = 320
SHARED_VALUE_ISSUER = "JADE"  # the only one whose stored value is enabled across the alliance

YUAN = 100
BILLS_YUAN = {"hotel": (280, 2600), "shop": (20, 700)}
POINTS_LEAST = 200
VALUE_LEAST = 50 * YUAN

_EARN_RATES: dict[str, Decimal] = {one["code"]: one["earn_rate"] for one in PARTICIPANTS}
_CATEGORIES = {code: category for outlets in MERCHANTS.values() for code, _, category in outlets}


class History(NamedTuple):
    """`last_month` is to be closed after its commands are posted."""

    last_month: Period
    openings: list[Command]
    in_last_month: list[Command]
    in_this_month: list[Command]


def history(random: Random, people: Sequence[Person], now: datetime, zone: ZoneInfo) -> History:
    this_month = month_of(now, zone)
    last_month = month_of(this_month.starts_at - timedelta(days=1), zone)
    story = _Story(random, people)
    openings = list(story.openings(last_month.starts_at))
    in_last_month = list(story.acts(_moments(random, last_month, zone, last_month.ends_at)))
    in_this_month = list(story.acts(_moments(random, this_month, zone, now)))
    return History(last_month, openings, in_last_month, in_this_month)


def _moments(random: Random, period: Period, zone: ZoneInfo, until: datetime) -> list[datetime]:
    """Opening hours of the month's days, those before `until`."""
    first = period.starts_at.astimezone(zone)
    days = (period.ends_at.astimezone(zone).date() - first.date()).days
    found = [
        datetime(first.year, first.month, random.randint(1, days), random.randint(8, 21), tzinfo=zone)
        + timedelta(seconds=random.randrange(3600))
        for _ in range(ACTS_PER_MONTH)
    ]
    return sorted(moment for moment in found if moment < until)


@dataclass
class _Holdings:
    """What one person has: points of all issuers, and fen of stored value by issuer."""

    points: int = 0
    value: dict[str, int] = field(default_factory=dict)

    def value_at(self, acceptor: str) -> int:
        return sum(self.value.get(issuer, 0) for issuer in {acceptor, SHARED_VALUE_ISSUER})

    def spend(self, acceptor: str, amount: int) -> None:
        """The acceptor's own first, then what the alliance shares."""
        for issuer in (acceptor, SHARED_VALUE_ISSUER):
            taken = min(amount, self.value.get(issuer, 0))
            if taken:
                self.value[issuer] -= taken
                amount -= taken


class _Story:
    def __init__(self, random: Random, people: Sequence[Person]) -> None:
        self._random = random
        self._people = people
        self._holdings = {person.card: _Holdings() for person in people}
        self._count = 0

    def openings(self, at: datetime) -> Iterator[Command]:
        """What everybody brings into the alliance. The visitor's are those of the worked example."""
        ends = [end_of_month(add_months(at.date(), months)) for months in range(4, 20)]
        yield self._opens(VISITOR, "JADE", Asset.POINTS, 3000, at, ends[0])
        yield self._opens(VISITOR, "JADE", Asset.POINTS, 2000, at, ends[5])
        yield self._opens(VISITOR, "LOTUS", Asset.POINTS, 1500, at, ends[2])
        yield self._opens(VISITOR, "JADE", Asset.STORED_VALUE, 500 * YUAN, at)
        for person in self._others():
            points = self._random.randrange(300, 12_000)
            yield self._opens(person, person.participant, Asset.POINTS, points, at, self._random.choice(ends))
            if self._random.random() < 0.4:
                amount = self._random.choice((200, 500, 1000, 3000)) * YUAN
                yield self._opens(person, person.participant, Asset.STORED_VALUE, amount, at)

    def acts(self, moments: Sequence[datetime]) -> Iterator[Command]:
        kinds: Sequence[Callable[[Person, str, str, datetime], Command | None]]
        kinds = (self._accrual, self._redemption, self._spend, self._load)
        for at in moments:
            person = self._random.choice(self._others())
            visits = self._random.random() < 0.4
            places = [
                (code, merchant)
                for code, outlets in MERCHANTS.items()
                for merchant, _, _ in outlets
                if (code != person.participant) == visits
            ]
            kind = self._random.choices(kinds, weights=(55, 25, 12, 8))[0]
            code, merchant = self._random.choice(places)
            # Who has nothing to redeem or to spend pays cash.
            yield kind(person, code, merchant, at) or self._accrual(person, code, merchant, at)

    def _others(self) -> Sequence[Person]:
        """All but the visitor, whose card keeps what the greeting promises."""
        return self._people[1:]

    def _accrual(self, person: Person, code: str, merchant: str, at: datetime) -> Command:
        yuan = self._random.randrange(*BILLS_YUAN[_CATEGORIES[merchant]])
        self._holdings[person.card].points += multiply_down(yuan, _EARN_RATES[code])
        return self._at(Accrual, person, merchant, at, amount=yuan * YUAN)

    def _redemption(self, person: Person, code: str, merchant: str, at: datetime) -> Command | None:
        holdings = self._holdings[person.card]
        if holdings.points < POINTS_LEAST:
            return None
        points = self._random.randint(1, min(holdings.points, 4000) // 100) * 100
        holdings.points -= points
        purpose = self._random.choice(("room", "meal", "gift"))
        return self._at(Redemption, person, merchant, at, points=points, purpose=purpose)

    def _spend(self, person: Person, code: str, merchant: str, at: datetime) -> Command | None:
        holdings = self._holdings[person.card]
        if holdings.value_at(code) < VALUE_LEAST:
            return None
        amount = self._random.randint(VALUE_LEAST, min(holdings.value_at(code), 900 * YUAN))
        holdings.spend(code, amount)
        return self._at(Spend, person, merchant, at, amount=amount)

    def _load(self, person: Person, code: str, merchant: str, at: datetime) -> Command | None:
        """One's own group's stored value; at a foreign desk only where it is enabled."""
        issuer = person.participant
        if issuer not in (code, SHARED_VALUE_ISSUER):
            return None
        amount = self._random.choice((200, 500, 1000, 2000)) * YUAN
        value = self._holdings[person.card].value
        value[issuer] = value.get(issuer, 0) + amount
        return self._at(Load, person, merchant, at, amount=amount, issuer=issuer)

    def _opens(
        self,
        person: Person,
        issuer: str,
        asset: Asset,
        quantity: int,
        at: datetime,
        expires_on: date | None = None,
    ) -> Command:
        holdings = self._holdings[person.card]
        if asset is Asset.POINTS:
            holdings.points += quantity
        else:
            holdings.value[issuer] = holdings.value.get(issuer, 0) + quantity
        fields = {"issuer": issuer, "asset": asset, "quantity": quantity, "expires_on": expires_on}
        return self._command(Opening, person, at, fields)

    def _at(self, kind: type[Command], person: Person, merchant: str, at: datetime, **fields: Any) -> Command:
        reference = f"{at:%y%m%d}-{self._count + 1:04d}"
        return self._command(kind, person, at, {"merchant": merchant, "reference": reference, **fields})

    def _command(self, kind: type[Command], person: Person, at: datetime, fields: dict[str, Any]) -> Command:
        self._count += 1
        fields = {"card": person.card, "occurred_at": at, **fields}
        return kind(
            key=key_hash(MADE_BY, str(self._count)),
            request_hash=request_hash(kind.__name__, fields),
            caller=CALLER,
            historical=True,
            **fields,
        )
