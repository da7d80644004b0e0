"""Who is told of a transaction, and what of it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from clearing.core.events import EventType
from support.core import (
    Books,
    accrue,
    alliance,
    aside,
    capture,
    link,
    open_balance,
    redeem,
    reverse,
    shanghai,
)


def books(*told: str) -> Books:
    """Wang with points of JADE and LOTUS; these participants have subscribed."""
    directory = alliance("JADE", "LOTUS", "PINE", fees=["redemption 2%", "visit 1%"])
    participants = {
        one.id: one._replace(told_of_postings=one.code in told) for one in directory.participants.values()
    }
    return Books(
        replace(directory, participants=participants),
        ["J-1 Wang JADE"],
        {"Wang": ["JADE 3000 pts never", "LOTUS 1500 pts never"]},
    )


def told(found: Books, *commands: object) -> list[tuple[str, object, object, object]]:
    """(participant, role, points, fee) of each event."""
    decision = found.decide(*commands)  # type: ignore[arg-type]
    assert {event.type for event in decision.events} <= {EventType.TRANSACTION_POSTED}
    found.apply(decision)
    return [
        (found.code(one.participant_id), one.data["role"], one.data["points"], one.data["fee"])
        for one in decision.events
    ]


@pytest.mark.parametrize(
    ("subscribed", "expected"),
    [
        ((), []),
        (("PINE",), []),
        (("JADE",), [("JADE", "issuer", 2500, 0)]),
        (("LOTUS",), [("LOTUS", "acceptor", 4000, 50)]),
        (("JADE", "LOTUS", "PINE"), [("JADE", "issuer", 2500, 0), ("LOTUS", "acceptor", 4000, 50)]),
    ],
)
def test_the_parties_who_subscribed_are_told_of_their_part(
    subscribed: tuple[str, ...], expected: list[object]
) -> None:
    assert told(books(*subscribed), redeem(4000, "LOTUS-1")) == expected


def test_what_is_told_in_full() -> None:
    directory = alliance(
        "JADE", "LOTUS", fees=["redemption 2% payer=0.2"],
        point_value=Decimal("0.5"), reimbursement_rate=Decimal("0.9"),
    )  # fmt: skip
    everybody = {one.id: one._replace(told_of_postings=True) for one in directory.participants.values()}
    found = Books(
        replace(directory, participants=everybody),
        ["J-1 Wang JADE", "L-1 Li LOTUS"],
        {"Li": ["JADE 3000 pts never", "LOTUS 1500 pts never"]},
    )
    late = redeem(4000, "LOTUS-1", card="L-1", reference="POS-1", occurred_at=shanghai("2026-10-31 23:59"))
    found.close(202610)
    decision = found.decide(late)
    found.apply(decision)
    [booked] = found.bookings.values()
    # 2,500 points of JADE are worth 1,250 fen: 1,125 are reimbursed, the fee of 25 is shared 5 : 20.
    both = {
        "wallet_id": 2,
        "transaction_id": booked.transaction.id,
        "kind": "redemption",
        "period": "2026-11",
        "late": True,
        "obligation": 1_125,
        "original_id": None,
        "original_wallet_id": None,
    }
    assert [dict(event.data) for event in decision.events] == [
        both | {"role": "issuer", "points": 2_500, "amount": 1_250, "fee": 20, "merchant_id": None,
                "reference": None},
        both | {"role": "acceptor", "points": 4_000, "amount": 2_000, "fee": 5, "merchant_id": 201,
                "reference": "POS-1"},
    ]  # fmt: skip

    found.move(link("J-1", "L-1"))
    data = found.decide(reverse(booked, 100)).events[-1].data
    assert (data["wallet_id"], data["kind"], data["period"], data["late"]) == (
        1,
        "reversal",
        "2026-11",
        False,
    )
    assert (data["original_id"], data["original_wallet_id"]) == (booked.transaction.id, 2)


def test_an_issuer_learns_neither_the_merchant_nor_its_reference() -> None:
    found = books("JADE", "LOTUS")
    decision = found.decide(redeem(4000, "LOTUS-1", reference="POS-1"))
    jade, lotus = (event.data for event in decision.events)
    assert (jade["merchant_id"], jade["reference"]) == (None, None)
    assert (lotus["merchant_id"], lotus["reference"]) == (found.directory.merchants["LOTUS-1"].id, "POS-1")


def test_a_batch_tells_of_each_transaction_that_is_booked_and_of_nothing_else() -> None:
    found = books("LOTUS")
    refused, held = redeem(99_999, "LOTUS-1"), aside(redeem(100, "LOTUS-1"))
    assert told(found, refused, held, redeem(10, "LOTUS-1"), redeem(3020, "JADE-1")) == [
        ("LOTUS", "acceptor", 10, 0),
        ("LOTUS", "issuer", 20, 0),
    ]


def test_a_capture_and_a_reversal_are_told() -> None:
    found = books("LOTUS")
    held = found.hold(aside(redeem(100, "LOTUS-1")))
    assert told(found, capture(held)) == [("LOTUS", "acceptor", 100, 0)]
    booked = found.book(redeem(50, "LOTUS-1"))
    decision = found.decide(reverse(booked))
    [event] = decision.events
    assert (event.data["points"], event.data["original_id"]) == (-50, booked.transaction.id)


def test_history_and_opening_balances_are_not_told() -> None:
    found = books("JADE", "LOTUS")
    past = accrue("¥10.00", "LOTUS-1", occurred_at=shanghai("2026-11-02 10:00"), historical=True)
    assert told(found, past, open_balance("JADE 10 pts never")) == []
