"""Reversal: a transaction is undone, all of it or a part, by new opposite entries."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from clearing.core.amounts import MAX_QUANTITY
from clearing.core.commands import Caller, Command, Redemption, Scope, Spend
from clearing.core.journal import PositionChange, TransactionKind
from clearing.core.outcomes import Held, Posted, Refusal, Replayed
from support.core import (
    NOW,
    Books,
    accrue,
    alliance,
    aside,
    capture,
    expire,
    load,
    open_balance,
    redeem,
    reverse,
    shanghai,
    spend,
    void,
    yuan,
)

FEES = ["visit 1%", "redemption 2%", "spend 0.6%", "load 0.5% payer=issuer"]
LOTS = ["JADE 300 pts 2027-01-31", "LOTUS 150 pts 2026-12-31", "JADE ¥50.00 never", "LOTUS ¥20.00 never"]


def _books(*lots: str, fees: list[str] = FEES, **settings: Any) -> Books:
    directory = alliance("JADE enabled", "LOTUS enabled", "PINE", fees=fees, **settings)
    return Books(directory, ["J-1 Wang JADE", "L-1 Li LOTUS"], {"Wang": lots or LOTS})


UNDONE = [
    # what is done, the legs of its reversal, what it moves, its entries
    (
        redeem(400, "LOTUS-1"),
        [
            "redemption of LOTUS: -150 pts, ¥-1.50; own_system",
            "redemption of JADE: -250 pts, ¥-2.50; JADE owes LOTUS ¥-2.50; LOTUS pays ¥-0.05; exchange",
        ],
        ["+250 JADE 2027-01-31", "+150 LOTUS 2026-12-31"],
        [
            "redeemed JADE → lot JADE 2027-01-31: 250 pts",
            "redeemed LOTUS → lot LOTUS 2026-12-31: 150 pts",
            "clearing LOTUS → clearing JADE: ¥2.50",
            "fee_income HUB → clearing LOTUS: ¥0.05",
        ],
    ),
    (
        redeem(100, "JADE-1"),
        ["redemption of JADE: -100 pts, ¥-1.00; own_system"],
        ["+100 JADE 2027-01-31"],
        ["redeemed JADE → lot JADE 2027-01-31: 100 pts"],
    ),
    (
        spend("¥50.00", "LOTUS-1"),
        [
            "spend of LOTUS: ¥-20.00; own_system",
            "spend of JADE: ¥-30.00; JADE owes LOTUS ¥-30.00; LOTUS pays ¥-0.18; exchange",
        ],
        ["+3000 JADE never", "+2000 LOTUS never"],
        [
            "float JADE → lot JADE never: ¥30.00",
            "float LOTUS → lot LOTUS never: ¥20.00",
            "clearing LOTUS → clearing JADE: ¥30.00",
            "fee_income HUB → clearing LOTUS: ¥0.18",
        ],
    ),
    (
        load("¥10.00", "JADE-1"),
        ["load of JADE: ¥-10.00; own_system"],
        ["-1000 JADE never"],
        ["lot JADE never → float JADE: ¥10.00"],
    ),
    (
        load("¥10.00", "LOTUS-1", "JADE"),
        ["load of JADE: ¥-10.00; LOTUS owes JADE ¥-10.00; JADE pays ¥-0.05; exchange"],
        ["-1000 JADE never"],
        [
            "lot JADE never → float JADE: ¥10.00",
            "clearing JADE → clearing LOTUS: ¥10.00",
            "fee_income HUB → clearing JADE: ¥0.05",
        ],
    ),
    (
        accrue("¥68.50", "JADE-1"),
        ["visit of JADE: -68 pts, ¥-68.50; own_system"],
        ["-68 JADE 2028-11-30"],
        ["lot JADE 2028-11-30 → issued JADE: 68 pts"],
    ),
    (
        accrue("¥68.50", "LOTUS-1"),
        [
            "visit of JADE: ¥-68.50; LOTUS pays ¥-0.69; exchange",
            "issue of LOTUS: -68 pts; own_system",
        ],
        ["-68 LOTUS 2028-11-30"],
        ["lot LOTUS 2028-11-30 → issued LOTUS: 68 pts", "fee_income HUB → clearing LOTUS: ¥0.69"],
    ),
    (
        accrue("¥68.50", "LOTUS-1", points=0),
        ["visit of JADE: ¥-68.50; LOTUS pays ¥-0.69; exchange"],
        [],
        ["fee_income HUB → clearing LOTUS: ¥0.69"],
    ),
]


def _kind(value: object) -> str:
    return type(value).__name__.lower() if isinstance(value, Command) else ""


@pytest.mark.parametrize(("command", "legs", "moves", "entries"), UNDONE, ids=_kind)
def test_all_of_it_is_undone_by_opposite_entries(
    command: Command, legs: list[str], moves: list[str], entries: list[str]
) -> None:
    books = _books()
    first = books.book(command)
    back = books.book(reverse(first))
    assert books.legs(back) == legs
    assert books.moves(back) == moves
    assert books.entries(back) == entries
    assert books.left("Wang") == LOTS
    assert set(books.nets().values()) == {"¥0.00"}
    assert [(leg.fee_rule_id, leg.reason) for leg in back.legs] == [
        (leg.fee_rule_id, leg.reason) for leg in first.legs
    ]


@pytest.mark.parametrize("command", [case[0] for case in UNDONE], ids=_kind)
def test_it_names_the_original_and_stands_where_that_was_made(command: Command) -> None:
    books = _books()
    first = books.book(command).transaction
    said = reverse(books.bookings[first.id], reason="wrong till", reference="R-1", metadata={"by": "Ann"})
    back = books.book(said).transaction
    assert (back.kind, back.original_id, back.original_period) == (TransactionKind.REVERSAL, first.id, 202611)
    assert (back.points, back.amount) == (-first.points, -first.amount)
    same = ("wallet_id", "card_number", "merchant_id", "acceptor_id", "period")
    assert [getattr(back, name) for name in same] == [getattr(first, name) for name in same]
    assert (back.purpose, back.reference, back.metadata) == ("wrong till", "R-1", {"by": "Ann"})
    assert (first.original_id, first.original_period) == (None, None)


def test_positions_count_both_and_come_to_nothing() -> None:
    books = _books()
    books.book(reverse(books.book(redeem(100, "PINE-1"))))
    assert books.position(202611, "redemption", "LOTUS", "PINE") == PositionChange(2, 0, 0, 0, 0, 0)


# ---- in parts -----------------------------------------------------------------------------------


def test_the_last_drawn_points_go_back_first() -> None:
    books = _books("JADE 100 pts 2026-12-31", "JADE 100 pts 2027-01-31", "LOTUS 100 pts never")
    first = books.book(redeem(290, "JADE-1"))
    parts = [books.moves(books.book(reverse(first, points))) for points in (40, 60, 90)]
    assert parts == [
        ["+40 LOTUS never"],
        ["+50 LOTUS never", "+10 JADE 2027-01-31"],
        ["+90 JADE 2027-01-31"],
    ]
    assert books.moves(books.book(reverse(first))) == ["+100 JADE 2026-12-31"]
    assert books.left("Wang") == [
        "JADE 100 pts 2026-12-31",
        "JADE 100 pts 2027-01-31",
        "LOTUS 100 pts never",
    ]


def test_only_issuers_who_get_something_back_have_a_leg() -> None:
    books = _books()
    first = books.book(redeem(400, "LOTUS-1"))
    assert books.legs(books.book(reverse(first, 200))) == [
        "redemption of JADE: -200 pts, ¥-2.00; JADE owes LOTUS ¥-2.00; LOTUS pays ¥-0.04; exchange"
    ]
    assert [leg.issuer_id for leg in books.book(reverse(first, 60)).legs] == [2, 1]
    assert books.legs(books.book(reverse(first))) == ["redemption of LOTUS: -140 pts, ¥-1.40; own_system"]


def test_one_issuers_lots_that_others_stand_between_make_one_leg() -> None:
    lots = ["JADE 10 pts 2026-11-20", "LOTUS 10 pts 2026-11-25", "JADE 10 pts 2026-11-30"]
    books = Books(
        alliance("JADE", "LOTUS", "PINE", draw_order="earliest_first"), ["J-1 Wang JADE"], {"Wang": lots}
    )
    first = books.book(redeem(30, "PINE-1"))
    back = books.book(reverse(first, 25))
    assert [(leg.issuer_id, leg.points) for leg in back.legs] == [(1, -15), (2, -10)]
    assert books.left("Wang") == ["JADE 5 pts 2026-11-20", *lots[1:]]


def test_the_minimum_fee_is_kept_until_all_is_undone() -> None:
    books = _books(fees=["redemption 2% min=¥1.00"])
    first = books.book(redeem(200, "LOTUS-1", card="J-1"))
    assert [leg.acceptor_fee for leg in books.book(reverse(first, 49)).legs] == [0]
    assert [leg.acceptor_fee for leg in books.book(reverse(first)).legs] == [0, -100]


def test_above_the_maximum_no_fee_is_given_back() -> None:
    books = _books("JADE 1000 pts never", fees=["redemption 10% max=¥0.50"])
    first = books.book(redeem(1000, "LOTUS-1"))
    fees = [books.book(reverse(first, points)).legs[0].acceptor_fee for points in (500, 100, 400)]
    assert fees == [0, -10, -40]


def test_points_worth_less_than_half_a_fen_give_back_the_fee_that_they_were_charged() -> None:
    books = _books(fees=["redemption 2% min=¥1.00"], point_value=Decimal("0.3"))
    first = books.book(redeem(1, "PINE-1"))
    assert books.legs(first) == ["redemption of LOTUS: 1 pts; PINE pays ¥1.00; exchange"]
    assert books.legs(books.book(reverse(first))) == [
        "redemption of LOTUS: -1 pts; PINE pays ¥-1.00; exchange"
    ]
    assert books.nets()["HUB"] == "¥0.00"


def test_an_amount_takes_as_many_points_as_are_worth_it() -> None:
    books = _books(point_value=Decimal("0.7"))
    first = books.book(redeem(100, "PINE-1"))  # ¥0.70
    back = books.book(reverse(first, "¥0.10"))  # 14.3 points
    assert (back.transaction.points, back.transaction.amount) == (-15, -10)  # 59.5 fen are left: 60
    assert books.refuse(reverse(first, "¥0.61")) == "exceeds_reversible"
    assert books.book(reverse(first, "¥0.60")).transaction.points == -85


def test_all_of_a_worth_that_was_rounded_up_can_be_asked_for() -> None:
    books = _books(point_value=Decimal("0.7"))
    first = books.book(redeem(1, "JADE-1"))
    assert first.transaction.amount == 1
    assert books.book(reverse(first, "¥0.01")).transaction.points == -1


ACCRUALS = [
    # cash, points, what is taken back, (points, fen) of each reversal
    ("¥100.00", None, ["¥25.00", 25, None], [(-25, -2500), (-25, -2500), (-50, -5000)]),
    ("¥100.99", None, ["¥0.99", "¥0.01", None], [(-1, -99), (0, -1), (-99, -9999)]),  # points rounded down
    ("¥100.00", 3, [1, 1, 1], [(-1, -3333), (-1, -3334), (-1, -3333)]),  # cash half up
    ("¥0.01", 1000, [501, None], [(-501, -1), (-499, 0)]),
    ("¥100.00", 1, ["¥50.00", "¥50.00"], [(-1, -5000), (0, -5000)]),
]


@pytest.mark.parametrize("merchant", ["JADE-1", "LOTUS-1"])
@pytest.mark.parametrize(("cash", "points", "asked", "undone"), ACCRUALS)
def test_points_and_cash_of_an_accrual_go_back_together(
    cash: str, points: int | None, asked: list[int | str | None], undone: list[tuple[int, int]], merchant: str
) -> None:
    books = _books()
    first = books.book(accrue(cash, merchant, points))
    backs = [books.book(reverse(first, quantity)).transaction for quantity in asked]
    assert [(back.points, back.amount) for back in backs] == undone
    assert books.refuse(reverse(first)) == "exceeds_reversible"
    assert books.left("Wang") == LOTS
    assert set(books.nets().values()) == {"¥0.00"}


def test_in_one_batch_each_reversal_sees_what_is_left() -> None:
    books = _books()
    first = books.book(redeem(100, "JADE-1"))
    outcomes = books.post(*(reverse(first, points) for points in (60, 60, 40, 1)))
    assert [type(outcome) for outcome in outcomes] == [Posted, Refusal, Posted, Refusal]
    assert books.left("Wang") == LOTS


# ---- what was agreed then -------------------------------------------------------------------------


def test_the_worth_and_the_price_of_that_day_are_given_back() -> None:
    books = _books(reimbursement_rate=Decimal("0.9"))
    first = books.book(redeem(100, "PINE-1"))
    books.directory = alliance(
        "JADE",
        "LOTUS",
        "PINE",
        fees=[*FEES, "redemption 50%"],
        point_value=Decimal(3),
        reimbursement_rate=Decimal("0.5"),
    )
    assert books.legs(books.book(reverse(first, 50))) == [
        "redemption of LOTUS: -50 pts, ¥-0.50; LOTUS owes PINE ¥-0.45; PINE pays ¥-0.01; exchange"
    ]
    assert books.book(reverse(first, "¥0.50")).transaction.points == -50
    assert set(books.nets().values()) == {"¥0.00"}


def test_a_member_who_has_become_one_of_the_acceptors_own_changes_nothing() -> None:
    books = _books()
    first = books.book(accrue("¥100.00", "LOTUS-1"))
    books.cards["L-9"] = books.cards["L-1"]._replace(number="L-9", wallet_id=books.wallets["Wang"])
    books.book(reverse(first))
    assert set(books.nets().values()) == {"¥0.00"}


def test_a_suspension_or_a_blocked_card_does_not_keep_it_from_being_undone() -> None:
    books = _books()
    first = books.book(redeem(100, "PINE-1"))
    books.directory = alliance(
        "JADE suspended", "LOTUS", "PINE suspended", fees=FEES, merchants=["PINE-1 suspended"]
    )
    del books.cards["J-1"]
    books.book(reverse(first))
    assert books.left("Wang") == LOTS


# ---- lots that have ended -------------------------------------------------------------------------


GRACE = [
    # when it is reversed, days of grace, the lot in which the points come back
    ("2026-11-30 23:59:59", 30, "JADE 100 pts 2026-11-30"),  # its last good day
    ("2026-12-01 00:00", 30, "JADE 100 pts 2026-12-31"),
    ("2026-12-01 00:00", 10, "JADE 100 pts 2026-12-11"),
    ("2026-12-01 00:00", 0, "JADE 100 pts 2026-12-01"),
]


@pytest.mark.parametrize(("at", "days", "lot"), GRACE)
def test_points_of_a_lot_that_has_ended_come_back_with_days_of_grace(at: str, days: int, lot: str) -> None:
    books = _books("JADE 100 pts 2026-11-30", grace_days=days)
    first = books.book(redeem(100, "JADE-1"))
    books.at = shanghai(at)
    books.book(reverse(first))
    assert books.left("Wang") == [lot]


def test_lots_that_have_ended_come_back_as_one_and_the_others_as_themselves() -> None:
    books = _books("JADE 10 pts 2026-11-20", "JADE 20 pts 2026-11-30", "JADE 30 pts 2026-12-31")
    first = books.book(redeem(60, "JADE-1"))
    books.at = shanghai("2026-12-02 12:00")
    back = books.book(reverse(first))
    assert books.moves(back) == ["+30 JADE 2026-12-31", "+20 JADE 2027-01-01", "+10 JADE 2027-01-01"]
    assert books.left("Wang") == ["JADE 30 pts 2026-12-31", "JADE 30 pts 2027-01-01"]


def test_grace_joins_a_lot_that_ends_on_that_day() -> None:
    books = _books("JADE 10 pts 2026-11-30", "JADE 5 pts 2026-12-31")
    first = books.book(redeem(10, "JADE-1"))
    books.at = shanghai("2026-12-01 12:00")
    books.book(reverse(first))
    assert books.left("Wang") == ["JADE 15 pts 2026-12-31"]


def test_days_of_grace_are_counted_from_each_reversal() -> None:
    books = _books("JADE 10 pts 2026-11-30")
    first = books.book(redeem(10, "JADE-1"))
    for day in ("2026-12-01", "2026-12-02"):
        books.at = shanghai(f"{day} 12:00")
        books.book(reverse(first, 5))
    assert books.left("Wang") == ["JADE 5 pts 2026-12-31", "JADE 5 pts 2027-01-01"]


# ---- points that are spent already ----------------------------------------------------------------


def _spent(points: int = 60) -> tuple[Books, Any]:
    """100 points of JADE were earned and so many of them used."""
    books = Books(alliance("JADE", "LOTUS"), ["J-1 Wang JADE", "J-2 Li JADE"])
    first = books.book(accrue("¥100.00", "JADE-1"))
    books.book(redeem(points, "JADE-1"))
    return books, first


def test_an_accrual_whose_points_are_spent_leaves_arrears() -> None:
    books, first = _spent(60)
    back = books.book(reverse(first))
    assert books.legs(back) == ["visit of JADE: -100 pts, ¥-100.00; own_system"]
    assert books.moves(back) == ["-40 JADE 2028-11-30"]
    assert books.entries(back) == [
        "lot JADE 2028-11-30 → issued JADE: 40 pts",
        "arrears JADE → issued JADE: 60 pts",
    ]
    assert (books.left("Wang"), books.owed("Wang")) == ([], ["JADE 60 pts"])


def test_down_to_one_point_what_is_missing_is_owed_and_paid() -> None:
    books, first = _spent(1)
    back = books.book(reverse(first))
    assert books.entries(back)[-1] == "arrears JADE → issued JADE: 1 pts"
    assert books.owed("Wang") == ["JADE 1 pts"]
    paid = books.book(accrue("¥1.00", "JADE-1"))
    assert books.entries(paid) == ["issued JADE → arrears JADE: 1 pts"]
    assert (books.left("Wang"), books.owed("Wang")) == ([], [])


def test_where_all_points_are_spent_no_lot_is_touched() -> None:
    books, first = _spent(100)
    back = books.book(reverse(first))
    assert (books.moves(back), books.entries(back)) == ([], ["arrears JADE → issued JADE: 100 pts"])


def test_in_parts_the_points_that_are_left_go_first() -> None:
    books, first = _spent(60)
    owed = []
    for points in (30, 20, 50):
        books.book(reverse(first, points))
        owed.append(books.owed("Wang"))
    assert owed == [[], ["JADE 10 pts"], ["JADE 60 pts"]]


def test_later_accruals_pay_arrears_first() -> None:
    books, first = _spent(60)
    books.book(reverse(first))
    paying = books.book(accrue("¥25.00", "JADE-1"))
    assert books.legs(paying) == ["visit of JADE: 25 pts, ¥25.00; own_system"]
    assert books.moves(paying) == []
    assert books.entries(paying) == ["issued JADE → arrears JADE: 25 pts"]
    assert books.owed("Wang") == ["JADE 35 pts"]
    rest = books.book(accrue("¥50.00", "JADE-1"))
    assert books.moves(rest) == ["+15 JADE 2028-11-30"]
    assert books.entries(rest) == [
        "issued JADE → lot JADE 2028-11-30: 15 pts",
        "issued JADE → arrears JADE: 35 pts",
    ]
    assert (books.left("Wang"), books.owed("Wang")) == (["JADE 15 pts 2028-11-30"], [])


def test_only_accruals_of_that_issuer_and_wallet_pay() -> None:
    books, first = _spent(60)
    books.book(reverse(first))
    books.book(accrue("¥10.00", "LOTUS-1"))
    books.book(accrue("¥10.00", "JADE-1", card="J-2"))
    assert books.owed("Wang") == ["JADE 60 pts"]
    assert books.left("Wang") == ["LOTUS 10 pts 2028-11-30"]
    assert books.left("Li") == ["JADE 10 pts 2028-11-30"]


def test_arrears_are_seen_by_later_commands_of_the_batch() -> None:
    books, first = _spent(60)
    books.post(reverse(first), accrue("¥50.00", "JADE-1"), accrue("¥50.00", "JADE-1"))
    assert (books.left("Wang"), books.owed("Wang")) == (["JADE 40 pts 2028-11-30"], [])


def test_undoing_an_accrual_that_paid_arrears_brings_them_back() -> None:
    books, first = _spent(60)
    books.book(reverse(first))
    paying = books.book(accrue("¥100.00", "JADE-1"))  # 60 pay, 40 are given
    books.book(reverse(paying, 30))
    assert (books.left("Wang"), books.owed("Wang")) == (["JADE 10 pts 2028-11-30"], [])
    books.book(reverse(paying, 30))
    assert (books.left("Wang"), books.owed("Wang")) == ([], ["JADE 20 pts"])
    books.book(reverse(paying))
    assert books.owed("Wang") == ["JADE 60 pts"]


@pytest.mark.parametrize("parts", [[None], [40, None], [60, 40], [10, 20, 30, 40]])
def test_arrears_that_come_back_are_paid_by_points_that_another_accrual_gave(parts: list[int | None]) -> None:
    books, first = _spent(60)
    books.book(reverse(first))
    paying = books.book(accrue("¥100.00", "JADE-1"))
    books.book(accrue("¥500.00", "JADE-1"))  # into the same lot
    for points in parts:
        books.book(reverse(paying, points))
    assert (books.left("Wang"), books.owed("Wang")) == (["JADE 440 pts 2028-11-30"], [])


def test_an_accrual_that_went_into_arrears_altogether_brings_them_back() -> None:
    books, first = _spent(60)
    books.book(reverse(first))
    paying = books.book(accrue("¥50.00", "JADE-1"))
    back = books.book(reverse(paying, 20))
    assert books.entries(back) == ["arrears JADE → issued JADE: 20 pts"]
    assert books.owed("Wang") == ["JADE 30 pts"]


def test_points_that_are_held_are_not_taken() -> None:
    books = Books(alliance("JADE"))
    first = books.book(accrue("¥100.00", "JADE-1"))
    held = books.hold(aside(redeem(70, "JADE-1")))
    books.book(reverse(first))
    assert (books.left("Wang"), books.owed("Wang")) == (["JADE 0 pts 2028-11-30 held=70"], ["JADE 70 pts"])
    books.book(capture(held))
    assert (books.left("Wang"), books.owed("Wang")) == ([], ["JADE 70 pts"])


def test_a_visit_without_points_leaves_no_arrears() -> None:
    books, _ = _spent(100)
    visit = books.book(accrue("¥10.00", "LOTUS-1", points=0))
    books.book(reverse(visit))
    assert books.arrears == {}


# ---- value that is spent already ------------------------------------------------------------------


def test_a_load_whose_value_is_spent_cannot_be_taken_back() -> None:
    books = _books("JADE 1 pts never")
    first = books.book(load("¥10.00", "JADE-1"))
    books.book(spend("¥4.00", "JADE-1"))
    assert books.refuse(reverse(first)) == "exceeds_reversible"
    assert books.refuse(reverse(first, "¥6.01")) == "exceeds_reversible"
    books.book(reverse(first, "¥6.00"))
    assert books.refuse(reverse(first, "¥0.01")) == "exceeds_reversible"
    assert books.left("Wang") == ["JADE 1 pts never"]


def test_nor_can_a_load_whose_value_is_held() -> None:
    books = _books("JADE 1 pts never")
    first = books.book(load("¥10.00", "JADE-1"))
    held = books.hold(aside(spend("¥4.00", "JADE-1")))
    assert books.refuse(reverse(first)) == "exceeds_reversible"
    books.hold(void(held))
    books.book(reverse(first))


# ---- when -----------------------------------------------------------------------------------------


def test_of_a_closed_period_it_is_booked_in_the_open_one() -> None:
    books = _books()
    first = books.book(redeem(100, "PINE-1"))
    books.at = shanghai("2026-12-05 12:00")
    books.close(202611)
    back = books.book(reverse(first)).transaction
    assert (back.period, back.original_period, back.late) == (202612, 202611, False)
    assert books.position(202611, "redemption", "LOTUS", "PINE") == (1, 100, 100, 100, 2, 0)
    assert books.position(202612, "redemption", "LOTUS", "PINE") == (1, -100, -100, -100, -2, 0)


def test_one_that_occurred_before_its_period_is_late() -> None:
    books = _books()
    first = books.book(redeem(100, "PINE-1"))
    back = books.book(reverse(first, occurred_at=NOW - timedelta(days=20))).transaction
    assert (back.late, back.booked_at) == (True, NOW)


# ---- refused --------------------------------------------------------------------------------------


REFUSED = [
    # what is done, how much is undone, the answer
    (redeem(100, "JADE-1"), 101, "exceeds_reversible"),
    (redeem(100, "JADE-1"), "¥1.01", "exceeds_reversible"),
    (spend("¥1.00", "JADE-1"), "¥1.01", "exceeds_reversible"),
    (load("¥1.00", "JADE-1"), "¥1.01", "exceeds_reversible"),
    (accrue("¥10.00", "JADE-1"), 11, "exceeds_reversible"),
    (accrue("¥10.00", "JADE-1"), "¥10.01", "exceeds_reversible"),
    (accrue("¥10.00", "JADE-1", points=0), 1, "exceeds_reversible"),
    (redeem(100, "JADE-1"), 0, "amount_invalid"),
    (redeem(100, "JADE-1"), -1, "amount_invalid"),
    (redeem(100, "JADE-1"), MAX_QUANTITY + 1, "amount_invalid"),
    (redeem(100, "JADE-1"), "¥0.00", "amount_invalid"),
    (spend("¥1.00", "JADE-1"), "¥-0.01", "amount_invalid"),
    (spend("¥1.00", "JADE-1"), yuan(MAX_QUANTITY + 1), "amount_invalid"),
    (spend("¥1.00", "JADE-1"), 1, "amount_invalid"),  # points of a spend
    (load("¥1.00", "JADE-1"), 1, "amount_invalid"),
    (open_balance("JADE 10 pts never"), None, "not_reversible"),
    (open_balance("JADE ¥10.00 never"), None, "not_reversible"),
]


@pytest.mark.parametrize(("command", "quantity", "answer"), REFUSED)
def test_what_cannot_be_undone_is_refused_and_nothing_changes(
    command: Command, quantity: int | str | None, answer: str
) -> None:
    books = _books()
    first = books.book(command)
    assert books.refuse(reverse(first, quantity)) == answer


@pytest.mark.parametrize("command", [case[0] for case in UNDONE], ids=_kind)
def test_nothing_is_undone_twice(command: Command) -> None:
    books = _books()
    first = books.book(command)
    books.book(reverse(first))
    for quantity in (None, "¥0.01"):
        assert books.refuse(reverse(first, quantity)) == "exceeds_reversible"


def test_points_and_an_amount_at_once_are_refused() -> None:
    books = _books()
    for command in (redeem(100, "JADE-1"), accrue("¥10.00", "JADE-1")):
        first = books.book(command)
        assert books.refuse(reverse(first, 1, amount=1)) == "amount_invalid"


def test_a_reversal_is_not_reversed() -> None:
    books = _books()
    back = books.book(reverse(books.book(redeem(100, "JADE-1"))))
    assert books.refuse(reverse(back)) == "not_reversible"


def test_what_has_expired_is_not_brought_back() -> None:
    books = _books("JADE 10 pts 2026-11-14")
    gone = books.book(expire(books.lot("JADE 2026-11-14")))
    assert books.refuse(reverse(gone)) == "not_reversible"


@pytest.mark.parametrize("command", [redeem(100, "JADE-1"), spend("¥1.00", "JADE-1")], ids=_kind)
def test_a_hold_is_reversed_only_when_captured(command: Redemption | Spend) -> None:
    books = _books()
    held, voided = books.hold(aside(command)), books.hold(replace(aside(command), key="k"))
    books.hold(void(voided))
    assert (books.refuse(reverse(held)), books.refuse(reverse(voided))) == ("not_reversible",) * 2
    books.book(capture(held))
    books.book(reverse(held))
    assert books.left("Wang") == LOTS


def test_a_hold_captured_in_the_same_batch_is_reversed() -> None:
    books = _books()
    held = books.hold(aside(redeem(100, "PINE-1")))
    outcomes = books.post(reverse(held), capture(held), reverse(held, 40), reverse(held, 61), reverse(held))
    assert [type(outcome) for outcome in outcomes] == [Refusal, Posted, Posted, Refusal, Posted]
    assert books.left("Wang") == LOTS
    assert set(books.nets().values()) == {"¥0.00"}


@pytest.mark.parametrize("command", [redeem(100, "PINE-1"), spend("¥1.00", "PINE-1")], ids=_kind)
def test_by_its_whole_amount_too(command: Redemption | Spend) -> None:
    books = _books()
    held = books.hold(aside(command))
    _, back = books.post(capture(held), reverse(held, "¥1.00"))
    assert isinstance(back, Posted)
    assert (back.booking.transaction.amount, books.left("Wang")) == (-100, LOTS)


JADE = Caller("key_jade", Scope.PARTICIPANT, participant_id=1)
LOTUS = Caller("key_lotus", Scope.PARTICIPANT, participant_id=2)
JADE_1 = Caller("key_jade_1", Scope.MERCHANT, participant_id=1, merchant_id=101)
JADE_2 = Caller("key_jade_2", Scope.MERCHANT, participant_id=1, merchant_id=102)
AUDITOR = Caller("key_auditor", Scope.AUDITOR)
UNKNOWN = "transaction_unknown"
CALLERS = [
    # caller, answer for a redemption, a hold and an opening balance of JADE
    (JADE, None, "not_reversible", "not_reversible"),
    (JADE_1, None, "not_reversible", UNKNOWN),
    (JADE_2, UNKNOWN, UNKNOWN, UNKNOWN),
    (LOTUS, UNKNOWN, UNKNOWN, UNKNOWN),
    (AUDITOR, UNKNOWN, UNKNOWN, UNKNOWN),
]


@pytest.mark.parametrize(("caller", "redemption", "held", "opening"), CALLERS)
def test_what_is_not_the_callers_is_unknown_to_it(
    caller: Caller, redemption: str | None, held: str, opening: str
) -> None:
    books = _books()
    first = books.book(redeem(100, "JADE-1"))
    if redemption:
        assert books.refuse(reverse(first, caller=caller)) == redemption
    else:
        assert books.book(reverse(first, caller=caller)).transaction.posted_by == caller.key_id
    assert books.refuse(reverse(books.hold(aside(redeem(1, "JADE-1"))), caller=caller)) == held
    assert books.refuse(reverse(books.book(open_balance("JADE 1 pts never")), caller=caller)) == opening


def test_another_wallets_transaction_is_unknown() -> None:
    books = _books()
    first = books.book(redeem(100, "JADE-1"))
    assert books.refuse(reverse(first, wallet_id=books.wallets["Li"])) == UNKNOWN
    assert books.refuse(reverse(first, transaction_id=99)) == UNKNOWN


FUTURE = {"occurred_at": NOW + timedelta(minutes=3)}
PRECEDENCE = [
    # two faults, the answer
    ({"transaction_id": 99, "points": 0}, "amount_invalid"),
    ({"transaction_id": 99} | FUTURE, "occurred_in_future"),
    ({"points": 0} | FUTURE, "amount_invalid"),
    ({"points": 999} | FUTURE, "occurred_in_future"),
    ({"points": 999, "reference": "taken"}, "duplicate_reference"),
    ({"reference": "taken"} | FUTURE, "occurred_in_future"),
]


@pytest.mark.parametrize(("faults", "answer"), PRECEDENCE)
def test_of_two_faults_the_earlier_code_is_given(faults: dict[str, Any], answer: str) -> None:
    books = _books()
    first = books.book(redeem(100, "JADE-1", reference="other"))
    books.book(reverse(first, 1, reference="taken"))
    assert books.refuse(reverse(first, **faults)) == answer


def test_a_reversal_may_bear_the_number_of_its_original() -> None:
    books = _books()
    first = books.book(redeem(100, "JADE-1", reference="POS-1"))
    assert books.book(reverse(first, 1, reference="POS-1")).transaction.reference == "POS-1"
    assert books.refuse(reverse(first, 1, reference="POS-1")) == "duplicate_reference"


def test_sent_again_it_is_done_once() -> None:
    books = _books()
    first = books.book(redeem(100, "JADE-1"))
    again = reverse(first, 40, key="k")
    done, same_batch = books.post(again, again)
    assert isinstance(done, Posted)
    assert same_batch == Replayed(books.recorded["k"], done.booking)
    assert books.post(again) == [Replayed(books.recorded["k"])]
    assert books.refuse(reverse(first, 41, key="k")) == "idempotency_key_reused"
    assert Counter(type(row.original_id) for row in books.transactions.values()) == {type(None): 1, int: 1}


def test_a_hold_that_is_held_is_told_from_one_that_is_not_there() -> None:
    books = _books()
    [outcome] = books.post(aside(redeem(1, "JADE-1")))
    assert isinstance(outcome, Held)
    [refused] = books.post(reverse(outcome.hold))
    assert isinstance(refused, Refusal)
    assert refused.detail == "It is not captured, so nothing is booked; void its hold."
