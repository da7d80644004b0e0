"""Linking: cards of several participants that one person holds share a wallet. Parting: one leaves again."""

from dataclasses import replace
from decimal import Decimal

import pytest

from clearing.core.accounts import EntryKind
from clearing.core.batch import Decision
from clearing.core.commands import Caller, Command, Link, Scope, Unlink
from clearing.core.decide import PeriodMissing
from clearing.core.holds import Hold, HoldStatus
from clearing.core.journal import Booking, LegKind, PositionChange, TransactionKind
from clearing.core.outcomes import Code, Moved, Refusal, Replayed
from support.core import (
    Books,
    accrue,
    alliance,
    aside,
    capture,
    lapse,
    link,
    load,
    open_balance,
    redeem,
    reverse,
    shanghai,
    spend,
    unlink,
    void,
)

FEES = ["visit 1%", "redemption 2%", "spend 0.6%", "load 0.5% payer=issuer"]
CARDS = ["J-1 Wang JADE", "L-1 Li LOTUS", "P-1 Pei PINE"]
WANGS = ["JADE 300 pts 2027-01-31", "LOTUS 40 pts 2026-12-31", "JADE ¥50.00 never"]
LIS = ["LOTUS 150 pts 2026-12-31", "JADE 70 pts 2027-01-31", "LOTUS ¥20.00 never"]
JADE, LOTUS, PINE = 1, 2, 3


def _books(
    wangs: list[str] = WANGS, lis: list[str] = LIS, peis: list[str] | None = None, cards: list[str] = CARDS
) -> Books:
    directory = alliance("JADE enabled", "LOTUS enabled", "PINE enabled", fees=FEES)
    return Books(directory, cards, {"Wang": wangs, "Li": lis, "Pei": peis or []})


def _linked(wangs: list[str] = WANGS, lis: list[str] = LIS) -> Books:
    books = _books(wangs, lis)
    books.move(link("J-1", "L-1"))
    return books


def _of(participant_id: int) -> Caller:
    return Caller(f"key_{participant_id}", Scope.PARTICIPANT, participant_id=participant_id)


def _in_words(books: Books, decision: Decision) -> list[str]:
    """Each transfer: whose wallet, and what of whom."""
    return [
        f"{row.wallet_id}: {leg.points} pts of {books.code(leg.issuer_id)}"
        if leg.points
        else f"{row.wallet_id}: {leg.amount} fen of {books.code(leg.issuer_id)}"
        for row, leg in zip(decision.transactions, decision.legs, strict=True)
    ]


# ---- what a merge takes along -------------------------------------------------------------------


def test_lots_of_the_same_last_day_join_and_others_are_new() -> None:
    books = _linked()
    assert books.cards["L-1"].wallet_id == books.cards["J-1"].wallet_id == 1
    assert books.left("Wang") == [
        "JADE 370 pts 2027-01-31",
        "LOTUS 190 pts 2026-12-31",
        "JADE ¥50.00 never",
        "LOTUS ¥20.00 never",
    ]
    assert all(lot.available == lot.held == 0 for lot in books.lots.values() if lot.wallet_id == 2)


def test_two_transfers_for_each_issuer_and_asset_that_add_up_to_nothing() -> None:
    books = _books()
    decision = books.move(link("J-1", "L-1", caller=_of(LOTUS)))
    assert _in_words(books, decision) == [
        "2: -70 pts of JADE",
        "1: 70 pts of JADE",
        "2: -150 pts of LOTUS",
        "1: 150 pts of LOTUS",
        "2: -2000 fen of LOTUS",
        "1: 2000 fen of LOTUS",
    ]
    assert {row.kind for row in decision.transactions} == {TransactionKind.TRANSFER}
    assert {(leg.kind, leg.obligation, leg.fee) for leg in decision.legs} == {(LegKind.TRANSFER, 0, 0)}
    assert all(leg.issuer_id == leg.acceptor_id for leg in decision.legs)
    booked = [Booking(row, [], []) for row in decision.transactions]
    assert [line for one in booked for line in books.entries(one)] == [
        "lot JADE 2027-01-31 → moved JADE: 70 pts",
        "moved JADE → lot JADE 2027-01-31: 70 pts",
        "lot LOTUS 2026-12-31 → moved LOTUS: 150 pts",
        "moved LOTUS → lot LOTUS 2026-12-31: 150 pts",
        "lot LOTUS never → moved LOTUS: ¥20.00",
        "moved LOTUS → lot LOTUS never: ¥20.00",
    ]
    # Whose points are moved learns no number of another's card.
    told = {(row.card_number, row.merchant_id, row.reference) for row in decision.transactions}
    assert told == {(None, None, None)}
    assert {(row.purpose, row.posted_by) for row in decision.transactions} == {("link", "key_2")}


