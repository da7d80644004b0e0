"""What others are told of, with what caused it."""

from clearing.core.events import Event, EventType
from clearing.core.limits import Cap
from support.core import Books, alliance, aside, capture, lapse, load, redeem, shanghai, spend, void


def _books() -> Books:
    directory = alliance("JADE enabled", "LOTUS", "PINE")
    return Books(directory, lots={"Wang": ["JADE 100 pts never", "JADE ¥5.00 never"]}, first_id=1000)


def test_a_hold_that_nobody_ended_is_told_to_the_participant_where_it_was_placed() -> None:
    books = _books()
    points = books.hold(aside(redeem(30, "LOTUS-1", reference="ROOM-7"), "2026-11-15 12:00"))
    value = books.hold(aside(spend("¥2.00", "LOTUS-1"), "2026-11-15 12:00"))
    books.at = shanghai("2026-11-15 12:00")
    assert books.decide(lapse(points), lapse(value)).events == [
        Event(
            1002,
            EventType.HOLD_LAPSED,
            2,
            {
                "wallet_id": 1,
                "hold_id": points.id,
                "merchant_id": 201,
                "reference": "ROOM-7",
                "points": 30,
                "amount": 30,
            },
        ),
        Event(
            1003,
            EventType.HOLD_LAPSED,
            2,
            {
                "wallet_id": 1,
                "hold_id": value.id,
                "merchant_id": 201,
                "reference": None,
                "points": 0,
                "amount": 200,
            },
        ),
    ]


def test_nobody_is_told_of_a_hold_that_was_captured_or_voided() -> None:
    books = _books()
    first, second = books.hold(aside(redeem(30, "LOTUS-1"))), books.hold(aside(redeem(1, "LOTUS-1")))
    assert books.decide(capture(first), void(second)).events == []


def test_one_that_stays_on_its_line_does_not_keep_others_from_being_told() -> None:
    books = _books()
    books.caps = {1: Cap(1_000, 0, alone=True), 2: Cap(100, 69, alone=True)}
    [event] = books.decide(load("¥0.01", "LOTUS-1", "JADE")).events
    assert (event.participant_id, event.data["line"]) == (2, 70)


def test_each_participant_is_told_of_its_own_line_once() -> None:
    books = _books()
    books.caps = {1: Cap(100, 0, alone=True), 2: Cap(100, 90, 70, alone=True), 3: Cap(100, 0, alone=True)}
    decision = books.decide(redeem(30, "LOTUS-1"), redeem(65, "LOTUS-1"))
    # LOTUS, who is owed 95 more than before, falls below its line and is told nothing.
    assert decision.cap_lines == {1: 95, 2: 0}
    data = {"line": 95, "net_debit_cap": 100, "net_debit": 95}
    assert decision.events == [Event(1002, EventType.CAP_WARNING, 1, data)]
