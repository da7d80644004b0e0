"""The life of a dispute: every state with every act by everybody, and whose turn it is."""

from datetime import date, timedelta
from itertools import product

import pytest

from clearing.core.accounts import HUB
from clearing.core.journal import Leg, LegKind, Reason
from settlement.core.disputes import (
    Act,
    ActRefused,
    DisputeReason,
    DisputeStatus,
    Party,
    Standing,
    counterparty_of,
    first_status,
    last_day,
    party_of,
    standing,
    step,
    waits_for,
)

JADE, LOTUS, PINE = 1, 2, 3

# What an act leads to, by who does it: the opener, the counterparty, the operator. `-`: forbidden, `x`: the
# dispute is at its end, `w`: the counterparty has still time; else the first letter of the state.
LETTERS = {
    "n": DisputeStatus.NEEDS_RESPONSE,
    "o": DisputeStatus.OPEN,
    "a": DisputeStatus.ACCEPTED,
    "r": DisputeStatus.REJECTED,
    "v": DisputeStatus.WITHDRAWN,
    "-": ActRefused.FORBIDDEN,
    "x": ActRefused.DISPUTE_CLOSED,
    "w": ActRefused.RESPONSE_AWAITED,
}
TABLE = """
state           time     answer  accept  reject  withdraw
needs_response  runs     n o n   - a w   - r w   v - -
needs_response  is_over  n o o   - a a   - r r   v - -
open            is_over  o o o   - a a   - - r   v - -
accepted        is_over  x x x   - a a   - x x   x - -
rejected        is_over  x x x   - x x   - r r   x - -
withdrawn       is_over  x x x   - x x   - x x   v - -
"""
ROWS = [row.split() for row in TABLE.strip().splitlines()[1:]]
CASES = [
    (DisputeStatus(state), time == "runs", act, party, LETTERS[letter])
    for state, time, *letters in ROWS
    for (act, party), letter in zip(product(Act, Party), letters, strict=True)
]


@pytest.mark.parametrize(("status", "awaited", "act", "party", "expected"), CASES)
def test_each_act_in_each_state_by_each_party(
    status: DisputeStatus, awaited: bool, act: Act, party: Party, expected: DisputeStatus | ActRefused
) -> None:
    assert step(Standing(status, awaited), act, party) is expected


def test_the_table_leaves_nothing_out() -> None:
    assert {status for status, *_ in CASES} == set(DisputeStatus)
    assert {(act, party) for _, _, act, party, _ in CASES} == set(product(Act, Party))


def test_the_last_day_to_answer_is_the_counterparty_s_and_the_hub_waits_for_nobody() -> None:
    due, needs = date(2026, 12, 8), DisputeStatus.NEEDS_RESPONSE
    assert standing(needs, LOTUS, due, due).awaited
    assert not standing(needs, LOTUS, due, due + timedelta(days=1)).awaited
    assert not standing(needs, HUB, due, due).awaited
    assert standing(DisputeStatus.OPEN, LOTUS, due, due) == Standing(DisputeStatus.OPEN, awaited=False)


def test_days_are_counted_after_the_first() -> None:
    assert last_day(date(2026, 12, 1), 10) == date(2026, 12, 11)


def test_whose_turn_it_is() -> None:
    turns = {status: waits_for(status, LOTUS) for status in DisputeStatus}
    assert turns == {
        DisputeStatus.NEEDS_RESPONSE: LOTUS,
        DisputeStatus.OPEN: HUB,
        DisputeStatus.ACCEPTED: None,
        DisputeStatus.REJECTED: None,
        DisputeStatus.WITHDRAWN: None,
    }
    assert waits_for(DisputeStatus.NEEDS_RESPONSE, HUB) == HUB


def test_who_rejected_a_claim_is_not_asked_again() -> None:
    assert first_status(rejected_before=False) is DisputeStatus.NEEDS_RESPONSE
    assert first_status(rejected_before=True) is DisputeStatus.OPEN


def test_strangers_are_no_party() -> None:
    assert party_of(JADE, LOTUS, JADE) is Party.OPENER
    assert party_of(JADE, LOTUS, LOTUS) is Party.COUNTERPARTY
    assert party_of(JADE, LOTUS, HUB) is Party.OPERATOR
    assert party_of(JADE, HUB, HUB) is Party.OPERATOR
    assert party_of(JADE, HUB, LOTUS) is None
    assert party_of(JADE, LOTUS, PINE) is None


def leg(obligation: int) -> Leg:
    return Leg(202611, 1, 2, 1, LegKind.SPEND, JADE, LOTUS, 0, 500, obligation, 3, 0, None, Reason.EXCHANGE)


@pytest.mark.parametrize(
    ("obligation", "reason", "opener", "expected"),
    [
        (500, DisputeReason.DUPLICATE, JADE, LOTUS),
        (500, DisputeReason.OTHER, LOTUS, JADE),
        (-500, DisputeReason.NOT_OURS, LOTUS, JADE),
        (500, DisputeReason.WRONG_FEE, LOTUS, HUB),
        (0, DisputeReason.DUPLICATE, LOTUS, HUB),
    ],
)
def test_the_counterparty_is_whose_money_it_is(
    obligation: int, reason: DisputeReason, opener: int, expected: int
) -> None:
    assert counterparty_of(leg(obligation), reason, opener) == expected