@pytest.mark.parametrize("cards", [("J-1", "L-1"), ("L-1", "J-1")])
def test_the_older_wallet_stays_whichever_card_is_named_first(cards: tuple[str, str]) -> None:
    books = _books()
    assert books.decide(link(*cards)).outcomes == [Moved(2, 1)]


def test_a_transfer_says_what_it_moves_and_what_that_is_worth() -> None:
    directory = alliance("JADE", "LOTUS", "PINE", point_value=Decimal("0.5"))
    books = Books(directory, CARDS, {"Wang": [], "Li": ["JADE 7 pts never", "JADE 2 pts 2027-01-31"]})
    earned = books.book(accrue("¥3.00", "PINE-1", card="L-1"))
    books.book(redeem(3, "PINE-1", card="L-1"))
    books.book(reverse(earned))
    books.book(load("¥3.00", "LOTUS-1", card="L-1"))
    decision = books.move(link("J-1", "L-1"))
    # 9 points are worth 4.5 fen and 3 that are owed 1.5: both go up, on both sides.
    worth = [(-9, -5), (9, 5), (0, -300), (0, 300), (3, 2), (-3, -2)]
    assert [(row.points, row.amount) for row in decision.transactions] == worth
    assert [(leg.points, leg.amount) for leg in decision.legs] == worth
    assert books.owed("Wang") == ["PINE 3 pts"]


def test_a_lot_of_which_half_is_held_goes_along() -> None:
    books = _books(wangs=[], lis=["LOTUS 10 pts never"])
    books.hold(aside(redeem(5, "LOTUS-1", card="L-1")))
    books.move(link("J-1", "L-1"))
    assert books.left("Wang") == ["LOTUS 5 pts never held=5"]


def test_what_has_ended_but_is_not_ended_yet_goes_along_with_its_last_day() -> None:
    books = _linked(
        wangs=["LOTUS 1 pts 2026-11-14"], lis=["LOTUS 5 pts 2026-11-14", "LOTUS 6 pts 2026-11-01"]
    )
    assert books.left("Wang") == ["LOTUS 6 pts 2026-11-14", "LOTUS 6 pts 2026-11-01"]


def test_empty_lots_stay_behind_and_an_empty_one_there_is_filled_again() -> None:
    books = _books(wangs=["JADE 5 pts 2027-01-31"], lis=["LOTUS 5 pts never", "JADE 9 pts 2027-01-31"])
    books.book(redeem(5, "JADE-1"))
    books.book(redeem(5, "LOTUS-1", card="L-1"))
    assert _in_words(books, books.move(link("J-1", "L-1"))) == ["2: -9 pts of JADE", "1: 9 pts of JADE"]
    assert books.left("Wang") == ["JADE 9 pts 2027-01-31"]
    assert sum(lot.wallet_id == 1 for lot in books.lots.values()) == 1


def test_the_order_in_which_lots_were_read_does_not_matter() -> None:
    lis = ["JADE 1 pts never", "JADE 2 pts 2027-01-31", "JADE 3 pts 2027-03-31"]
    moved = []
    for turned in (False, True):
        books = _books(wangs=[], lis=lis)
        books.lots = dict(sorted(books.lots.items(), reverse=turned))
        decision = books.move(link("J-1", "L-1"))
        moved.append([(entry.number, entry.quantity) for entry in decision.entries])
    assert moved[0] == moved[1] == [(1, 1), (2, 2), (3, 3)] * 2


