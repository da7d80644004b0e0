"""Numbers and words that are stored: a kind keeps what it has always been written as, whatever is added."""

from enum import Enum

import pytest

from clearing.core.accounts import HUB, Asset, EntryKind
from clearing.core.calendar import ExpiryKind, PeriodState
from clearing.core.commands import Scope
from clearing.core.directory import Status
from clearing.core.events import EventType
from clearing.core.holds import HoldStatus
from clearing.core.journal import LegKind, Reason, TransactionKind
from clearing.core.limits import UsageOf
from clearing.core.outcomes import Code
from clearing.core.rulebook import DrawOrder, ExchangeKind
from clearing.core.snapshot import CardStatus

NUMBERS: list[tuple[type[Enum], str]] = [
    # in the order of their numbers, from 1
    (
        EntryKind,
        "points_issued points_redeemed points_opened value_loaded value_spent value_opened obligation fee"
        " points_returned points_withdrawn value_returned value_unloaded fee_returned arrears_incurred"
        " arrears_paid points_expired value_expired obligation_reversed points_adjusted_up"
        " points_adjusted_down points_moved_out points_moved_in value_moved_out value_moved_in"
        " arrears_moved_out arrears_moved_in",
    ),
    (TransactionKind, "accrual redemption load spend opening reversal expiry adjustment transfer"),
    (LegKind, "visit redemption spend load issue opening expiry adjustment transfer"),
    (ExchangeKind, "visit redemption spend load"),
    (Reason, "own_system exchange waived no_fee_rule adjustment corrected"),
    (Asset, "points stored_value"),
    (UsageOf, "card merchant"),
]
WORDS: list[tuple[type[Enum], str]] = [
    (Status, "active suspended"),
    (CardStatus, "active blocked expired"),
    (HoldStatus, "held captured voided expired"),
    (PeriodState, "open closed approved settled"),
    (ExpiryKind, "rolling fixed never"),
    (DrawOrder, "own_first earliest_first"),
    (Scope, "operator participant merchant finance auditor"),
    (Code, " ".join(code.name.lower() for code in Code)),
]


@pytest.mark.parametrize(("kind", "names"), NUMBERS)
def test_what_is_stored_as_a_number_is_never_renumbered(kind: type[Enum], names: str) -> None:
    assert [(one.value, one.name.lower()) for one in kind] == list(enumerate(names.split(), 1))


@pytest.mark.parametrize(("kind", "names"), WORDS)
def test_what_is_stored_as_a_word_is_its_name(kind: type[Enum], names: str) -> None:
    assert [(one.value, one.name.lower()) for one in kind] == [(name, name) for name in names.split()]


def test_an_event_is_named_by_what_it_is_about_and_what_happened() -> None:
    assert EventType.HOLD_LAPSED.value == "hold.lapsed"
    assert EventType.CAP_WARNING.value == "cap.warning"
    assert EventType.POINTS_EXPIRING.value == "points.expiring"


def test_the_hub_is_nobody_that_can_be_admitted() -> None:
    assert HUB == 0


LABELLED = [
    (Asset.STORED_VALUE, "stored_value"),
    (TransactionKind.REDEMPTION, "redemption"),
    (LegKind.ISSUE, "issue"),
    (Reason.OWN_SYSTEM, "own_system"),
    (ExchangeKind.VISIT, "visit"),
]


@pytest.mark.parametrize(("kind", "label"), LABELLED)
def test_outside_a_kind_is_called_by_its_label(
    kind: Asset | TransactionKind | LegKind | Reason | ExchangeKind, label: str
) -> None:
    assert kind.label == label
