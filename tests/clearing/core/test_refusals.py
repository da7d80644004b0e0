"""Refusals in order of precedence: of two faults at once, the earlier code is the answer.

Given a command that would be booked, each fault spoils one thing about it or around it. Every pair of
faults that one command can have is a case.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any, NamedTuple

import pytest

from clearing.core.amounts import MAX_QUANTITY
from clearing.core.batch import Decision
from clearing.core.commands import Caller, Command, Scope
from clearing.core.journal import TransactionKind
from clearing.core.outcomes import UNRECORDED, Code, Posted, Recorded, Refusal, Replayed
from clearing.core.snapshot import ReferenceKey
from support.core import (
    CARD,
    NOW,
    OPERATOR,
    Books,
    accrue,
    alliance,
    fen,
    load,
    open_balance,
    redeem,
    spend,
    yuan,
)

TOO_MUCH = yuan(MAX_QUANTITY + 1)
AUDITOR = Caller("key_auditor", Scope.AUDITOR)


@dataclass(frozen=True)
class Case:
    """Wang presents a JADE card at PINE, or a JADE balance is opened: booked unless something is spoilt."""

    kind: str
    issuer: str = "JADE"
    caller: Caller = OPERATOR
    key_used: bool = False
    merchant: str = "PINE-1"
    jade: str = ""
    enabled: bool = True
    card: str = CARD
    card_is: str = ""
    amount: str = "¥5.00"
    occurred_at: datetime | None = None
    reference_taken: bool = False
    lots: tuple[str, ...] = ("JADE 1000 pts never", "JADE ¥10.00 never")
    closed: bool = False

    def command(self) -> Command:
        common: dict[str, Any] = {
            "key": "k",
            "caller": self.caller,
            "card": self.card,
            "occurred_at": self.occurred_at,
            "historical": self.closed,
            "reference": "POS-1",
        }
        match self.kind:
            case "accrual":
                return accrue(self.amount, self.merchant, **common)
            case "redemption":
                return redeem(fen(self.amount), self.merchant, **common)
            case "load":
                return load(self.amount, self.merchant, self.issuer, **common)
            case "spend":
                return spend(self.amount, self.merchant, **common)
        return open_balance(f"{self.issuer} {self.amount} never", **common)

    def books(self) -> Books:
        jade = f"JADE {self.jade} {'enabled' if self.enabled else ''}"
        books = Books(
            alliance(jade, "LOTUS", "PINE", merchants=["PINE-2 suspended"]),
            [f"{CARD} Wang JADE {self.card_is}"],
            {"Wang": self.lots},
        )
        if self.key_used:
            books.recorded["k"] = Recorded("another request", 1, 900)
        if self.reference_taken:
            kind = TransactionKind[self.kind.upper()]
            books.references |= {
                ReferenceKey(found.id, kind, "POS-1") for found in books.directory.merchants.values()
            }
        if self.closed:
            # By a server whose clock runs ahead of ours, so that a command can also be in the future.
            books.close(202611, at=NOW + timedelta(hours=1))
        return books


class Fault(NamedTuple):
    code: Code
    kinds: str
    spoils: dict[str, Any]


ALL = "accrual redemption load spend opening"
AT_MERCHANT = "accrual redemption load spend"
FAULTS = [  # in order of precedence
    Fault(Code.MALFORMED, "load opening", {"issuer": "NOBODY"}),
    Fault(Code.FORBIDDEN, ALL, {"caller": AUDITOR}),
    Fault(Code.IDEMPOTENCY_KEY_REUSED, ALL, {"key_used": True}),
    Fault(Code.MERCHANT_UNKNOWN, AT_MERCHANT, {"merchant": "PINE-9"}),
    Fault(Code.MERCHANT_SUSPENDED, AT_MERCHANT, {"merchant": "PINE-2"}),
    Fault(Code.PARTICIPANT_SUSPENDED, AT_MERCHANT, {"jade": "suspended"}),
    Fault(Code.CARD_UNKNOWN, ALL, {"card": "J-9"}),
    Fault(Code.CARD_BLOCKED, ALL, {"card_is": "blocked"}),
    Fault(Code.CARD_EXPIRED, ALL, {"card_is": "expired"}),
    Fault(Code.CARD_EXPIRED, ALL, {"card_is": "until=2026-11-14"}),
    Fault(Code.NOT_ENABLED, "load spend", {"enabled": False}),
    Fault(Code.AMOUNT_INVALID, ALL, {"amount": "¥0.00"}),
    Fault(Code.AMOUNT_INVALID, ALL, {"amount": "¥-0.01"}),
    Fault(Code.AMOUNT_INVALID, ALL, {"amount": TOO_MUCH}),
    Fault(Code.OCCURRED_IN_FUTURE, ALL, {"occurred_at": NOW + timedelta(minutes=3)}),
    Fault(Code.DUPLICATE_REFERENCE, AT_MERCHANT, {"reference_taken": True}),
    Fault(Code.INSUFFICIENT_POINTS, "redemption", {"lots": ("JADE 499 pts never", "JADE ¥10.00 never")}),
    Fault(Code.INSUFFICIENT_VALUE, "spend", {"lots": ("JADE 1000 pts never", "JADE ¥4.99 never")}),
    Fault(Code.PERIOD_CLOSED, ALL, {"closed": True}),
]

CANNOT_MEET = {
    # A merchant that nobody knows has no references.
    (Code.MERCHANT_UNKNOWN, Code.DUPLICATE_REFERENCE): ALL,
    # A card that nobody issued has no issuer, wallet or lots; only a load names an issuer besides.
    (Code.PARTICIPANT_SUSPENDED, Code.CARD_UNKNOWN): "accrual redemption spend",
    (Code.CARD_UNKNOWN, Code.NOT_ENABLED): "spend",
    (Code.CARD_UNKNOWN, Code.INSUFFICIENT_POINTS): ALL,
    (Code.CARD_UNKNOWN, Code.INSUFFICIENT_VALUE): ALL,
    # A participant that nobody knows cannot be enabled.
    (Code.MALFORMED, Code.NOT_ENABLED): ALL,
    # Permission is what is missing only where it would suffice.
    (Code.NOT_ENABLED, Code.INSUFFICIENT_VALUE): "spend",
}


def _can_meet(kind: str, first: Fault, second: Fault) -> bool:
    if first.code is second.code or first.spoils.keys() & second.spoils.keys() - {"card"}:
        return False
    if first.code is Code.CARD_UNKNOWN and "card_is" in second.spoils:
        return False
    if second.spoils.get("amount") == TOO_MUCH and (first.code, kind) == (Code.NOT_ENABLED, "spend"):
        return False
    if first.code is Code.AMOUNT_INVALID and "lots" in second.spoils:
        return bool(first.spoils["amount"] == TOO_MUCH)
    return kind not in CANNOT_MEET.get((first.code, second.code), "").split()


SINGLES = [
    pytest.param(kind, fault, id=f"{kind}: {fault.code} {' '.join(map(str, fault.spoils))}")
    for fault in FAULTS
    for kind in fault.kinds.split()
]
PAIRS = [
    pytest.param(kind, first, second, id=f"{kind}: {first.code} before {second.code}")
    for first, second in combinations(FAULTS, 2)
    for kind in ALL.split()
    if kind in first.kinds.split() and kind in second.kinds.split() and _can_meet(kind, first, second)
]


@pytest.mark.parametrize("kind", ALL.split())
def test_unspoilt_each_command_is_booked(kind: str) -> None:
    case = Case(kind)
    [outcome] = case.books().decide(case.command()).outcomes
    assert isinstance(outcome, Posted)


@pytest.mark.parametrize(("kind", "fault"), SINGLES)
def test_one_fault_gives_its_code_and_changes_nothing_but_its_record(kind: str, fault: Fault) -> None:
    case = Case(kind, **fault.spoils)
    decision = case.books().decide(case.command())
    refusal = _refusal(decision)
    assert refusal.code is fault.code
    assert refusal.detail
    if fault.code in UNRECORDED:
        assert decision == Decision(outcomes=[refusal])
    else:
        record = Recorded(case.command().request_hash, refusal=refusal)
        assert decision == Decision(outcomes=[refusal], recorded={"k": record})


@pytest.mark.parametrize(("kind", "first", "second"), PAIRS)
def test_of_two_faults_the_earlier_code_is_given(kind: str, first: Fault, second: Fault) -> None:
    case = Case(kind, **first.spoils, **second.spoils)
    decision = case.books().decide(case.command())
    refusal = _refusal(decision)
    assert refusal.code is first.code
    assert decision == Decision(outcomes=[refusal], recorded=decision.recorded)


def test_the_table_is_in_the_order_of_the_codes() -> None:
    order = list(Code)
    given = [order.index(fault.code) for fault in FAULTS]
    assert given == sorted(given)


@pytest.mark.parametrize("code", [Code.FORBIDDEN, Code.IDEMPOTENCY_KEY_REUSED])
def test_a_key_that_is_not_the_callers_or_has_an_outcome_gets_no_record(code: Code) -> None:
    assert code in UNRECORDED


def test_a_malformed_command_does_not_take_the_outcome_from_a_key_that_has_one() -> None:
    books = Books(alliance("JADE"))
    books.book(open_balance("JADE 100 pts never", key="k"))
    decision = books.decide(open_balance("NOBODY 100 pts never", key="k"))
    assert _refusal(decision).code in {Code.MALFORMED, Code.IDEMPOTENCY_KEY_REUSED}
    assert decision.recorded == {}


def test_nor_does_it_within_one_batch() -> None:
    books = Books(alliance("JADE"))
    good = open_balance("JADE 100 pts never", key="k")
    decision = books.decide(good, open_balance("NOBODY 100 pts never", key="k"), good)
    assert [type(outcome) for outcome in decision.outcomes] == [Posted, Refusal, Replayed]
    assert decision.recorded["k"].transaction_id == decision.transactions[0].id


def test_a_malformed_command_sent_again_is_not_recorded_twice() -> None:
    books = Books(alliance("JADE"))
    bad = open_balance("NOBODY 100 pts never", key="k")
    books.post(bad)
    assert books.decide(bad).recorded == {}


NAMED_FIELDS = [
    ("load", {"issuer": "NOBODY"}, "issuer"),
    ("opening", {"issuer": "NOBODY"}, "issuer"),
    ("spend", {"caller": AUDITOR}, "merchant"),
    ("spend", {"merchant": "PINE-9"}, "merchant"),
    ("spend", {"merchant": "PINE-2"}, "merchant"),
    ("spend", {"card": "J-9"}, "card"),
    ("spend", {"card_is": "blocked"}, "card"),
    ("spend", {"card_is": "expired"}, "card"),
    ("spend", {"enabled": False}, "amount"),
    ("load", {"enabled": False}, "issuer"),
    ("accrual", {"amount": "¥0.00"}, "amount"),
    ("redemption", {"amount": "¥0.00"}, "points"),
    ("opening", {"amount": "¥0.00"}, "quantity"),
    ("spend", {"occurred_at": NOW + timedelta(minutes=3)}, "occurred_at"),
    ("spend", {"reference_taken": True}, "reference"),
    ("spend", {"lots": ()}, "amount"),
    ("redemption", {"lots": ()}, "points"),
    ("spend", {"closed": True}, "occurred_at"),
]


@pytest.mark.parametrize(("kind", "spoils", "name"), NAMED_FIELDS)
def test_a_refusal_names_the_input_at_fault(kind: str, spoils: dict[str, Any], name: str) -> None:
    case = Case(kind, **spoils)
    assert _refusal(case.books().decide(case.command())).field == name


def _refusal(decision: Decision) -> Refusal:
    [outcome] = decision.outcomes
    assert isinstance(outcome, Refusal), outcome
    return outcome