def test_with_nothing_to_move_only_the_cards_go() -> None:
    books = _books(lis=[])
    decision = books.move(link("J-1", "L-1"))
    assert (decision.transactions, decision.entries, decision.changed_lots) == ([], [], {})
    assert books.cards["L-1"].wallet_id == 1


def test_arrears_of_both_add_up() -> None:
    books = _books(wangs=[], lis=[])
    for card, amount in (("J-1", "¥30.00"), ("L-1", "¥50.00")):
        earned = books.book(accrue(amount, "PINE-1", card=card))
        books.book(redeem(earned.transaction.points, "PINE-1", card=card))
        books.book(reverse(earned))
    assert (books.owed("Wang"), books.owed("Li")) == (["PINE 30 pts"], ["PINE 50 pts"])
    decision = books.move(link("J-1", "L-1"))
    assert books.owed("Wang") == ["PINE 80 pts"]
    assert books.arrears[(2, PINE)] == 0  # type: ignore[index]  # a key is a tuple
    assert _in_words(books, decision) == ["2: 50 pts of PINE", "1: -50 pts of PINE"]
    assert [line for row in decision.transactions for line in books.entries(Booking(row, [], []))] == [
        "moved PINE → arrears PINE: 50 pts",
        "arrears PINE → moved PINE: 50 pts",
    ]
    # What either card earns there pays for both.
    assert books.moves(books.book(accrue("¥100.00", "PINE-1", card="L-1"))) == ["+20 PINE 2028-11-30"]
    assert books.owed("Wang") == []


def test_a_single_point_that_is_owed_goes_along() -> None:
    books = _books(wangs=[], lis=[])
    earned = books.book(accrue("¥1.00", "PINE-1", card="L-1"))
    books.book(redeem(1, "PINE-1", card="L-1"))
    books.book(reverse(earned))
    [leaving, coming] = books.move(link("J-1", "L-1")).entries
    assert (leaving.kind, coming.kind) == (EntryKind.ARREARS_MOVED_OUT, EntryKind.ARREARS_MOVED_IN)
    assert books.owed("Wang") == ["PINE 1 pts"]


def test_arrears_that_were_paid_move_nothing() -> None:
    books = _books(lis=[])
    earned = books.book(accrue("¥9.00", "PINE-1", card="L-1"))
    books.book(redeem(9, "PINE-1", card="L-1"))
    books.book(reverse(earned))
    books.book(accrue("¥9.00", "PINE-1", card="L-1"))
    assert list(books.arrears.values()) == [0]
    assert books.move(link("J-1", "L-1")).transactions == []


def test_nets_and_positions_are_untouched() -> None:
    books = _books()
    books.book(redeem(200, "PINE-1"))
    before = dict(books.nets()), dict(books.positions)
    decision = books.move(link("J-1", "L-1"))
    books.move(unlink("L-1"))
    assert (decision.positions, decision.events, decision.cap_lines) == ({}, [], {})
    assert (dict(books.nets()), dict(books.positions)) == before


def test_members_of_three_participants_come_together_one_after_another() -> None:
    books = _books(peis=["PINE 8 pts never"])
    books.move(link("L-1", "P-1"))
    books.move(link("P-1", "J-1"))
    assert {card.wallet_id for card in books.cards.values()} == {1}
    assert books.merged == {2: 1, 3: 1}
    assert "PINE 8 pts never" in books.left("Wang")


# ---- what it changes for the guest --------------------------------------------------------------


def test_a_visit_to_either_is_at_home_whichever_card_is_shown() -> None:
    books = _books()
    visited = accrue("¥10.00", "LOTUS-1", points=0)
    assert books.legs(books.book(visited)) == [
        "visit of JADE: ¥10.00; LOTUS pays ¥0.10; exchange",
    ]
    books.move(link("J-1", "L-1"))
    assert books.legs(books.book(replace(visited, key="again"))) == ["visit of LOTUS: ¥10.00; own_system"]
    books.move(unlink("L-1"))
    [crossed] = books.legs(books.book(replace(visited, key="third")))
    assert crossed.endswith("exchange")


