"""What the nets of a period become if one participant is left out: the view before a default. Pure.

Every exchange and adjustment with it is taken out of both sides, and the fees on them too; the volumes of
fee rules become smaller, and rebates are computed anew. What others carried forward stays.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from clearing.core.rulebook import FeeRule
from settlement.core.netting import Netting, Positions, net
from settlement.core.rebates import RebateKey, RebateRow, Volumes, rebates


class Changed(NamedTuple):
    """One participant's net with everybody, and without the one left out."""

    participant_id: int
    net: int
    without: int

    @property
    def difference(self) -> int:
        return self.without - self.net


class Without(NamedTuple):
    """`changed`: every other participant, in the order of ids; `netting` is the one without it."""

    changed: tuple[Changed, ...]
    netting: Netting


class Business(NamedTuple):
    """What rebates are computed from (`settlement.core.rebates.rebates`)."""

    period: int
    volumes: Volumes
    rules: Mapping[int, FeeRule]
    given: Mapping[RebateKey, int] = MappingProxyType({})


def without(left_out: int, whole: Netting, positions: Positions, business: Business) -> Without:
    """`whole` was netted from these positions and volumes."""
    kept = {line.participant_id: line for line in whole.lines if line.participant_id != left_out}
    period, volumes, rules, given = business
    staying = {key: one for key, one in volumes.items() if left_out not in (key.issuer_id, key.acceptor_id)}
    remaining = net(
        kept,
        {key: total for key, total in positions.items() if left_out not in (key.issuer_id, key.acceptor_id)},
        [
            *rebates({key: one for key, one in staying.items() if key.of_period == period}, rules, period),
            # Months that are over were settled with everybody in them; so they stay.
            *(row for row in rebates(volumes, rules, period, given) if _stays(row, period, left_out)),
        ],
        {line.participant_id: line.carried_forward for line in kept.values() if line.carried_forward},
    )
    changed = [
        Changed(line.participant_id, kept[line.participant_id].net, line.net) for line in remaining.lines
    ]
    return Without(tuple(changed), remaining)


def _stays(row: RebateRow, period: int, left_out: int) -> bool:
    return row.of_period != period and row.payer_id != left_out
