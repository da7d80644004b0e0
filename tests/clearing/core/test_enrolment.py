"""Enrolment: nobody turns another participant's members into its own."""

from datetime import date
from itertools import count
from typing import Any

import pytest

from clearing.core.commands import Caller, Scope
from clearing.core.enrolment import (
    Enrolled,
    Enrolment,
    EnrolmentDecision,
    EnrolmentSnapshot,
    decide_enrolments,
)
from clearing.core.outcomes import UNRECORDED, Recorded, Refusal, Replayed
from support.core import OPERATOR, alliance

WANG, LI = b"wang", b"li"
LOTUS_KEY = Caller("key_lotus", Scope.PARTICIPANT, participant_id=2)


def _enrol(participant: str = "JADE", phone: bytes | None = LI, key: str = "k", **common: Any) -> Enrolment:
    given = {"caller": OPERATOR, "request_hash": f"{participant} {phone!r} {common}"} | common
    return Enrolment(key=key, participant=participant, phone_index=phone, **given)


def _decide(*enrolments: Enrolment, recorded: dict[str, Recorded] | None = None) -> EnrolmentDecision:
    """Given: JADE has enrolled Wang with card J001; LOTUS; PINE is suspended."""
    snapshot = EnrolmentSnapshot(
        alliance("JADE", "LOTUS", "PINE suspended"), {WANG: 1}, frozenset({"J001"}), recorded or {}
    )
    numbers = (number for number in ("J001", "N001", "N002", "N003"))
    return decide_enrolments(snapshot, enrolments, count(1000), numbers)


REFUSED = [
    # in order of precedence: enrolment, code
    (_enrol("NOBODY", caller=LOTUS_KEY), "malformed"),
    (_enrol(card="J 1", caller=LOTUS_KEY), "malformed"),
    (_enrol(card="卡0001"), "malformed"),
    (_enrol(card="J001\n"), "malformed"),
    (_enrol("PINE", WANG, caller=LOTUS_KEY), "forbidden"),
    (_enrol(key="used"), "idempotency_key_reused"),
    (_enrol("PINE", WANG, key="used"), "idempotency_key_reused"),
    (_enrol("PINE", WANG, card="J001"), "participant_suspended"),
    (_enrol("LOTUS", WANG, card="J001"), "enrolled_elsewhere"),
    (_enrol("JADE", WANG), "already_exists"),
    (_enrol(card="J001"), "already_exists"),
]


@pytest.mark.parametrize(("enrolment", "code"), REFUSED)
def test_of_several_faults_the_earlier_code_is_given(enrolment: Enrolment, code: str) -> None:
    used = {"used": Recorded("another request", 1, 900)}
    decision = _decide(enrolment, recorded=used)
    [refusal] = decision.outcomes
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    recorded = (
        {"k": Recorded(enrolment.request_hash, refusal=refusal)} if refusal.code not in UNRECORDED else {}
    )
    assert decision == EnrolmentDecision(outcomes=[refusal], recorded=recorded)


REUSED = "This idempotency key was used for another request. Send the first request again, or use a new key."
SAID = [
    # enrolment, field, what the desk reads
    (_enrol("NOBODY"), "participant", "There is no participant 'NOBODY'."),
    (_enrol(card="J 1"), "card", "A card number is 4 to 32 letters and digits."),
    (_enrol(caller=LOTUS_KEY), "participant", "This key may not enrol members of JADE."),
    (_enrol(key="used"), None, REUSED),
    (_enrol("PINE"), None, "PINE is suspended and enrols nobody."),
    (
        _enrol("LOTUS", WANG),
        "phone",
        "Another participant has enrolled the person with this phone; its card is honoured here.",
    ),
    (_enrol("JADE", WANG), "phone", "JADE has already enrolled the person with this phone."),
    (_enrol(card="J001"), "card", "Card number J001 is already issued."),
]


@pytest.mark.parametrize(("enrolment", "field", "detail"), SAID)
def test_a_refusal_names_what_is_at_fault_and_says_why(
    enrolment: Enrolment, field: str | None, detail: str
) -> None:
    [refusal] = _decide(enrolment, recorded={"used": Recorded("another request", 1, 900)}).outcomes
    assert isinstance(refusal, Refusal)
    assert (refusal.field, refusal.detail) == (field, detail)


def test_a_participant_enrols_its_own_members() -> None:
    [enrolled] = _decide(_enrol("LOTUS", caller=LOTUS_KEY)).outcomes
    assert isinstance(enrolled, Enrolled)
    assert enrolled.participant_id == 2


def test_a_card_may_have_a_last_day() -> None:
    last_day = date(2027, 12, 31)
    decision = _decide(_enrol(card="J002", card_expires_on=last_day))
    assert decision.outcomes == [Enrolled(1000, 1001, 1, "J002", None, last_day)]


def test_a_person_gets_a_member_a_wallet_and_the_card_asked_for() -> None:
    decision = _decide(_enrol(card="J002", tier="gold"))
    enrolled = Enrolled(1000, 1001, 1, "J002", "gold", None)
    assert decision.outcomes == [enrolled]
    assert decision.recorded["k"].wallet_id == 1001


def test_without_a_card_number_the_first_free_one_is_given() -> None:
    decision = _decide(_enrol(), _enrol(phone=None, key="k2"))
    assert [one.card for _, one in decision.enrolled] == ["N001", "N002"]


def test_within_one_batch_a_person_is_enrolled_once_and_a_number_issued_once() -> None:
    first, *rest = _decide(
        _enrol(card="J002"),
        _enrol("LOTUS", LI, key="k2"),
        _enrol("JADE", LI, key="k3"),
        _enrol("LOTUS", b"zhao", key="k4", card="J002"),
    ).outcomes
    assert isinstance(first, Enrolled)
    codes = [outcome.code.value for outcome in rest if isinstance(outcome, Refusal)]
    assert codes == ["enrolled_elsewhere", "already_exists", "already_exists"]


def test_people_without_a_phone_are_never_the_same_person() -> None:
    decision = _decide(_enrol("JADE", None), _enrol("LOTUS", None, key="k2"))
    assert len(decision.enrolled) == 2


def test_sent_again_an_enrolment_gives_its_first_outcome() -> None:
    decision = _decide(_enrol(), _enrol())
    assert decision.outcomes[1] == Replayed(decision.recorded["k"])
    assert len(decision.enrolled) == 1


def test_a_malformed_enrolment_does_not_take_the_outcome_from_a_key_that_has_one() -> None:
    decision = _decide(_enrol(), _enrol("NOBODY"), _enrol())
    assert decision.recorded["k"].member_id == 1000
    assert isinstance(decision.outcomes[2], Replayed)


def test_nor_from_one_of_an_earlier_batch() -> None:
    first = Recorded("another request", 1, 900)
    assert _decide(_enrol("NOBODY"), recorded={"k": first}).recorded == {}
