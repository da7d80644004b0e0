"""The life of a dispute: who may do what in which state, what follows, and by which day.

A dispute is one participant's claim that a line of its statement, or a part of it, should not stand. Who has
to answer is the counterparty; the operator decides where the two do not agree.
"""

from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from clearing.core.accounts import HUB
from clearing.core.journal import Leg


class DisputeReason(StrEnum):
    """What is wrong with the line, in the eyes of who disputes it."""

    DUPLICATE = "duplicate"
    WRONG_AMOUNT = "wrong_amount"
    NOT_OURS = "not_ours"
    WRONG_FEE = "wrong_fee"
    OTHER = "other"


class DisputeStatus(StrEnum):
    """`needs_response`: the counterparty has to answer. `open`: it has, and the operator decides."""

    NEEDS_RESPONSE = "needs_response"
    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


#: The states in which something is still to happen.
PENDING = frozenset({DisputeStatus.NEEDS_RESPONSE, DisputeStatus.OPEN})


class Act(StrEnum):
    ANSWER = "answer"
    ACCEPT = "accept"
    REJECT = "reject"
    WITHDRAW = "withdraw"


class Party(StrEnum):
    OPENER = "opener"
    COUNTERPARTY = "counterparty"
    OPERATOR = "operator"


class ActRefused(StrEnum):
    """Why an act is not carried out, in the order of precedence."""

    FORBIDDEN = "forbidden"
    DISPUTE_CLOSED = "dispute_closed"
    RESPONSE_AWAITED = "response_awaited"


#: To which state each act leads that ends a dispute.
ENDS = {
    Act.ACCEPT: DisputeStatus.ACCEPTED,
    Act.REJECT: DisputeStatus.REJECTED,
    Act.WITHDRAW: DisputeStatus.WITHDRAWN,
}

_MAY = {
    Act.ANSWER: frozenset(Party),
    Act.ACCEPT: frozenset({Party.COUNTERPARTY, Party.OPERATOR}),
    Act.REJECT: frozenset({Party.COUNTERPARTY, Party.OPERATOR}),
    Act.WITHDRAW: frozenset({Party.OPENER}),
}


class Standing(NamedTuple):
    """What a dispute's next step depends on. `awaited`: the counterparty still has time to answer."""

    status: DisputeStatus
    awaited: bool


def step(standing: Standing, act: Act, party: Party) -> DisputeStatus | ActRefused:
    """The state after the act, or why there is none.

    An act that led to the present state may be repeated and changes nothing. The counterparty rejects as
    its answer; once it has answered in words it may still give in, but the operator decides.
    """
    status, awaited = standing
    if party not in _MAY[act]:
        return ActRefused.FORBIDDEN
    if status not in PENDING:
        return status if ENDS.get(act) is status else ActRefused.DISPUTE_CLOSED
    if act is Act.ANSWER:
        return _answered(standing, party)
    if party is Party.OPERATOR and awaited:
        return ActRefused.RESPONSE_AWAITED
    if act is Act.REJECT and party is Party.COUNTERPARTY and status is DisputeStatus.OPEN:
        return ActRefused.FORBIDDEN
    return ENDS[act]


def _answered(standing: Standing, party: Party) -> DisputeStatus:
    """The counterparty's word is the answer; the operator takes the matter up once its time is over."""
    if party is Party.COUNTERPARTY or (party is Party.OPERATOR and not standing.awaited):
        return DisputeStatus.OPEN
    return standing.status


def standing(status: DisputeStatus, counterparty_id: int, due_on: date, today: date) -> Standing:
    """`due_on` is the last day of the time to answer. The hub, as counterparty, waits for nobody."""
    awaited = status is DisputeStatus.NEEDS_RESPONSE and counterparty_id != HUB and today <= due_on
    return Standing(status, awaited)


def party_of(opener_id: int, counterparty_id: int, who: int) -> Party | None:
    """What `who` (a participant, or the hub) is to the dispute; None for a stranger."""
    if who == HUB:
        return Party.OPERATOR
    if who == opener_id:
        return Party.OPENER
    return Party.COUNTERPARTY if who == counterparty_id else None


def waits_for(status: DisputeStatus, counterparty_id: int) -> int | None:
    """Whose turn it is: a participant's, the hub's, or nobody's any more."""
    match status:
        case DisputeStatus.NEEDS_RESPONSE:
            return counterparty_id
        case DisputeStatus.OPEN:
            return HUB
        case _:
            return None


def first_status(rejected_before: bool) -> DisputeStatus:
    """Who has rejected the same claim before need not be asked again: the operator decides."""
    return DisputeStatus.OPEN if rejected_before else DisputeStatus.NEEDS_RESPONSE


def counterparty_of(leg: Leg, reason: DisputeReason, opener_id: int) -> int:
    """Whose money the claim is about: the other end of the obligation or, where only a fee is, the hub."""
    if reason is DisputeReason.WRONG_FEE or not leg.obligation:
        return HUB
    return leg.acceptor_id if leg.issuer_id == opener_id else leg.issuer_id


def last_day(first: date, days: int) -> date:
    """Of a time of so many days after that day."""
    return first + timedelta(days=days)
