"""Revision 0018 on numbers as older versions have kept them: as they were sent."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from clearing.core.outcomes import Code, Held, Refusal
from clearing.former_numbers import count_shared_numbers, list_shared_numbers
from clearing.query import TransactionFilter, list_bookings
from clearing.verify import frozen
from database import migrations
from settlement.verify import verify
from support.ledger import Ledger

REVISION: Any = ScriptDirectory("migrations").get_revision("0018").module

#: As it was sent then, and now: spaces, a sheet's spaces, a letter in two parts, what cannot be seen.
FORMS = [
    (" A-1 ", "A-1"),
    ("A\u00a01\u3000", "A 1"),
    ("Cafe\u0301-7", "Caf\u00e9-7"),
    ("\ufeffA-2", "A-2"),
    ("账单 9\u00a0", "账单 9"),
]


@pytest.fixture
def ledger(engine: Engine) -> Iterator[Ledger]:
    with Ledger(engine) as founded:
        yield founded
        assert migrations.check(engine) == []
        with frozen(engine) as connection:
            assert list(verify(connection)) == []


def upgraded_with(engine: Engine, numbers: dict[int, str]) -> None:
    """Upgrade from the version before, in which these transactions had these numbers."""
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        REVISION.downgrade()
        for transaction_id, number in numbers.items():
            _renumber(connection, transaction_id, number)
        REVISION.upgrade()


def _renumber(connection: Connection, transaction_id: int, number: str) -> None:
    values = {"id": transaction_id, "number": number}
    connection.execute(text("UPDATE transactions SET reference = :number WHERE id = :id"), values)
    connection.execute(text("UPDATE holds SET reference = :number WHERE id = :id"), values)
    taken = "UPDATE merchant_references SET reference = :number WHERE transaction_id = :id"
    connection.execute(text(taken), values)


def found(engine: Engine, number: str) -> list[int]:
    with engine.connect() as connection:
        bookings = list_bookings(connection, TransactionFilter(reference=number), None, 10)
    return sorted(booking.transaction.id for booking in bookings)


def refusal(outcome: object) -> Code | None:
    return outcome.code if isinstance(outcome, Refusal) else None


@pytest.mark.parametrize(("kept", "sent"), FORMS)
def test_a_bill_of_before_is_found_and_not_booked_once_more(
    ledger: Ledger, engine: Engine, kept: str, sent: str
) -> None:
    li = ledger.enrol("JADE")
    [first] = ledger.book(ledger.pays_cash(li, "LOTUS", 10_000, reference="X"))
    upgraded_with(engine, {first.transaction.id: kept})
    assert found(engine, sent) == [first.transaction.id]
    assert count_shared_numbers_now(engine) == 0
    [again] = ledger.post(ledger.pays_cash(li, "LOTUS", 10_000, reference=sent))
    assert refusal(again) is Code.DUPLICATE_REFERENCE
    # Of another kind, and at another merchant, it is another number.
    ledger.book(
        ledger.redeems(li, "LOTUS", 10, reference=sent), ledger.pays_cash(li, "PINE", 100, reference=sent)
    )


def test_opening_balances_and_captures_of_before_keep_their_numbers_too(
    ledger: Ledger, engine: Engine
) -> None:
    li = ledger.enrol("JADE")
    opens = replace(ledger.opens(li, "JADE", 5_000, "2029-12-31"), reference="X")
    [opening] = ledger.book(opens)
    [held] = ledger.post(replace(ledger.redeems(li, "LOTUS", 500, reference="Y"), capture=False))
    assert isinstance(held, Held)
    hold = held.hold
    upgraded_with(engine, {opening.transaction.id: "OB-1 ", hold.id: "\u3000R-1"})
    [again, held_again] = ledger.post(
        replace(ledger.opens(li, "JADE", 5_000, "2029-12-31"), reference="OB-1"),
        replace(ledger.redeems(li, "LOTUS", 500, reference="R-1"), capture=False),
    )
    assert (refusal(again), refusal(held_again)) == (Code.DUPLICATE_REFERENCE,) * 2
    # The hold goes into another wallet with its numbers, in both their forms.
    wang = ledger.enrol("PINE")
    ledger.post(ledger.links(li, wang))
    ledger.book(ledger.captures(hold))
    assert found(engine, "R-1") == [hold.id]


def test_the_first_of_two_keeps_the_number_and_both_are_listed_and_found(
    ledger: Ledger, engine: Engine
) -> None:
    li = ledger.enrol("JADE")
    booked = ledger.book(*(ledger.pays_cash(li, "LOTUS", 10_000, reference=name) for name in "abc"))
    ids = [one.transaction.id for one in booked]
    upgraded_with(engine, {ids[0]: " A-1", ids[1]: "A-1", ids[2]: "A-1\u00a0"})
    assert found(engine, "A-1") == ids
    with engine.connect() as connection:
        listed = list_shared_numbers(connection, 10)
        assert count_shared_numbers(connection) == 2
    # Who has it in this very form has it, whenever that was booked.
    assert [(one.reference, one.transaction[1], one.other[1], one.written) for one in listed] == [
        ("A-1", ids[1], ids[0], " A-1"),
        ("A-1", ids[1], ids[2], "A-1\u00a0"),
    ]
    [again] = ledger.post(ledger.pays_cash(li, "LOTUS", 10_000, reference="A-1"))
    assert refusal(again) is Code.DUPLICATE_REFERENCE


def test_opening_balances_that_shared_a_number_are_listed_and_found(ledger: Ledger, engine: Engine) -> None:
    """Before, nobody asked whether an issuer had used the number."""
    li = ledger.enrol("JADE")
    booked = ledger.book(*(ledger.opens(li, "JADE", 100 + more, "2029-12-31") for more in range(4)))
    ids = [one.transaction.id for one in booked]
    former: Any = ScriptDirectory("migrations").get_revision("0014").module
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        REVISION.downgrade()
        former.downgrade()
        for id_, number in zip(ids, ("OLD-1", "OLD-1", " OLD-1", " OLD-1"), strict=True):
            _renumber(connection, id_, number)
        former.upgrade()
        REVISION.upgrade()
    assert found(engine, "OLD-1") == ids
    with engine.connect() as connection:
        listed = list_shared_numbers(connection, 10)
    assert [(one.transaction[1], one.other[1], one.written) for one in listed] == [
        (ids[0], ids[1], "OLD-1"),
        (ids[0], ids[2], " OLD-1"),
        (ids[0], ids[3], " OLD-1"),
    ]


def test_numbers_that_are_as_they_would_be_sent_now_stay_alone(ledger: Ledger, engine: Engine) -> None:
    li = ledger.enrol("JADE")
    for number in ("POS 1", "账单-1", "Caf\u00e9"):
        ledger.book(ledger.pays_cash(li, "LOTUS", 100, reference=number))
    upgraded_with(engine, {})
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT reference, written FROM merchant_references ORDER BY 1")).all()
    assert sorted(kept) == sorted([("POS 1", None), ("账单-1", None), ("Caf\u00e9", None)])


def count_shared_numbers_now(engine: Engine) -> int:
    with engine.connect() as connection:
        return count_shared_numbers(connection)