def test_the_balances_are_one() -> None:
    books = _books()
    assert books.refuse(redeem(500, "PINE-1")) == "insufficient_points"
    books.move(link("J-1", "L-1"))
    assert books.legs(books.book(redeem(500, "LOTUS-1", card="J-1"))) == [
        "redemption of LOTUS: 190 pts, ¥1.90; own_system",
        "redemption of JADE: 310 pts, ¥3.10; JADE owes LOTUS ¥3.10; LOTUS pays ¥0.06; exchange",
    ]


# ---- refusals -----------------------------------------------------------------------------------

REFUSED: list[tuple[list[str], Command, str]] = [
    (CARDS, link("J-1", "NOBODY-1"), "card_unknown"),
    (CARDS, link("NOBODY-1", "J-1"), "card_unknown"),
    (["J-1 Wang JADE", "L-1 Li LOTUS blocked"], link("J-1", "L-1"), "card_blocked"),
    (["J-1 Wang JADE blocked", "L-1 Li LOTUS"], link("J-1", "L-1"), "card_blocked"),
    (["J-1 Wang JADE", "L-1 Li LOTUS expired"], link("J-1", "L-1"), "card_expired"),
    (["J-1 Wang JADE until=2026-11-14", "L-1 Li LOTUS"], link("J-1", "L-1"), "card_expired"),
    (["J-1 Wang JADE", "L-1 Wang LOTUS"], link("J-1", "L-1"), "already_exists"),
    (CARDS, link("J-1", "J-1"), "already_exists"),
    (["J-1 Wang JADE", "J-2 Li JADE"], link("J-1", "J-2"), "not_linkable"),
    (["J-1 Wang JADE", "P-1 Wang PINE", "L-1 Li LOTUS", "P-2 Li PINE"], link("J-1", "L-1"), "not_linkable"),
    (CARDS, link("J-1", "L-1", consents=[JADE]), "not_linkable"),
    (["J-1 Wang JADE", "L-1 Li LOTUS", "P-1 Li PINE"], link("J-1", "L-1", consents=[1, 2]), "not_linkable"),
    (CARDS, unlink("L-1"), "not_linkable"),
    (CARDS, unlink("NOBODY-1"), "card_unknown"),
    (["J-1 Wang JADE", "L-1 Wang LOTUS"], unlink("L-1", caller=_of(JADE)), "card_unknown"),
    (
        ["J-1 Wang JADE", "L-1 Wang LOTUS"],
        unlink("L-1", caller=Caller("key_desk", Scope.MERCHANT, LOTUS, 201)),
        "card_unknown",
    ),
]


@pytest.mark.parametrize(("cards", "command", "code"), REFUSED)
def test_refusals(cards: list[str], command: Command, code: str) -> None:
    holders = {text.split()[1] for text in cards}
    directory = alliance("JADE", "LOTUS", "PINE")
    books = Books(directory, cards, {"Wang": WANGS, "Li": LIS} if "Li" in holders else {"Wang": WANGS})
    assert books.refuse(command) == code


SAID: list[tuple[list[str], Command, Code, str, str]] = [
    (
        CARDS,
        link("J-1", "X-1"),
        Code.CARD_UNKNOWN,
        "other_card",
        "No participant has issued a card 'X-1'.",
    ),
    (
        ["J-1 Wang JADE", "L-1 Li LOTUS blocked"],
        link("J-1", "L-1"),
        Code.CARD_BLOCKED,
        "other_card",
        "This card is blocked; ask the member to contact its issuer.",
    ),
    (
        CARDS,
        link("J-1", "J-1"),
        Code.ALREADY_EXISTS,
        "other_card",
        "The two cards share a wallet already.",
    ),
    (
        ["J-1 Wang JADE", "J-2 Li JADE"],
        link("J-1", "J-2"),
        Code.NOT_LINKABLE,
        "other_card",
        "JADE has a member behind either card; it must first make them one itself.",
    ),
    (
        CARDS,
        link("J-1", "L-1", consents=[JADE]),
        Code.NOT_LINKABLE,
        "other_card",
        "LOTUS has not agreed to it yet.",
    ),
    (
        ["J-1 Wang JADE", "L-1 Wang LOTUS"],
        unlink("L-1", caller=_of(JADE)),
        Code.CARD_UNKNOWN,
        "card",
        "There is no card 'L-1' of yours.",
    ),
    (CARDS, unlink("L-1"), Code.NOT_LINKABLE, "card", "The card shares its wallet with nobody."),
]


