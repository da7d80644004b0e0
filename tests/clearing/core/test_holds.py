"""Holds: points or value are set aside first, and taken, given back or let go later."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from clearing.core.amounts import MAX_QUANTITY
from clearing.core.batch import Decision
from clearing.core.commands import Caller, Capture, OnHold, Redemption, Scope, Spend
from clearing.core.holds import Hold, HoldStatus, as_placed
from clearing.core.journal import TransactionKind
from clearing.core.outcomes import Code, Held, Posted, Recorded, Refusal, Replayed
from support.core import (
    NOW,
    OPERATOR,
    Books,
    accrue,
    alliance,
    aside,
    capture,
    expire,
    lapse,
    redeem,
    reverse,
    shanghai,
    spend,
    void,
    yuan,
)

FEES = ["redemption 2%", "spend 0.6%"]
LOTS = ["JADE 300 pts 2027-01-31", "LOTUS 150 pts 2026-12-31", "JADE ¥50.00 never", "LOTUS ¥20.00 never"]
CARDS = ["J-1 Wang JADE", "L-1 Li LOTUS"]
END = NOW + timedelta(days=7)


def _books(*lots: str, jade: str = "enabled", **settings: Any) -> Books:
    directory = alliance(f"JADE {jade}", "LOTUS enabled", "PINE", fees=FEES, **settings)
    return Books(directory, CARDS, {"Wang": lots or LOTS})


def _asset(value: object) -> str:
    return type(value).__name__.lower() if isinstance(value, Redemption | Spend) else ""


# ---- placing --------------------------------------------------------------------------------------


PLACED = [
    # what is set aside, points and fen, the lots afterwards
    (
        redeem(400, "LOTUS-1"),
        (400, 400),
        ["JADE 50 pts 2027-01-31 held=250", "LOTUS 0 pts 2026-12-31 held=150", *LOTS[2:]],
    ),
    (redeem("¥1.00", "JADE-1"), (100, 100), ["JADE 200 pts 2027-01-31 held=100", *LOTS[1:]]),
    (
        spend("¥60.00", "LOTUS-1"),
        (0, 6000),
        [*LOTS[:2], "JADE ¥10.00 never held=4000", "LOTUS ¥0.00 never held=2000"],
    ),
]


@pytest.mark.parametrize(("command", "quantity", "left"), PLACED, ids=_asset)
def test_a_hold_sets_aside_what_would_be_drawn_and_books_nothing(
    command: Redemption | Spend, quantity: tuple[int, int], left: list[str]
) -> None:
    books = _books()
    held = books.hold(aside(command))
    assert (held.status, held.points, held.amount, held.captured) == (HoldStatus.HELD, *quantity, 0)
    assert books.left("Wang") == left
    assert not (books.transactions or books.journal or books.all_legs or +books.positions)
    assert books.holds == {held.id: held}


def test_it_keeps_what_it_was_given() -> None:
    books = _books()
    command = redeem(1, "JADE-1", purpose="dinner", reference="POS-1", metadata={"till": "3"})
    held = books.hold(aside(command))
    assert (held.card_number, held.merchant_id, held.acceptor_id) == ("J-1", 101, 1)
    assert (held.reference, held.purpose, held.metadata) == ("POS-1", "dinner", {"till": "3"})
    assert (held.placed_at, held.rule_version, held.posted_by) == (NOW, 7, "key_operator")


LIVES = [
    # asked for, ends
    (None, "2026-11-22 10:00"),  # the default, seven days
    ("2026-11-15 10:01", "2026-11-15 10:01"),
    ("2027-12-20 10:00", "2027-12-20 10:00"),  # 400 days
    ("2027-12-20 10:01", None),
    ("2026-11-15 10:00", None),  # now
    ("2026-11-15 09:59", None),
]


@pytest.mark.parametrize(("until", "ends"), LIVES)
@pytest.mark.parametrize("command", [redeem(1, "JADE-1"), spend("¥1.00", "JADE-1")], ids=_asset)
def test_it_ends_when_asked_or_after_the_alliances_default(
    command: Redemption | Spend, until: str | None, ends: str | None
) -> None:
    books = _books()
    if ends:
        assert books.hold(aside(command, until)).expires_at == shanghai(ends)
    else:
        [outcome] = books.post(aside(command, until))
        assert isinstance(outcome, Refusal)
        assert (outcome.code, outcome.field) == ("malformed", "expires_at")
        assert not (books.holds or books.recorded)


def test_the_alliance_sets_how_long_a_hold_lasts_and_may_last() -> None:
    books = _books(hold_minutes_default=90, hold_minutes_max=120)
    assert books.hold(aside(redeem(1, "JADE-1"))).expires_at == shanghai("2026-11-15 11:30")
    books.hold(aside(redeem(1, "JADE-1"), "2026-11-15 12:00"))
    assert books.refuse(aside(redeem(1, "JADE-1"), "2026-11-15 12:01")) == "malformed"


NOT_PLACED = [
    (redeem(451, "JADE-1"), "insufficient_points"),
    (redeem(0, "JADE-1"), "amount_invalid"),
    (spend("¥50.01", "PINE-1"), "not_enabled"),
    (spend("¥70.01", "JADE-1"), "insufficient_value"),
    (spend("¥0.00", "JADE-1"), "amount_invalid"),
    (redeem(1, "JADE-9"), "merchant_unknown"),
    (redeem(1, "JADE-1", card="X"), "card_unknown"),
    (redeem(1, "JADE-1", caller=Caller("key", Scope.AUDITOR)), "forbidden"),
    (redeem(1, "JADE-1", occurred_at=NOW + timedelta(minutes=3)), "occurred_in_future"),
]


@pytest.mark.parametrize(("command", "answer"), NOT_PLACED)
def test_what_would_not_be_booked_is_not_held(command: Redemption | Spend, answer: str) -> None:
    books = _books(jade="")  # its stored value is usable nowhere else
    assert books.refuse(aside(command)) == answer


def test_nothing_is_held_at_a_suspended_merchant_or_with_a_blocked_card() -> None:
    directory = alliance("JADE", merchants=["JADE-2 suspended"])
    books = Books(directory, ["J-1 Wang JADE", "J-2 Wang JADE blocked"], {"Wang": LOTS[:1]})
    assert books.refuse(aside(redeem(1, "JADE-2"))) == "merchant_suspended"
    assert books.refuse(aside(redeem(1, "JADE-1", card="J-2"))) == "card_blocked"


def test_what_is_held_cannot_be_used_nor_held_again() -> None:
    books = _books("JADE 10 pts never", "JADE ¥1.00 never")
    books.hold(aside(redeem(7, "JADE-1")))
    books.hold(aside(spend("¥0.70", "JADE-1")))
    for command in (redeem(4, "JADE-1"), aside(redeem(4, "JADE-1"))):
        assert books.refuse(command) == "insufficient_points"
    for paying in (spend("¥0.31", "JADE-1"), aside(spend("¥0.31", "JADE-1"))):
        assert books.refuse(paying) == "insufficient_value"
    books.book(redeem(3, "JADE-1"))
    books.book(spend("¥0.30", "JADE-1"))
    assert books.left("Wang") == ["JADE 0 pts never held=7", "JADE ¥0.00 never held=70"]


def test_two_holds_may_set_aside_parts_of_one_lot() -> None:
    books = _books("JADE 10 pts never")
    one, two = books.hold(aside(redeem(3, "JADE-1"))), books.hold(aside(redeem(4, "LOTUS-1")))
    assert books.left("Wang") == ["JADE 3 pts never held=7"]
    books.hold(void(one))
    assert books.left("Wang") == ["JADE 6 pts never held=4"]
    books.book(capture(two))
    assert books.left("Wang") == ["JADE 6 pts never"]


# ---- capture --------------------------------------------------------------------------------------


CAPTURED = [
    # held, captured, legs, movements, lots afterwards
    (
        redeem(400, "LOTUS-1"),
        None,
        [
            "redemption of LOTUS: 150 pts, ¥1.50; own_system",
            "redemption of JADE: 250 pts, ¥2.50; JADE owes LOTUS ¥2.50; LOTUS pays ¥0.05; exchange",
        ],
        ["-150 LOTUS 2026-12-31", "-250 JADE 2027-01-31"],
        ["JADE 50 pts 2027-01-31", *LOTS[2:]],
    ),
    (
        redeem(400, "LOTUS-1"),
        200,  # the lot drawn first is taken first, what is left of the second is released
        [
            "redemption of LOTUS: 150 pts, ¥1.50; own_system",
            "redemption of JADE: 50 pts, ¥0.50; JADE owes LOTUS ¥0.50; LOTUS pays ¥0.01; exchange",
        ],
        ["-150 LOTUS 2026-12-31", "-50 JADE 2027-01-31"],
        ["JADE 250 pts 2027-01-31", *LOTS[2:]],
    ),
    (
        redeem(400, "LOTUS-1"),
        "¥1.40",
        ["redemption of LOTUS: 140 pts, ¥1.40; own_system"],
        ["-140 LOTUS 2026-12-31"],
        ["JADE 300 pts 2027-01-31", "LOTUS 10 pts 2026-12-31", *LOTS[2:]],
    ),
    (
        spend("¥60.00", "LOTUS-1"),
        None,
        [
            "spend of LOTUS: ¥20.00; own_system",
            "spend of JADE: ¥40.00; JADE owes LOTUS ¥40.00; LOTUS pays ¥0.24; exchange",
        ],
        ["-2000 LOTUS never", "-4000 JADE never"],
        [*LOTS[:2], "JADE ¥10.00 never"],
    ),
    (
        spend("¥60.00", "LOTUS-1"),
        "¥30.00",
        [
            "spend of LOTUS: ¥20.00; own_system",
            "spend of JADE: ¥10.00; JADE owes LOTUS ¥10.00; LOTUS pays ¥0.06; exchange",
        ],
        ["-2000 LOTUS never", "-1000 JADE never"],
        [*LOTS[:2], "JADE ¥40.00 never"],
    ),
]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("command", "quantity", "legs", "moves", "left"), CAPTURED)
def test_a_capture_books_what_is_taken_and_releases_the_rest(
    command: Redemption | Spend,
    quantity: int | str | None,
    legs: list[str],
    moves: list[str],
    left: list[str],
    together: bool,
) -> None:
    books = _books()
    placing = aside(command)
    if together:
        # Ids are given in order, so the capture can name the hold that stands before it in the batch.
        twin = _books().hold(placing)
        placed, posted = books.post(placing, capture(twin, quantity))
        assert isinstance(placed, Held)
        assert isinstance(posted, Posted)
        held, booking = placed.hold, posted.booking
    else:
        held = books.hold(placing)
        booking = books.book(capture(held, quantity))
    assert books.legs(booking) == legs
    assert books.moves(booking) == moves
    assert books.left("Wang") == left
    assert all(lot.held == 0 for lot in books.lots.values())
    taken = sum(movement.quantity for movement in booking.movements)
    assert books.holds == {held.id: held._replace(status=HoldStatus.CAPTURED, captured=taken)}
    assert as_placed(books.holds[held.id]) == held


def test_a_captured_transaction_is_the_hold_in_the_journal() -> None:
    books = _books()
    said = redeem(10, "JADE-1", purpose="dinner", reference="POS-1", metadata={"till": "3"})
    held = books.hold(aside(said))
    books.at = NOW + timedelta(days=1)
    desk = Caller("key_desk", Scope.MERCHANT, participant_id=1, merchant_id=101)
    found = books.book(capture(held, caller=desk)).transaction
    assert (found.id, found.kind, found.wallet_id) == (held.id, TransactionKind.REDEMPTION, held.wallet_id)
    assert (found.reference, found.purpose, found.metadata) == ("POS-1", "dinner", {"till": "3"})
    assert (found.card_number, found.merchant_id, found.acceptor_id) == ("J-1", 101, 1)
    assert (found.occurred_at, found.booked_at, found.late) == (books.at, books.at, False)
    assert (found.posted_by, held.posted_by) == ("key_desk", "key_operator")


@pytest.mark.parametrize("command", [redeem(1, "JADE-1"), spend("¥0.01", "JADE-1")], ids=_asset)
def test_a_reference_is_taken_by_the_hold(command: Redemption | Spend) -> None:
    books = _books()
    named = replace(command, reference="POS-1")
    held = books.hold(aside(named))
    assert books.refuse(replace(named, key="k1")) == "duplicate_reference"
    books.book(capture(held))
    assert books.refuse(aside(replace(named, key="k2"))) == "duplicate_reference"


def test_worth_obligation_and_fee_are_those_of_the_day_of_capture() -> None:
    books = _books()
    held = books.hold(aside(redeem(200, "PINE-1")))
    books.directory = alliance(
        "JADE",
        "LOTUS",
        "PINE",
        fees=["redemption 10%"],
        point_value=Decimal("0.7"),
        reimbursement_rate=Decimal("0.9"),
    )
    books.directory.rulebook.version = 8
    booking = books.book(capture(held))
    assert books.legs(booking) == [
        "redemption of LOTUS: 150 pts, ¥1.05; LOTUS owes PINE ¥0.95; PINE pays ¥0.11; exchange",
        "redemption of JADE: 50 pts, ¥0.35; JADE owes PINE ¥0.32; PINE pays ¥0.04; exchange",
    ]
    assert (booking.transaction.rule_version, held.rule_version) == (8, 7)
    assert (booking.transaction.amount, held.amount) == (140, 200)


def test_a_fee_rule_that_has_come_into_force_meanwhile_prices_the_capture() -> None:
    directory = alliance("JADE", "LOTUS", fees=["redemption 2%", "redemption 5% from=2026-11-16"])
    books = Books(directory, lots={"Wang": ["JADE 200 pts never"]})
    one, two = (books.hold(aside(redeem(100, "LOTUS-1"))) for _ in range(2))
    assert books.book(capture(one)).legs[0].fee == 2
    books.at = shanghai("2026-11-16 00:00")
    assert books.book(capture(two)).legs[0].fee == 5


def test_a_capture_is_booked_in_its_own_period() -> None:
    books = _books()
    held = books.hold(aside(redeem(10, "PINE-1"), "2026-12-31 12:00"))
    books.at = shanghai("2026-12-01 00:00")
    books.close(202611)
    assert books.book(capture(held)).transaction.period == 202612
    assert books.position(202612, "redemption", "LOTUS", "PINE").points == 10


def test_by_amount_as_many_points_are_captured_as_are_worth_it_now() -> None:
    books = _books(point_value=Decimal("0.7"))
    held = books.hold(aside(redeem(100, "JADE-1")))
    assert books.refuse(capture(held, "¥0.71")) == "exceeds_held"
    assert books.book(capture(held, "¥0.10")).transaction.points == 15  # 14.3


def test_what_has_ended_or_stopped_meanwhile_is_captured_all_the_same() -> None:
    books = _books("LOTUS 100 pts 2026-11-20", "LOTUS ¥1.00 2026-11-20")
    points = books.hold(aside(redeem(100, "JADE-1"), "2026-12-31 12:00"))
    value = books.hold(aside(spend("¥1.00", "JADE-1"), "2026-12-31 12:00"))
    books.at = shanghai("2026-11-25 12:00")
    books.directory = alliance("JADE", "LOTUS suspended", merchants=["JADE-1 suspended"])
    books.cards["J-1"] = books.cards["J-1"]._replace(expires_on=NOW.date())
    assert books.legs(books.book(capture(points))) == [
        "redemption of LOTUS: 100 pts, ¥1.00; LOTUS owes JADE ¥1.00; no_fee_rule"
    ]
    assert books.legs(books.book(capture(value))) == [
        "spend of LOTUS: ¥1.00; LOTUS owes JADE ¥1.00; no_fee_rule"
    ]
    assert books.left("Wang") == []


@pytest.mark.parametrize("ending", [capture, void])
@pytest.mark.parametrize("spoilt", ["merchant", "acceptor", "issuer", "card", "no card"])
def test_a_suspension_or_a_blocked_card_does_not_keep_a_hold_from_its_end(
    ending: Callable[[Hold], OnHold], spoilt: str
) -> None:
    books = _books()
    held = books.hold(aside(redeem(10, "PINE-1")))  # of LOTUS
    jade, lotus, pine = "JADE enabled", "LOTUS enabled", "PINE"
    lotus += " suspended" if spoilt == "issuer" else ""
    pine += " suspended" if spoilt == "acceptor" else ""
    merchants = ["PINE-1 suspended"] if spoilt == "merchant" else []
    books.directory = alliance(jade, lotus, pine, fees=FEES, merchants=merchants)
    if "card" in spoilt:
        blocked = Books(books.directory, ["J-1 Wang JADE blocked"]).cards
        books.cards = blocked if spoilt == "card" else {}
    [outcome] = books.post(ending(held))
    assert isinstance(outcome, Posted | Held)


# ---- void and lapse -------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [redeem(400, "LOTUS-1"), spend("¥60.00", "LOTUS-1")], ids=_asset)
def test_a_void_releases_everything_and_books_nothing(command: Redemption | Spend) -> None:
    books = _books()
    held = books.hold(aside(command))
    assert books.hold(void(held)) == held._replace(status=HoldStatus.VOIDED)
    assert books.holds == {held.id: held._replace(status=HoldStatus.VOIDED)}
    assert books.left("Wang") == LOTS
    assert not (books.transactions or books.journal)


@pytest.mark.parametrize("command", [redeem(400, "LOTUS-1"), spend("¥60.00", "LOTUS-1")], ids=_asset)
def test_a_hold_whose_time_is_over_lapses(command: Redemption | Spend) -> None:
    books = _books()
    held = books.hold(aside(command))
    books.at = END
    assert books.hold(lapse(held)) == held._replace(status=HoldStatus.EXPIRED)
    assert books.left("Wang") == LOTS
    assert not books.transactions


def test_what_is_released_can_be_used_in_the_same_batch() -> None:
    books = _books("JADE 10 pts never")
    held = books.hold(aside(redeem(10, "JADE-1")))
    outcomes = books.post(redeem(10, "JADE-1"), void(held), redeem(10, "JADE-1"))
    assert [type(outcome) for outcome in outcomes] == [Refusal, Held, Posted]
    assert books.left("Wang") == []


BEFORE = timedelta(microseconds=1)
CLOCK = [
    # when, is it over
    (END - BEFORE, False),
    (END, True),
    (END + timedelta(days=30), True),
]


@pytest.mark.parametrize(("at", "over"), CLOCK)
def test_the_clock_decides_whether_a_hold_has_expired(at: Any, over: bool) -> None:
    for ending in (capture, void):
        books = _books()
        held = books.hold(aside(redeem(10, "JADE-1")))
        books.at = at
        if over:
            assert books.refuse(ending(held)) == "hold_expired"
            assert books.holds == {held.id: held}  # nothing has released it yet
            books.hold(lapse(held))
        else:
            assert books.refuse(lapse(held)) == "hold_closed"
            [outcome] = books.post(ending(held))
            assert isinstance(outcome, Posted | Held)


def test_the_clock_is_the_ledgers_not_the_tills() -> None:
    books = _books()
    held = books.hold(aside(redeem(10, "JADE-1")))
    books.at = END
    assert books.refuse(capture(held, occurred_at=NOW)) == "hold_expired"
    assert books.refuse(capture(held, occurred_at=NOW, historical=True)) == "hold_expired"


@pytest.mark.parametrize("first", [capture, void, lapse])
@pytest.mark.parametrize("second", [capture, void, lapse])
def test_a_hold_ends_once(first: Callable[[Hold], OnHold], second: Callable[[Hold], OnHold]) -> None:
    books = _books()
    held = books.hold(aside(redeem(10, "JADE-1")))
    books.at = END if first is lapse else NOW
    ended, again = books.post(first(held), second(held))
    assert isinstance(ended, Posted | Held)
    assert isinstance(again, Refusal)
    assert again.code is Code.HOLD_CLOSED
    for at in (books.at, END):
        books.at = at
        assert books.refuse(second(held)) == "hold_closed"


def test_points_that_were_held_over_their_end_expire_when_released() -> None:
    books = _books("JADE 10 pts 2026-11-20")
    held = books.hold(aside(redeem(4, "JADE-1"), "2026-11-30 12:00"))
    books.at = shanghai("2026-11-21 03:00")
    assert books.moves(books.book(expire(books.lot("JADE 2026-11-20")))) == ["-6 JADE 2026-11-20"]
    assert books.left("Wang") == ["JADE 0 pts 2026-11-20 held=4"]
    books.hold(void(held))
    assert books.refuse(redeem(1, "JADE-1")) == "insufficient_points"
    assert books.moves(books.book(expire(books.lot("JADE 2026-11-20")))) == ["-4 JADE 2026-11-20"]


# ---- refused --------------------------------------------------------------------------------------


AMOUNTS = [
    # held, captured, the answer
    (redeem(100, "JADE-1"), 101, "exceeds_held"),
    (redeem(100, "JADE-1"), "¥1.01", "exceeds_held"),
    (redeem(100, "JADE-1"), MAX_QUANTITY, "exceeds_held"),
    (redeem(100, "JADE-1"), 0, "amount_invalid"),
    (redeem(100, "JADE-1"), -1, "amount_invalid"),
    (redeem(100, "JADE-1"), MAX_QUANTITY + 1, "amount_invalid"),
    (redeem(100, "JADE-1"), "¥0.00", "amount_invalid"),
    (redeem(100, "JADE-1"), "¥-0.01", "amount_invalid"),
    (spend("¥1.00", "JADE-1"), "¥1.01", "exceeds_held"),
    (spend("¥1.00", "JADE-1"), yuan(MAX_QUANTITY + 1), "amount_invalid"),
    (spend("¥1.00", "JADE-1"), 1, "amount_invalid"),  # points of a spend
]


@pytest.mark.parametrize(("command", "quantity", "answer"), AMOUNTS)
def test_what_cannot_be_captured_is_refused_and_the_hold_stays(
    command: Redemption | Spend, quantity: int | str, answer: str
) -> None:
    books = _books()
    held = books.hold(aside(command))
    assert books.refuse(capture(held, quantity)) == answer
    assert books.holds == {held.id: held}
    books.book(capture(held))


UNKNOWN = "hold_unknown"
FUTURE = {"occurred_at": NOW + timedelta(days=30)}
PRECEDENCE: list[tuple[str, dict[str, Any], str]] = [
    # what has become of the hold, faults, the answer
    ("held", {"hold_id": 99, "points": 0}, "amount_invalid"),
    ("held", {"hold_id": 99, "points": 1}, UNKNOWN),
    ("held", {"hold_id": 99} | FUTURE, "occurred_in_future"),
    ("held", {"wallet_id": 2}, UNKNOWN),
    ("voided", {"hold_id": 99}, UNKNOWN),
    ("voided", {"points": 0}, "amount_invalid"),
    ("voided", {"points": 999}, "hold_closed"),
    ("voided", FUTURE, "occurred_in_future"),
    ("captured", {"points": 999}, "hold_closed"),
    ("over", {"points": 0}, "amount_invalid"),
    ("over", {"points": 999}, "hold_expired"),
    ("over, voided before", {}, "hold_closed"),
]


@pytest.mark.parametrize(("state", "faults", "answer"), PRECEDENCE)
def test_of_two_faults_the_earlier_code_is_given(state: str, faults: dict[str, Any], answer: str) -> None:
    books = _books()
    held = books.hold(aside(redeem(100, "JADE-1")))
    if "voided" in state:
        books.hold(void(held))
    if "captured" in state:
        books.book(capture(held))
    if "over" in state:
        books.at = END
    assert books.refuse(Capture(**_fields(capture(held)) | faults)) == answer


def _fields(command: OnHold) -> dict[str, Any]:
    names = ("key", "request_hash", "caller", "wallet_id", "hold_id")
    return {name: getattr(command, name) for name in names}


CALLERS = [
    (OPERATOR, True),
    (Caller("key_jade", Scope.PARTICIPANT, participant_id=1), True),
    (Caller("key_jade_1", Scope.MERCHANT, participant_id=1, merchant_id=101), True),
    (Caller("key_jade_2", Scope.MERCHANT, participant_id=1, merchant_id=102), False),
    (Caller("key_lotus", Scope.PARTICIPANT, participant_id=2), False),
    (Caller("key_finance", Scope.FINANCE, participant_id=1), False),
    (Caller("key_auditor", Scope.AUDITOR), False),
]


@pytest.mark.parametrize("ending", [capture, void])
@pytest.mark.parametrize(("caller", "allowed"), CALLERS)
def test_a_hold_that_is_not_the_callers_is_unknown_to_it(
    caller: Caller, allowed: bool, ending: Callable[..., OnHold]
) -> None:
    books = _books()
    held = books.hold(aside(redeem(10, "JADE-1")))
    command = ending(held, caller=caller)
    if allowed:
        [outcome] = books.post(command)
        assert isinstance(outcome, Posted | Held)
    else:
        assert books.refuse(command) == UNKNOWN


def test_a_transaction_that_was_not_held_is_no_hold() -> None:
    books = _books()
    booked = books.book(redeem(10, "JADE-1")).transaction
    held = books.hold(aside(redeem(10, "JADE-1")))
    assert books.refuse(capture(held, hold_id=booked.id)) == UNKNOWN


# ---- sent again -----------------------------------------------------------------------------------


def _unwritten(decision: Decision) -> bool:
    return decision == Decision(outcomes=decision.outcomes)


@pytest.mark.parametrize("command", [redeem(10, "JADE-1"), spend("¥1.00", "JADE-1")], ids=_asset)
def test_a_hold_placed_again_is_the_first_one_whatever_became_of_it(command: Redemption | Spend) -> None:
    books = _books()
    placing = replace(aside(command, "2026-11-15 12:00"), key="k")
    placed, same_batch = books.post(placing, placing)
    assert isinstance(placed, Held)
    record = Recorded(placing.request_hash, placed.hold.wallet_id, hold_id=placed.hold.id)
    assert books.recorded["k"] == record
    assert same_batch == Replayed(record, hold=placed.hold)
    books.book(capture(placed.hold))
    books.at = END  # the time for which it asked has passed
    decision = books.decide(placing)
    assert decision.outcomes == [Replayed(record)]
    assert _unwritten(decision)


def test_a_hold_placed_again_after_its_capture_in_one_batch_is_shown_as_placed() -> None:
    books = _books()
    placing = aside(redeem(10, "JADE-1"))
    twin = _books().hold(placing)
    placed, _, again = books.post(placing, capture(twin), placing)
    assert isinstance(placed, Held)
    assert again == Replayed(books.recorded[placing.key], hold=placed.hold)
    assert placed.hold.status is HoldStatus.HELD


@pytest.mark.parametrize("ending", [capture, void])
def test_an_end_sent_again_is_answered_as_at_first(ending: Callable[..., OnHold]) -> None:
    books = _books()
    held = books.hold(aside(redeem(10, "JADE-1")))
    command = ending(held, key="k")
    first, same_batch = books.post(command, command)
    record = books.recorded["k"]
    if isinstance(first, Posted):
        assert same_batch == Replayed(record, first.booking)
        assert (record.transaction_id, record.hold_id) == (held.id, None)
    else:
        assert isinstance(first, Held)
        assert same_batch == Replayed(record, hold=first.hold)
        assert (record.transaction_id, record.hold_id) == (None, held.id)
    books.at = END
    decision = books.decide(command)
    assert decision.outcomes == [Replayed(record)]
    assert _unwritten(decision)
    assert books.refuse(ending(held, key="k", metadata={})) == "idempotency_key_reused"


def test_a_refused_capture_stays_refused_and_another_key_is_another_try() -> None:
    books = _books()
    held = books.hold(aside(redeem(10, "JADE-1")))
    command = capture(held, 11, key="k")
    assert books.refuse(command) == "exceeds_held"
    assert isinstance(books.post(command)[0], Replayed)
    books.book(capture(held, 10))


def test_a_hold_placed_and_captured_is_reversed_like_any_redemption() -> None:
    books = _books()
    held = books.hold(aside(redeem(400, "LOTUS-1")))
    books.book(capture(held, 300))
    assert books.refuse(reverse(held, 301)) == "exceeds_reversible"
    books.book(reverse(held))
    assert books.left("Wang") == LOTS
    assert books.holds[held.id].status is HoldStatus.CAPTURED


def test_points_earned_into_a_lot_that_is_partly_held_stay_when_it_is_captured() -> None:
    books = Books(alliance("JADE"))
    books.book(accrue("¥10.00", "JADE-1"))
    held = books.hold(aside(redeem(10, "JADE-1")))
    books.book(accrue("¥5.00", "JADE-1"))
    books.book(capture(held, 4))
    assert books.left("Wang") == ["JADE 11 pts 2028-11-30"]
