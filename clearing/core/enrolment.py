"""Enrolment: a participant makes a person its member, with a wallet and a card.

Nobody turns another participant's members into its own: a person whom another participant has enrolled,
known by the keyed hash of the phone, is refused.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from clearing.core.commands import Caller
from clearing.core.directory import Directory, Participant, Status
from clearing.core.outcomes import UNRECORDED, Code, Recorded, Refusal, Replayed
from clearing.core.replay import REUSED, is_same_request, recorded_for

CARD_NUMBER = re.compile(r"[A-Za-z0-9]{4,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """`phone_index` is the phone's keyed hash; `card` None lets a number be made.

    The keys and hashes are as for the ledger's commands.
    """

    key: str
    request_hash: str
    caller: Caller
    former_key: str | None = None
    former_hashes: Callable[[], Collection[str]] | None = None
    participant: str
    phone_index: bytes | None = None
    tier: str | None = None
    card: str | None = None
    card_expires_on: date | None = None


class Enrolled(NamedTuple):
    member_id: int
    wallet_id: int
    participant_id: int
    card: str
    tier: str | None
    card_expires_on: date | None


EnrolmentOutcome = Enrolled | Replayed | Refusal


@dataclass(frozen=True)
class EnrolmentSnapshot:
    """`phones`: the participant that enrolled the person of each phone hash; `cards`: numbers taken."""

    directory: Directory
    phones: Mapping[bytes, int] = field(default_factory=dict)
    cards: frozenset[str] = frozenset()
    recorded: Mapping[str, Recorded] = field(default_factory=dict)


@dataclass
class EnrolmentDecision:
    outcomes: list[EnrolmentOutcome] = field(default_factory=list)
    enrolled: list[tuple[Enrolment, Enrolled]] = field(default_factory=list)
    recorded: dict[str, Recorded] = field(default_factory=dict)


def decide_enrolments(
    snapshot: EnrolmentSnapshot,
    enrolments: Sequence[Enrolment],
    ids: Iterator[int],
    card_numbers: Iterator[str],
) -> EnrolmentDecision:
    """The outcome of each, in order. `card_numbers` gives unused random numbers where none is asked for."""
    decision = EnrolmentDecision()
    phones, cards = dict(snapshot.phones), set(snapshot.cards)
    for one in enrolments:
        recorded = recorded_for(one, lambda key: decision.recorded.get(key) or snapshot.recorded.get(key))
        outcome = _judge(snapshot, one, recorded, phones, cards, ids, card_numbers)
        if isinstance(outcome, Enrolled):
            decision.enrolled.append((one, outcome))
            decision.recorded[one.key] = Recorded(
                one.request_hash, outcome.wallet_id, member_id=outcome.member_id
            )
            cards.add(outcome.card)
            if one.phone_index is not None:
                phones[one.phone_index] = outcome.participant_id
        elif isinstance(outcome, Refusal) and outcome.code not in UNRECORDED:
            decision.recorded[one.key] = Recorded(one.request_hash, refusal=outcome)
        decision.outcomes.append(outcome)
    return decision


def phone_taken(participant: Participant, enrolled_by: int) -> Refusal:
    """Why the participant cannot have a member with a phone whose person `enrolled_by` has enrolled."""
    if enrolled_by != participant.id:
        return Refusal(
            Code.ENROLLED_ELSEWHERE,
            "Another participant has enrolled the person with this phone; its card is honoured here.",
            field="phone",
        )
    return Refusal(
        Code.ALREADY_EXISTS, f"{participant.code} has already enrolled the person with this phone.", "phone"
    )


def _judge(
    snapshot: EnrolmentSnapshot,
    one: Enrolment,
    recorded: Recorded | None,
    phones: Mapping[bytes, int],
    cards: set[str],
    ids: Iterator[int],
    card_numbers: Iterator[str],
) -> EnrolmentOutcome:
    participant = snapshot.directory.participant(one.participant)
    if participant is None:
        return Refusal(Code.MALFORMED, f"There is no participant {one.participant!r}.", field="participant")
    if one.card is not None and not CARD_NUMBER.fullmatch(one.card):
        return Refusal(Code.MALFORMED, "A card number is 4 to 32 letters and digits.", field="card")
    if not one.caller.may_issue_for(participant.id):
        return Refusal(Code.FORBIDDEN, f"This key may not enrol members of {one.participant}.", "participant")
    if recorded:
        if not is_same_request(one, recorded):
            return REUSED
        return Replayed(recorded)
    if participant.status is Status.SUSPENDED:
        return Refusal(Code.PARTICIPANT_SUSPENDED, f"{participant.code} is suspended and enrols nobody.")
    enrolled_by = phones.get(one.phone_index) if one.phone_index is not None else None
    if enrolled_by is not None:
        return phone_taken(participant, enrolled_by)
    if one.card is not None and one.card in cards:
        return Refusal(Code.ALREADY_EXISTS, f"Card number {one.card} is already issued.", field="card")
    card = one.card or next(number for number in card_numbers if number not in cards)
    return Enrolled(next(ids), next(ids), participant.id, card, one.tier, one.card_expires_on)
