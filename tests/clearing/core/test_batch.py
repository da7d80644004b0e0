"""A command sees what the commands before it have done; one that is refused harms none of them."""

from clearing.core.journal import LotMovement
from clearing.core.outcomes import Posted, Refusal
from support.core import Books, accrue, alliance, load, open_balance, redeem, reverse, spend


def _books(*lots: str) -> Books:
    return Books(
        alliance("JADE enabled", "LOTUS", fees=["redemption 2%"]),
        ["J-1 Wang JADE", "L-1 Li LOTUS"],
        {"Wang": lots},
    )


def test_points_can_be_used_in_the_batch_that_earned_them() -> None:
    books = _books()
    books.post(accrue("¥10.00", "JADE-1"), redeem(4, "LOTUS-1"), redeem(6, "JADE-1"))
    assert books.left("Wang") == []


def test_points_are_used_once() -> None:
    books = _books("JADE 10 pts never")
    outcomes = books.post(redeem(6, "LOTUS-1"), redeem(6, "LOTUS-1"), redeem(4, "LOTUS-1"))
    assert [type(outcome) for outcome in outcomes] == [Posted, Refusal, Posted]
    assert books.left("Wang") == []


def test_the_order_of_the_commands_decides() -> None:
    books = _books()
    outcomes = books.post(spend("¥5.00", "JADE-1"), load("¥5.00", "JADE-1"), spend("¥5.00", "JADE-1"))
    assert [type(outcome) for outcome in outcomes] == [Refusal, Posted, Posted]


def test_a_lot_made_and_used_in_one_batch_is_written_once_as_it_ends() -> None:
    decision = _books().decide(accrue("¥10.00", "JADE-1"), redeem(4, "JADE-1"))
    [lot] = decision.new_lots.values()
    assert lot.available == 6
    assert not decision.changed_lots


def test_a_lot_changed_twice_is_written_once_as_it_ends() -> None:
    decision = _books("JADE 10 pts never").decide(redeem(4, "JADE-1"), redeem(5, "JADE-1"))
    [lot] = decision.changed_lots.values()
    assert lot.available == 1


def test_what_crosses_between_the_same_two_adds_up_in_one_position() -> None:
    books = _books("JADE 1000 pts never")
    decision = books.decide(redeem(100, "LOTUS-1"), redeem(250, "LOTUS-1"), redeem(50, "JADE-1"))
    [change] = decision.positions.values()
    assert change == (2, 350, 350, 350, 7, 0)


def test_holds_are_left_alone() -> None:
    books = _books("JADE 10 pts never held=7")
    books.post(redeem(10, "JADE-1"))
    assert books.left("Wang") == ["JADE 0 pts never held=7"]


def test_wallets_do_not_meet() -> None:
    books = _books()
    books.post(open_balance("JADE 10 pts never", card="L-1"), redeem(1, "JADE-1", card="J-1"))
    assert (books.left("Wang"), books.left("Li")) == ([], ["JADE 10 pts never"])


def test_ids_are_used_only_for_what_is_written() -> None:
    books = _books()
    books.post(accrue("¥1.00", "JADE-1"), redeem(999, "JADE-1"), accrue("¥1.00", "JADE-1"))
    assert [*books.transactions, *books.lots] == [1000, 1002, 1001]


def test_a_transaction_keeps_what_it_was_given() -> None:
    books = _books()
    booked = books.book(accrue("¥1.00", "JADE-1", reference="POS-1", metadata={"till": "3"}))
    found = booked.transaction
    assert (found.reference, found.metadata, found.card_number) == ("POS-1", {"till": "3"}, "J-1")
    assert (found.rule_version, found.posted_by) == (7, "key_operator")


def test_legs_and_entries_of_each_transaction_are_numbered_from_one() -> None:
    books = _books("JADE 100 pts never", "LOTUS 50 pts never")
    decision = books.decide(redeem(120, "LOTUS-1"), redeem(1, "JADE-1"))
    first, second = (one.id for one in decision.transactions)
    assert [(leg.transaction_id, leg.number) for leg in decision.legs] == [
        (first, 1),
        (first, 2),
        (second, 1),
    ]
    # two lots, what JADE owes, the fee; and one lot
    assert [(entry.transaction_id, entry.number) for entry in decision.entries] == [
        (first, 1),
        (first, 2),
        (first, 3),
        (first, 4),
        (second, 1),
    ]


def test_an_answer_says_what_moved_in_which_lot() -> None:
    books = _books("JADE 10 pts 2026-12-31", "JADE ¥1.00 never")
    [points, value] = books.lots.values()
    last_day = points.expires_on
    assert books.book(redeem(4, "LOTUS-1")).movements == [LotMovement(1, points.id, last_day, 4, False)]
    assert books.book(load("¥2.00", "JADE-1")).movements == [LotMovement(1, value.id, None, 200, True)]
    earned = books.book(accrue("¥3.00", "LOTUS-1", points=3))
    new = books.lot("LOTUS 2028-11-30")
    assert earned.movements == [LotMovement(2, new.id, new.expires_on, 3, True)]


def test_a_fee_of_one_fen_is_a_fee_and_goes_back_as_one() -> None:
    books = _books("JADE 50 pts never")
    booked = books.book(redeem(50, "LOTUS-1"))
    assert books.entries(booked)[-1] == "clearing LOTUS → fee_income HUB: ¥0.01"
    assert books.entries(books.book(reverse(booked)))[-1] == "fee_income HUB → clearing LOTUS: ¥0.01"


def test_an_empty_batch_decides_nothing() -> None:
    assert _books().post() == []