@pytest.mark.parametrize(("cards", "command", "code", "field", "detail"), SAID)
def test_a_refusal_says_who_or_what_is_in_the_way(
    cards: list[str], command: Command, code: Code, field: str, detail: str
) -> None:
    books = Books(alliance("JADE", "LOTUS", "PINE"), cards)
    assert books.post(command) == [Refusal(code, detail, field)]


def test_a_card_that_is_good_until_today_links() -> None:
    books = _books(cards=["J-1 Wang JADE until=2026-11-15", "L-1 Li LOTUS until=2026-11-15", "P-1 Pei PINE"])
    books.move(link("J-1", "L-1"))


def test_in_a_month_that_is_not_open_yet_it_is_not_booked() -> None:
    books = _books()
    books.at = shanghai("2027-02-01 00:00")
    with pytest.raises(PeriodMissing):
        books.decide(link("J-1", "L-1"))


@pytest.mark.parametrize("command", [link("J-1", "L-1"), unlink("J-1")])
def test_it_is_alone_in_its_batch(command: Link | Unlink) -> None:
    books = _books(cards=["J-1 Wang JADE", "P-2 Wang PINE", "L-1 Li LOTUS", "X-1 Pei LOTUS"])
    with pytest.raises(AssertionError, match="alone"):
        books.decide(accrue("¥1.00", "JADE-1"), command)


# ---- replay -------------------------------------------------------------------------------------


def test_the_same_key_again_moves_nothing_twice() -> None:
    books = _books()
    said = link("J-1", "L-1")
    books.move(said)
    decision = books.decide(said)
    [outcome] = decision.outcomes
    assert isinstance(outcome, Replayed)
    assert (outcome.recorded.wallet_id, outcome.recorded.transaction_id, outcome.booking) == (1, None, None)
    assert decision == Decision(outcomes=[outcome])
    [reused] = books.decide(replace(said, request_hash="another")).outcomes
    assert isinstance(reused, Refusal)
    assert reused.code == "idempotency_key_reused"


def test_the_same_key_twice_in_one_batch_is_one_move_and_no_booking() -> None:
    said = link("J-1", "L-1")
    moved, again = _books().decide(said, said).outcomes
    assert moved == Moved(2, 1)
    assert isinstance(again, Replayed)
    assert (again.recorded.wallet_id, again.booking) == (1, None)


# ---- parting ------------------------------------------------------------------------------------


def test_a_member_leaves_with_what_its_own_participant_owes() -> None:
    books = _linked()
    decision = books.move(unlink("L-1", caller=_of(LOTUS)))
    assert books.left("Li") == ["LOTUS 190 pts 2026-12-31", "LOTUS ¥20.00 never"]
    assert books.left("Wang") == ["JADE 370 pts 2027-01-31", "JADE ¥50.00 never"]
    assert books.wallets["Li"] not in (1, 2), "a wallet of its own, not the one it had"
    assert {row.purpose for row in decision.transactions} == {"unlink"}
    assert [leg.points for leg in decision.legs] == [-190, 190, 0, 0]


def test_the_older_member_can_leave_too_and_others_points_stay() -> None:
    books = _books(lis=["LOTUS 10 pts never", "PINE 7 pts never"])
    books.move(link("J-1", "L-1"))
    books.move(unlink("J-1"))
    assert books.left("Wang") == ["JADE 300 pts 2027-01-31", "JADE ¥50.00 never"]
    assert books.left("Li") == ["LOTUS 40 pts 2026-12-31", "LOTUS 10 pts never", "PINE 7 pts never"]
    assert books.wallets["Li"] == 1


