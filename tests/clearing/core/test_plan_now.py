"""What a redemption would do now is what it does, or is refused for, when it is posted."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clearing.core.commands import Redemption, Scope
from clearing.core.decide import plan_now
from clearing.core.limits import Usage, UsageKey, UsageOf
from clearing.core.outcomes import Posted, Refusal
from support.core import Books, alliance, redeem

FEES = ["redemption 2% min=¥0.10 payer=0.5"]
CARDS = ["J-1 Wang JADE", "J-2 Li JADE blocked"]
LOTS = {"Wang": ["JADE 300 pts 2027-01-31", "LOTUS 200 pts never", "JADE 50 pts 2026-01-31"]}


def _books(jade: str = "", **settings: int) -> Books:
    directory = alliance(f"JADE {jade}", "LOTUS", merchants=["LOTUS-2 suspended"], fees=FEES, **settings)
    return Books(directory, CARDS, LOTS)


@pytest.mark.parametrize(
    ("merchant", "points"), [("LOTUS-1", 500), ("LOTUS-1", 150), ("JADE-1", 300), ("JADE-1", 301)]
)
def test_what_it_would_do_is_what_it_does(merchant: str, points: int) -> None:
    books, command = _books(), redeem(points, merchant)
    plan = plan_now(books.snapshot(), command, books.at)
    assert not isinstance(plan, Refusal)
    booking = books.book(command)
    said = [(one.issuer_id, one.points, one.amount, one.obligation, *one.fee[:2]) for one in plan.legs]
    assert said == [
        (one.issuer_id, one.points, one.amount, one.obligation, one.acceptor_fee, one.issuer_fee)
        for one in booking.legs
    ]


REFUSED = {
    "amount_invalid": redeem(0, "LOTUS-1"),
    "insufficient_points": redeem(501, "LOTUS-1"),
    "merchant_unknown": redeem(1, "PINE-1"),
    "merchant_suspended": redeem(1, "LOTUS-2"),
    "card_unknown": redeem(1, "LOTUS-1", card="J-9"),
    "card_blocked": redeem(1, "LOTUS-1", card="J-2"),
    "velocity_limit": redeem(401, "LOTUS-1"),
}


@pytest.mark.parametrize(("code", "command"), REFUSED.items(), ids=REFUSED)
def test_what_would_be_refused_is_refused_for_the_same(code: str, command: Redemption) -> None:
    books = _books(card_points_per_day=500)
    books.usage = {UsageKey(UsageOf.CARD, "J-1"): Usage(100, 0)}
    refusal = plan_now(books.snapshot(), command, books.at)
    assert refusal == books.decide(command).outcomes[0]
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


def test_who_may_not_act_there_and_who_is_suspended_learn_nothing() -> None:
    books, command = _books("suspended"), redeem(100, "LOTUS-1")
    assert plan_now(books.snapshot(), command, books.at) == books.decide(command).outcomes[0]
    stranger = replace(command, caller=command.caller._replace(scope=Scope.MERCHANT, merchant_id=101))
    refusal = plan_now(books.snapshot(), stranger, books.at)
    assert refusal == books.decide(stranger).outcomes[0]
    assert isinstance(refusal, Refusal)
    assert refusal.code == "forbidden"


def test_no_period_need_be_open() -> None:
    books, command = _books(), redeem(500, "LOTUS-1")
    open_ = plan_now(books.snapshot(), command, books.at)
    books.periods = []
    assert plan_now(books.snapshot(), command, books.at) == open_


def test_points_that_ended_are_not_counted() -> None:
    books = _books()
    then = datetime(2027, 2, 1, tzinfo=UTC)
    refusal = plan_now(books.snapshot(), redeem(201, "LOTUS-1"), then)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "insufficient_points"


def test_nothing_is_booked() -> None:
    books, command = _books(), redeem(500, "LOTUS-1")
    snapshot = books.snapshot()
    plan_now(snapshot, command, books.at)
    assert books.snapshot() == snapshot
    assert isinstance(books.post(command)[0], Posted)
