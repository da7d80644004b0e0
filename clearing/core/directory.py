"""Who takes part: participants, their merchants, and the rulebook in force, as one versioned value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from clearing.core.calendar import ExpiryPolicy
from clearing.core.rulebook import Rulebook


class Status(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Participant(NamedTuple):
    """`earn_rate`: points per yuan of cash consumption.

    `stored_value_enabled`: its stored value may be used and sold at other participants.
    `conversion_ratio`: alliance points for one point of its older programme.
    `net_debit_cap`: fen that it may owe on balance in what is not closed yet; None does not limit.
    `told_of_postings`: it has subscribed to an event for each transaction it is a party to.
    `tiers`: the names of its tiers, the lowest first.
    """

    id: int
    code: str
    name: str
    status: Status = Status.ACTIVE
    earn_rate: Decimal = Decimal(1)
    expiry: ExpiryPolicy = ExpiryPolicy()
    stored_value_enabled: bool = False
    net_debit_cap: int | None = None
    conversion_ratio: Decimal = Decimal(1)
    told_of_postings: bool = False
    tiers: Sequence[str] = ()


class Merchant(NamedTuple):
    """`benefits`: what it gives, by tier of its participant."""

    id: int
    code: str
    name: str
    participant_id: int
    status: Status = Status.ACTIVE
    benefits: Mapping[str, Sequence[str]] = MappingProxyType({})


@dataclass(frozen=True)
class Directory:
    """Participants by id, merchants by code, and the rulebook. `version` grows with any change."""

    version: int
    participants: Mapping[int, Participant]
    merchants: Mapping[str, Merchant]
    rulebook: Rulebook

    def participant(self, code: str) -> Participant | None:
        return self._by_code.get(code)

    def merchant(self, merchant_id: int) -> Merchant:
        """The merchant with this id, which must exist."""
        return self._merchants_by_id[merchant_id]

    @cached_property
    def _by_code(self) -> dict[str, Participant]:
        return {participant.code: participant for participant in self.participants.values()}

    @cached_property
    def _merchants_by_id(self) -> dict[int, Merchant]:
        return {merchant.id: merchant for merchant in self.merchants.values()}

    @cached_property
    def capped(self) -> frozenset[int]:
        """The participants whose net debit is limited."""
        return frozenset(one.id for one in self.participants.values() if one.net_debit_cap is not None)

    def cap(self, participant_id: int) -> int:
        """The limit of a participant that has one."""
        limit = self.participants[participant_id].net_debit_cap
        assert limit is not None, "this participant has no cap"
        return limit

    @cached_property
    def suspended(self) -> frozenset[int]:
        """The participants who take part in no exchange."""
        return frozenset(one.id for one in self.participants.values() if one.status is Status.SUSPENDED)

    @cached_property
    def told_of_postings(self) -> frozenset[int]:
        """The participants who are told of each transaction they are a party to; mostly none."""
        return frozenset(one.id for one in self.participants.values() if one.told_of_postings)