def test_all_cards_of_the_member_go_also_those_that_are_not_good_any_more() -> None:
    books = _books(cards=["J-1 Wang JADE", "L-1 Li LOTUS", "L-2 Li LOTUS blocked", "P-1 Pei PINE"])
    books.move(link("J-1", "L-1"))
    books.move(unlink("L-2"))
    assert books.cards["L-1"].wallet_id == books.cards["L-2"].wallet_id != 1


def test_arrears_towards_its_own_participant_go_along_and_others_stay() -> None:
    books = _linked(wangs=[], lis=[])
    for merchant in ("LOTUS-1", "PINE-1"):
        earned = books.book(accrue("¥60.00", merchant, card="L-1"))
        books.book(redeem(60, merchant))
        books.book(reverse(earned))
    books.move(unlink("L-1"))
    assert (books.owed("Wang"), books.owed("Li")) == (["PINE 60 pts"], ["LOTUS 60 pts"])


def test_linked_again_all_is_as_it_was() -> None:
    books = _linked()
    before = books.left("Wang")
    for _ in range(3):
        books.move(unlink("L-1"))
        books.move(link("L-1", "J-1"))
    assert sorted(books.left("Wang")) == sorted(before)
    assert set(books.merged.values()) == {1}


def test_a_hold_with_its_card_keeps_a_member_from_leaving() -> None:
    books = _linked(lis=["JADE 5 pts never"])
    held = books.hold(aside(redeem(10, "JADE-1", card="L-1")))
    assert {draw.issuer_id for draw in held.draws} == {JADE}
    open_ = Refusal(
        Code.HOLD_OPEN,
        "A hold with this card, or on what its participant owes, is open. Part them when it was captured or"
        " voided, or has ended.",
        "card",
    )
    assert books.post(unlink("L-1")) == [open_]
    books.hold(void(held))
    books.move(unlink("L-1"))


def test_holds_of_other_wallets_hide_none_of_its_own() -> None:
    books = _books(peis=["PINE 9 pts never"])
    books.move(link("J-1", "L-1"))
    books.hold(aside(redeem(9, "PINE-1", card="P-1")))
    books.hold(aside(redeem(10, "LOTUS-1", card="L-1")))
    assert books.refuse(unlink("L-1")) == "hold_open"


def test_a_hold_on_what_its_participant_owes_keeps_a_member_from_leaving() -> None:
    books = _linked()
    held = books.hold(aside(redeem(10, "LOTUS-1")))
    assert {draw.issuer_id for draw in held.draws} == {LOTUS}
    assert books.refuse(unlink("L-1")) == "hold_open"
    books.book(capture(held))
    books.move(unlink("L-1"))


def test_other_holds_keep_nobody() -> None:
    books = _linked()
    books.hold(aside(redeem(10, "JADE-1")))
    books.move(unlink("L-1"))
    assert "JADE 360 pts 2027-01-31 held=10" in books.left("Wang")


# ---- what was begun before ----------------------------------------------------------------------


def _held_before() -> tuple[Books, Hold]:
    """20 of 190 LOTUS and 30 of 370 JADE points are held in the wallet that goes."""
    books = _books()
    held = books.hold(aside(redeem(180, "PINE-1", card="L-1"), until="2026-11-20 12:00"))
    assert held.wallet_id == 2
    books.move(link("J-1", "L-1"))
    return books, held


def test_open_holds_go_along_with_what_they_hold() -> None:
    books, held = _held_before()
    moved = books.holds[held.id]
    assert (moved.wallet_id, moved.status, moved.quantity) == (1, HoldStatus.HELD, held.quantity)
    assert {books.lots[draw.lot_id].wallet_id for draw in moved.draws} == {1}
    assert books.left("Wang")[:2] == [
        "JADE 340 pts 2027-01-31 held=30",
        "LOTUS 40 pts 2026-12-31 held=150",
    ]


