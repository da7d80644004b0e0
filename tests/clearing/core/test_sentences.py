"""What a clerk reads when something is refused: a sentence that says what to do, and the input at fault.

The order of the codes is in test_refusals.py; limits, opening balances, adjustments, the end of points and
enrolments have their sentences beside their rules.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from clearing.core.amounts import MAX_QUANTITY
from clearing.core.commands import Caller, Command, Redemption, Scope, Spend
from clearing.core.holds import Hold
from clearing.core.outcomes import Code, Refusal
from support.core import (
    NOW,
    Books,
    accrue,
    alliance,
    aside,
    capture,
    lapse,
    load,
    open_balance,
    redeem,
    reverse,
    shanghai,
    spend,
    void,
    yuan,
)

LOTS = ["JADE 300 pts never", "JADE ¥10.00 never", "LOTUS ¥2.00 never"]
AT_JADE = Caller("key_jade", Scope.PARTICIPANT, participant_id=1)
BOUNDS = f"from 1 to {MAX_QUANTITY}"
TOO_MUCH = yuan(MAX_QUANTITY + 1)


def _books() -> Books:
    return Books(
        alliance("JADE", "LOTUS enabled", "PINE suspended", merchants=["JADE-2 suspended"]),
        ["J-1 Wang JADE", "J-2 Li JADE blocked", "J-3 Chen JADE expired", "P-1 Zhao PINE"],
        {"Wang": LOTS},
    )


SAID: list[tuple[Command, Code, str | None, str]] = [
    (load("¥1.00", "JADE-1", "NOBODY"), Code.MALFORMED, "issuer", "There is no participant 'NOBODY'."),
    (open_balance("NOBODY 1 pts never"), Code.MALFORMED, "issuer", "There is no participant 'NOBODY'."),
    (
        open_balance("LOTUS 1 pts never", caller=AT_JADE),
        Code.FORBIDDEN,
        "issuer",
        "This key may not open balances of LOTUS.",
    ),
    (
        redeem(1, "LOTUS-1", caller=AT_JADE),
        Code.FORBIDDEN,
        "merchant",
        "This key may not act for merchant LOTUS-1.",
    ),
    (redeem(1, "JADE-9"), Code.MERCHANT_UNKNOWN, "merchant", "There is no merchant 'JADE-9'."),
    (redeem(1, "JADE-2"), Code.MERCHANT_SUSPENDED, "merchant", "Merchant JADE-2 is suspended."),
    (
        redeem(1, "PINE-1"),
        Code.PARTICIPANT_SUSPENDED,
        None,
        "PINE is suspended and takes no part in exchanges; its own-system business goes on.",
    ),
    (redeem(1, "JADE-1", card="X"), Code.CARD_UNKNOWN, "card", "No participant has issued a card 'X'."),
    (
        redeem(1, "JADE-1", card="J-2"),
        Code.CARD_BLOCKED,
        "card",
        "This card is blocked; ask the member to contact its issuer.",
    ),
    (
        redeem(1, "JADE-1", card="J-3"),
        Code.CARD_EXPIRED,
        "card",
        "This card has expired; ask the member to renew it.",
    ),
    (
        load("¥1.00", "LOTUS-1", "JADE"),
        Code.NOT_ENABLED,
        "issuer",
        "Stored value of JADE is not enabled across the alliance; sell your own instead.",
    ),
    (
        spend("¥2.01", "LOTUS-1"),
        Code.NOT_ENABLED,
        "amount",
        "200 fen of this card's stored value can be used here; the rest is of participants whose stored value"
        " is not enabled across the alliance.",
    ),
    (accrue("¥0.00", "JADE-1"), Code.AMOUNT_INVALID, "amount", f"The amount must be {BOUNDS} fen."),
    (accrue(TOO_MUCH, "JADE-1"), Code.AMOUNT_INVALID, "amount", f"The amount must be {BOUNDS} fen."),
    (
        accrue("¥1.00", "JADE-1", points=-1),
        Code.AMOUNT_INVALID,
        "points",
        f"Points must be from 0 to {MAX_QUANTITY}.",
    ),
    (load("¥0.00", "JADE-1"), Code.AMOUNT_INVALID, "amount", f"The amount must be {BOUNDS} fen."),
    (spend("¥0.00", "JADE-1"), Code.AMOUNT_INVALID, "amount", f"The amount must be {BOUNDS} fen."),
    (
        redeem(0, "JADE-1"),
        Code.AMOUNT_INVALID,
        "points",
        f"The points must be {BOUNDS}, and so must its worth.",
    ),
    (
        redeem("¥0.00", "JADE-1"),
        Code.AMOUNT_INVALID,
        "amount",
        f"The amount must be {BOUNDS}, and so must its worth.",
    ),
    (
        redeem(1, "JADE-1", occurred_at=NOW + timedelta(minutes=3)),
        Code.OCCURRED_IN_FUTURE,
        "occurred_at",
        "2026-11-15T10:03:00+08:00 is in the future; check the time and its offset.",
    ),
    (
        aside(redeem(1, "JADE-1"), "2026-11-15 09:59"),
        Code.MALFORMED,
        "expires_at",
        "A hold must end after now and by 2027-12-20T10:00:00+08:00.",
    ),
]


@pytest.mark.parametrize(("command", "code", "field", "detail"), SAID)
def test_a_refusal_says_what_to_do(command: Command, code: Code, field: str | None, detail: str) -> None:
    assert _books().post(command) == [Refusal(code, detail, field)]


def test_a_key_used_twice_says_what_to_do() -> None:
    said = (
        "This idempotency key was used for another request. Send the first request again, or use a new key."
    )
    first, second = redeem(1, "JADE-1", key="k"), redeem(2, "JADE-1", key="k")
    assert _books().post(first, second)[1] == Refusal(Code.IDEMPOTENCY_KEY_REUSED, said)


def test_a_reference_used_twice_says_by_whom_and_for_what() -> None:
    books = _books()
    books.book(redeem(1, "JADE-1", reference="POS-1"))
    said = "JADE-1 has already sent another redemption with reference 'POS-1'."
    assert books.post(redeem(2, "JADE-1", reference="POS-1")) == [
        Refusal(Code.DUPLICATE_REFERENCE, said, "reference")
    ]


def test_history_of_a_closed_period_says_how_to_send_it() -> None:
    books = _books()
    books.close(202610)
    late = redeem(1, "JADE-1", historical=True, occurred_at=shanghai("2026-10-31 23:59"))
    said = (
        "2026-10-31T23:59:00+08:00 lies in a closed period. Send it without the historical mode: it is then"
        " booked in the open period and flagged as late."
    )
    assert books.post(late) == [Refusal(Code.PERIOD_CLOSED, said, "occurred_at")]


POINTS, VALUE = redeem(100, "JADE-1"), spend("¥1.00", "JADE-1")
ABOUT_HOLDS: list[tuple[Redemption | Spend, Callable[[Hold], Command], Refusal]] = [
    (
        POINTS,
        lambda held: capture(held, 0),
        Refusal(Code.AMOUNT_INVALID, f"The points must be {BOUNDS}.", "points"),
    ),
    (
        POINTS,
        lambda held: capture(held, "¥0.00"),
        Refusal(Code.AMOUNT_INVALID, f"The amount must be {BOUNDS}.", "amount"),
    ),
    (
        VALUE,
        lambda held: capture(held, 1),
        Refusal(Code.AMOUNT_INVALID, "Stored value is captured by its amount, in fen.", "points"),
    ),
    (
        POINTS,
        lambda held: capture(held, 101),
        Refusal(
            Code.EXCEEDS_HELD,
            "100 are held and 101 were to be captured; take the rest without a hold.",
            "points",
        ),
    ),
    (
        VALUE,
        lambda held: capture(held, "¥1.01"),
        Refusal(
            Code.EXCEEDS_HELD,
            "100 are held and 101 were to be captured; take the rest without a hold.",
            "amount",
        ),
    ),
    (
        POINTS,
        lambda held: void(held._replace(id=99)),
        Refusal(Code.HOLD_UNKNOWN, "There is no such hold at your merchants."),
    ),
    (POINTS, lapse, Refusal(Code.HOLD_CLOSED, "The hold is held and cannot lapse.")),
    (
        POINTS,
        reverse,
        Refusal(Code.NOT_REVERSIBLE, "It is not captured, so nothing is booked; void its hold."),
    ),
]


@pytest.mark.parametrize(("command", "ending", "refusal"), ABOUT_HOLDS)
def test_what_cannot_be_done_with_a_hold_says_why(
    command: Redemption | Spend, ending: Callable[[Hold], Command], refusal: Refusal
) -> None:
    books = _books()
    assert books.post(ending(books.hold(aside(command)))) == [refusal]


def test_a_hold_that_has_ended_says_how_and_when() -> None:
    books = _books()
    held, voided = books.hold(aside(POINTS, "2026-11-15 12:00")), books.hold(aside(VALUE))
    books.hold(void(voided))
    books.at = shanghai("2026-11-15 12:00")
    outcomes = books.post(capture(held), capture(voided), lapse(voided, key="k"), void(voided, key="l"))
    assert outcomes == [
        Refusal(Code.HOLD_EXPIRED, "The hold ended at 2026-11-15T12:00:00+08:00; what it held is released."),
        Refusal(Code.HOLD_CLOSED, "The hold was voided before."),
        Refusal(Code.HOLD_CLOSED, "The hold is voided and cannot lapse."),
        Refusal(Code.HOLD_CLOSED, "The hold was voided before."),
    ]


CASH, SOLD = accrue("¥10.00", "JADE-1"), load("¥1.00", "JADE-1")
ABOUT_REVERSALS: list[tuple[Command, int | str | None, Refusal]] = [
    (POINTS, 0, Refusal(Code.AMOUNT_INVALID, f"The points must be {BOUNDS}.", "points")),
    (POINTS, "¥0.00", Refusal(Code.AMOUNT_INVALID, f"The amount must be {BOUNDS}.", "amount")),
    (VALUE, 1, Refusal(Code.AMOUNT_INVALID, "A spend is reversed by its amount, in fen.", "points")),
    (SOLD, 1, Refusal(Code.AMOUNT_INVALID, "A load is reversed by its amount, in fen.", "points")),
    (
        open_balance("JADE 1 pts never"),
        None,
        Refusal(Code.NOT_REVERSIBLE, "A transaction of kind opening cannot be reversed.", "transaction"),
    ),
]


@pytest.mark.parametrize(("command", "quantity", "refusal"), ABOUT_REVERSALS)
def test_what_cannot_be_undone_says_why(
    command: Command, quantity: int | str | None, refusal: Refusal
) -> None:
    books = _books()
    assert books.post(reverse(books.book(command), quantity)) == [refusal]


LEFT: list[tuple[Command, int | str | None, int | str | None, str, str]] = [
    # what is done, what is undone of it, what is asked for then, field, what is said
    (POINTS, None, 101, "points", "100 points of it are left to be reversed."),
    (POINTS, 30, 71, "points", "70 points of it are left to be reversed."),
    (POINTS, 30, "¥0.71", "amount", "70 fen of it are left to be reversed."),
    (VALUE, "¥0.30", "¥0.71", "amount", "70 fen of it are left to be reversed."),
    (SOLD, "¥0.30", "¥0.71", "amount", "70 fen of it are left to be reversed."),
    (CASH, "¥3.00", 8, "points", "7 points of it are left to be reversed."),
    (CASH, "¥3.00", "¥7.01", "amount", "700 fen of it are left to be reversed."),
]


@pytest.mark.parametrize(("command", "first", "second", "field", "detail"), LEFT)
def test_what_is_left_to_be_undone_is_said_in_points_or_fen(
    command: Command, first: int | str | None, second: int | str | None, field: str, detail: str
) -> None:
    books = _books()
    booked = books.book(command)
    if first is not None:
        books.book(reverse(booked, first))
    assert books.post(reverse(booked, second)) == [Refusal(Code.EXCEEDS_REVERSIBLE, detail, field)]


AGAIN = [(command, quantity) for command in (POINTS, VALUE, SOLD, CASH) for quantity in (None, "¥0.01")]


@pytest.mark.parametrize(("command", "quantity"), [*AGAIN, (POINTS, 1), (CASH, 1)])
def test_what_is_undone_altogether_says_so(command: Command, quantity: int | str | None) -> None:
    books = _books()
    booked = books.book(command)
    books.book(reverse(booked))
    said = "All of it has been reversed before."
    assert books.post(reverse(booked, quantity)) == [Refusal(Code.EXCEEDS_REVERSIBLE, said)]


def test_stored_value_that_is_spent_says_how_much_is_still_there() -> None:
    books = Books(alliance("JADE"))
    booked = books.book(load("¥5.00", "JADE-1"))
    books.book(spend("¥2.00", "JADE-1"))
    said = "300 fen of it are left and 500 were to be taken back; the rest is spent or held."
    assert books.post(reverse(booked)) == [Refusal(Code.EXCEEDS_REVERSIBLE, said, "amount")]


def test_a_load_whose_lot_is_gone_has_nothing_left() -> None:
    books = Books(alliance("JADE"))
    booked = books.book(load("¥5.00", "JADE-1"))
    books.book(spend("¥5.00", "JADE-1"))
    books.lots.clear()  # empty lots of long ago are not read
    said = "0 fen of it are left and 500 were to be taken back; the rest is spent or held."
    assert books.post(reverse(booked)) == [Refusal(Code.EXCEEDS_REVERSIBLE, said, "amount")]


def test_points_and_an_amount_at_once_are_one_too_many() -> None:
    books = _books()
    both = reverse(books.book(POINTS), 1, amount=1)
    assert books.post(both) == [Refusal(Code.AMOUNT_INVALID, "Give points or amount, not both.", "points")]


def test_what_is_not_the_callers_is_told_as_what_is_not_there() -> None:
    books = _books()
    booked = books.book(accrue("¥1.00", "LOTUS-1"))
    said = Refusal(Code.TRANSACTION_UNKNOWN, "There is no such transaction at your merchants.")
    assert books.post(reverse(booked, caller=AT_JADE), reverse(booked, transaction_id=99)) == [said, said]


def test_what_has_only_points_or_only_cash_left_is_not_told_to_be_undone_altogether() -> None:
    books = Books(alliance("JADE", point_value=Decimal("0.3")), lots={"Wang": ["JADE 300 pts never"]})
    worthless = books.book(redeem(1, "JADE-1"))
    assert books.post(reverse(worthless, "¥0.01")) == [
        Refusal(Code.EXCEEDS_REVERSIBLE, "0 fen of it are left to be reversed.", "amount")
    ]
    pointless = books.book(accrue("¥1.00", "JADE-1", points=0))
    assert books.post(reverse(pointless, 1)) == [
        Refusal(Code.EXCEEDS_REVERSIBLE, "0 points of it are left to be reversed.", "points")
    ]
    cashless = books.book(accrue("¥0.01", "JADE-1", points=1000))
    books.book(reverse(cashless, 501))
    assert books.post(reverse(cashless, "¥0.01")) == [
        Refusal(Code.EXCEEDS_REVERSIBLE, "0 fen of it are left to be reversed.", "amount")
    ]