def test_a_hold_of_before_is_captured_by_its_number_of_before() -> None:
    books, held = _held_before()
    booked = books.book(capture(held, 160))
    assert booked.transaction.id == held.id
    assert booked.transaction.wallet_id == 1
    assert books.moves(booked) == ["-150 LOTUS 2026-12-31", "-10 JADE 2027-01-31"]
    assert books.left("Wang")[:2] == ["JADE 360 pts 2027-01-31", "LOTUS 40 pts 2026-12-31"]
    assert books.refuse(void(held)) == "hold_closed"
    assert books.moves(books.book(reverse(held, 5))) == ["+5 JADE 2027-01-31"]


@pytest.mark.parametrize("how", [void, lapse])
def test_a_hold_of_before_is_released_by_its_number_of_before(how) -> None:  # type: ignore[no-untyped-def]
    books, held = _held_before()
    if how is lapse:
        books.at = shanghai("2026-11-20 12:00")
    books.hold(how(held))
    assert books.left("Wang")[:2] == ["JADE 370 pts 2027-01-31", "LOTUS 190 pts 2026-12-31"]


def test_a_hold_is_found_by_every_wallet_that_it_has_been_in() -> None:
    books = _books(peis=["PINE 50 pts never"])
    held = books.hold(aside(redeem(50, "PINE-1", card="P-1")))
    books.move(link("P-1", "L-1"))
    assert books.holds[held.id].wallet_id == 2
    booked = books.book(capture(held, 30))
    assert booked.transaction.wallet_id == 2
    books.move(link("L-1", "J-1"))
    # Placed in the third wallet, captured in the second, which went into the first.
    for said in (held, booked, held._replace(wallet_id=1)):
        books.book(reverse(said, 10))
    assert books.left("Wang")[-1] == "PINE 50 pts never"


def test_of_others_holds_the_number_of_the_wallet_must_fit() -> None:
    books, held = _held_before()
    assert books.refuse(capture(held._replace(wallet_id=3))) == "hold_unknown"
    assert books.refuse(reverse(held._replace(wallet_id=3))) == "transaction_unknown"


REVERSED: list[tuple[Command, int | str, list[str]]] = [
    # what was done with Li's card before; a part that is undone after; what that moves
    (accrue("¥68.00", "LOTUS-1", card="L-1"), 8, ["-8 LOTUS 2028-11-30"]),
    (redeem(180, "PINE-1", card="L-1"), 40, ["+30 JADE 2027-01-31", "+10 LOTUS 2026-12-31"]),
    (load("¥10.00", "PINE-1", "JADE", card="L-1"), "¥4.00", ["-400 JADE never"]),
    (spend("¥20.00", "PINE-1", card="L-1"), "¥4.00", ["+400 LOTUS never"]),
]


@pytest.mark.parametrize(("before", "part", "moves"), REVERSED)
def test_what_was_booked_before_is_reversed_after(before: Command, part: int | str, moves: list[str]) -> None:
    books, apart = _books(), _books()
    booked, beside = books.book(before), apart.book(before)
    assert booked.transaction.wallet_id == 2
    books.move(link("J-1", "L-1"))
    first = books.book(reverse(booked, part))
    assert books.moves(first) == moves
    assert books.legs(first) == apart.legs(apart.book(reverse(beside, part)))
    row = first.transaction
    assert (row.wallet_id, row.original_id, row.original_wallet_id) == (1, booked.transaction.id, 2)
    rest, beside_rest = books.book(reverse(booked)), apart.book(reverse(beside))
    assert books.legs(rest) == apart.legs(beside_rest)
    assert books.refuse(reverse(booked)) == "exceeds_reversible"
    assert set(books.nets().values()) == {"¥0.00"}
    assert "LOTUS 190 pts 2026-12-31" in books.left("Wang")


@pytest.mark.parametrize(("before", "part", "moves"), REVERSED)
def test_what_was_reversed_in_part_before_has_the_rest_left(
    before: Command, part: int | str, moves: list[str]
) -> None:
    books = _books()
    booked = books.book(before)
    first = books.book(reverse(booked, part))
    assert (first.transaction.original_wallet_id, books.moves(first)) == (None, moves)
    books.move(link("J-1", "L-1"))
    books.book(reverse(booked))
    assert books.refuse(reverse(booked)) == "exceeds_reversible"
    assert set(books.nets().values()) == {"¥0.00"}


def test_spent_points_of_a_reversed_accrual_become_arrears_of_the_wallet_of_today() -> None:
    books = _books(wangs=[], lis=[])
    earned = books.book(accrue("¥60.00", "LOTUS-1", card="L-1"))
    books.move(link("J-1", "L-1"))
    books.book(redeem(50, "PINE-1", card="J-1"))
    books.book(reverse(earned))
    assert (books.owed("Wang"), books.left("Wang")) == (["LOTUS 50 pts"], [])


def test_a_load_whose_value_the_other_card_spent_is_not_taken_back() -> None:
    books = _books(wangs=[], lis=[])
    loaded = books.book(load("¥10.00", "LOTUS-1", card="L-1"))
    books.move(link("J-1", "L-1"))
    books.book(spend("¥7.00", "LOTUS-1", card="J-1"))
    assert books.refuse(reverse(loaded, "¥4.00")) == "exceeds_reversible"
    books.book(reverse(loaded, "¥3.00"))


@pytest.mark.parametrize(
    ("card", "wangs", "lis"),
    [
        ("J-1", ["JADE 370 pts 2027-01-31", "JADE ¥50.00 never", "LOTUS 190 pts 2026-12-31"], ["¥20.00"]),
        ("L-1", ["JADE 360 pts 2027-01-31", "JADE ¥50.00 never"], ["¥20.00", "190 pts", "JADE 10 pts"]),
    ],
)
def test_after_parting_it_goes_back_to_whoever_has_the_card(
    card: str, wangs: list[str], lis: list[str]
) -> None:
    books = _linked()
    used = books.book(redeem(200, "PINE-1", card=card))
    books.move(unlink("L-1"))
    holder = {"J-1": "Wang", "L-1": "Li"}[card]
    back = books.book(reverse(used))
    assert back.transaction.wallet_id == books.wallets[holder]
    assert back.transaction.original_wallet_id == (None if card == "J-1" else 1)
    assert set(books.nets().values()) == {"¥0.00"}
    assert sorted(books.left("Wang")) == sorted(wangs)
    assert len(books.left("Li")) == len(lis)
    assert all(any(part in line for line in books.left("Li")) for part in lis)


def test_a_hold_that_was_captured_before_parting_is_reversed_after_it_by_its_first_number() -> None:
    books, held = _held_before()
    books.book(capture(held))
    books.move(unlink("L-1"))
    back = books.book(reverse(held, 30))
    assert (back.transaction.wallet_id, back.transaction.original_wallet_id) == (books.wallets["Li"], 1)
    assert books.moves(back) == ["+30 JADE 2027-01-31"]


def test_transfers_and_balances_of_before_cannot_be_reversed() -> None:
    books = _books()
    opened = books.book(open_balance("LOTUS 9 pts never", card="L-1"))
    decision = books.move(link("J-1", "L-1"))
    for row, leg in zip(decision.transactions, decision.legs, strict=True):
        books.bookings[row.id], books.terms[row.id] = (
            Booking(row, [leg], []),
            books.terms[opened.transaction.id],
        )
        assert books.refuse(reverse(books.bookings[row.id])) == "not_reversible"
    assert books.refuse(reverse(opened)) == "not_reversible"


def test_positions_of_a_reversal_after_linking_are_those_of_the_exchange() -> None:
    books = _books(lis=["JADE 70 pts 2027-01-31"])
    used = books.book(redeem(70, "PINE-1", card="L-1"))
    books.move(link("J-1", "L-1"))
    books.book(reverse(used))
    assert books.position(202611, "redemption", "JADE", "PINE") == PositionChange(2, 0, 0, 0, 0, 0)
