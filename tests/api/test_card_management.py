"""Cards in the hands of their issuer: blocked, made good again, dated, replaced."""

from collections.abc import Callable
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import text

from clearing.cards import change_card
from clearing.core.commands import Caller as LedgerCaller
from clearing.core.commands import Scope
from support.alliance import CHEN, LI, NOBODY, WANG, Alliance
from support.api import Caller, code, detail, good, pointers, problem, refused
from support.crowd import at_once

OPERATOR = LedgerCaller("key_operator", Scope.OPERATOR)


@pytest.fixture
def card(shared: Alliance) -> str:
    """The card of a new member of LOTUS with 1,000 LOTUS points."""
    number: str = good(shared.operator.post("/v1/members", {"participant": "LOTUS"}))["card"]["number"]
    shared.open_points(number, "LOTUS", 1000)
    return number


def redeem(caller: Caller, number: str, points: int = 10) -> Any:
    return caller.post("/v1/redemptions", {"card": number, "merchant": "JADE-1", "points": points})


def status(alliance: Alliance, number: str) -> str:
    found: str = good(alliance.merchant("JADE-1").get(f"/v1/cards/{number}"))["status"]
    return found


def test_a_blocked_card_is_refused_everywhere_until_it_is_good_again(shared: Alliance, card: str) -> None:
    lotus, desk = shared.participant("LOTUS"), shared.merchant("JADE-1")
    good(redeem(desk, card))
    blocked = good(lotus.patch(f"/v1/cards/{card}", {"status": "blocked"}))
    assert blocked == {
        "number": card,
        "status": "blocked",
        "issuer": "LOTUS",
        "expires_on": None,
        "replaced_by": None,
        "replaces": None,
    }
    assert status(shared, card) == "blocked"
    for path, body in (
        ("/v1/redemptions", {"points": 10}),
        ("/v1/accruals", {"amount": 10}),
        ("/v1/spends", {"amount": 10}),
        ("/v1/quotes", {"kind": "redemption", "points": 10}),
    ):
        assert code(desk.post(path, {"card": card, "merchant": "JADE-1", **body})) == "card_blocked", path
    assert good(lotus.patch(f"/v1/cards/{card}", {"status": "active"})) == blocked | {"status": "active"}
    good(redeem(desk, card))


def test_to_block_a_blocked_card_and_to_change_nothing_are_fine(shared: Alliance, card: str) -> None:
    lotus = shared.participant("LOTUS")
    first = good(lotus.patch(f"/v1/cards/{card}", {"status": "blocked"}))
    assert good(lotus.patch(f"/v1/cards/{card}", {"status": "blocked"})) == first
    assert good(lotus.patch(f"/v1/cards/{card}", {})) == first


def test_the_last_good_day_is_set_and_taken_away(shared: Alliance, card: str) -> None:
    lotus, desk = shared.participant("LOTUS"), shared.merchant("JADE-1")
    ended = good(lotus.patch(f"/v1/cards/{card}", {"expires_on": "2020-01-31"}))
    assert (ended["expires_on"], ended["status"]) == ("2020-01-31", "active")
    assert code(redeem(desk, card)) == "card_expired"
    assert good(lotus.patch(f"/v1/cards/{card}", {"expires_on": None}))["expires_on"] is None
    good(redeem(desk, card))


def test_the_operator_manages_every_card(shared: Alliance, card: str) -> None:
    good(shared.operator.patch(f"/v1/cards/{card}", {"status": "blocked"}))
    assert good(shared.operator.post(f"/v1/cards/{card}/replacement"))["issuer"] == "LOTUS"


@pytest.mark.parametrize("number", [WANG, CHEN, NOBODY, "x", "a" * 300, "卡", "%27"])
def test_the_cards_of_others_do_not_exist(shared: Alliance, number: str) -> None:
    lotus, before = shared.participant("LOTUS"), shared.row_counts()
    for response in (
        lotus.patch(f"/v1/cards/{number}", {"status": "blocked"}),
        lotus.post(f"/v1/cards/{number}/replacement", {"number": LI}),
        lotus.post(f"/v1/cards/{number}/replacement", {"number": "!"}),
    ):
        assert refused(response, "card_unknown")["status"] == 404
        assert "JADE" not in response.text
    assert shared.row_counts() == before
    assert status(shared, WANG) == "active"


def test_desks_and_finance_manage_no_cards(shared: Alliance) -> None:
    for caller in (shared.merchant("LOTUS-1"), shared.finance("LOTUS"), shared.auditor):
        assert code(caller.patch(f"/v1/cards/{LI}", {"status": "blocked"})) == "forbidden"
        assert code(caller.post(f"/v1/cards/{LI}/replacement")) == "forbidden"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"status": "expired"}, "/status"),
        ({"status": None}, "/status"),
        ({"expires_on": "soon"}, "/expires_on"),
        ({"replaced_by": "62000009"}, "/replaced_by"),
    ],
)
def test_what_cannot_be_changed_is_pointed_at(shared: Alliance, body: dict[str, Any], pointer: str) -> None:
    assert pointers(refused(shared.participant("LOTUS").patch(f"/v1/cards/{LI}", body))) == [pointer]


def test_a_replacement_takes_the_place_of_the_old_card_for_good(shared: Alliance, card: str) -> None:
    lotus, desk = shared.participant("LOTUS"), shared.merchant("JADE-1")
    good(lotus.patch(f"/v1/cards/{card}", {"expires_on": "2040-12-31"}))
    response = lotus.post(f"/v1/cards/{card}/replacement")
    new = good(response)
    assert response.status_code == 201
    assert len(new["number"]) == 16
    assert new == {
        "number": new["number"],
        "status": "active",
        "issuer": "LOTUS",
        "expires_on": "2040-12-31",
        "replaced_by": None,
        "replaces": card,
    }
    assert code(redeem(desk, card)) == "card_blocked"
    assert good(redeem(desk, new["number"], 300))["points"] == 300
    assert good(desk.get(f"/v1/cards/{new['number']}"))["points"]["available"] == 700
    unblocked = lotus.patch(f"/v1/cards/{card}", {"status": "active"})
    assert (unblocked.status_code, code(unblocked)) == (409, "card_blocked")
    assert pointers(problem(unblocked)) == ["/status"]
    assert new["number"] in detail(unblocked)
    assert good(lotus.patch(f"/v1/cards/{card}", {"status": "blocked"}))["replaced_by"] == new["number"]


def test_the_wallet_and_the_member_show_the_new_card(shared: Alliance) -> None:
    lotus = shared.participant("LOTUS")
    member = good(lotus.post("/v1/members", {"participant": "LOTUS", "card": "7700000001"}))
    good(lotus.post("/v1/cards/7700000001/replacement", {"number": "7700000002"}))
    assert good(lotus.get(f"/v1/members/{member['id']}"))["card"] == {
        "number": "7700000002",
        "status": "active",
    }
    assert good(lotus.get(f"/v1/wallets/{member['wallet']}"))["cards"] == [
        {"number": "7700000001", "issuer": "LOTUS", "status": "blocked"},
        {"number": "7700000002", "issuer": "LOTUS", "status": "active"},
    ]


def test_a_replacement_is_issued_once_however_often_it_is_asked_for(shared: Alliance, card: str) -> None:
    lotus = shared.participant("LOTUS")
    new = good(lotus.post(f"/v1/cards/{card}/replacement"))
    before = shared.row_counts()
    assert good(lotus.post(f"/v1/cards/{card}/replacement")) == new
    assert good(lotus.post(f"/v1/cards/{card}/replacement", {"number": new["number"]})) == new
    other = lotus.post(f"/v1/cards/{card}/replacement", {"number": "7700009999"})
    assert (code(other), pointers(problem(other))) == ("already_exists", ["/number"])
    assert shared.row_counts() | {"keyed_answers": 0} == before | {"keyed_answers": 0}


def test_a_replacement_can_be_replaced(shared: Alliance, card: str) -> None:
    lotus = shared.participant("LOTUS")
    second = good(lotus.post(f"/v1/cards/{card}/replacement"))["number"]
    third = good(lotus.post(f"/v1/cards/{second}/replacement"))["number"]
    assert good(lotus.post(f"/v1/cards/{card}/replacement")) == {
        "number": second,
        "status": "blocked",
        "issuer": "LOTUS",
        "expires_on": None,
        "replaced_by": third,
        "replaces": card,
    }


def test_a_number_that_is_taken_or_none_is_refused_and_nothing_is_blocked(
    shared: Alliance, card: str
) -> None:
    lotus = shared.participant("LOTUS")
    for number, expected in (
        (WANG, "already_exists"),
        (card, "already_exists"),
        ("12", "malformed"),
        ("1234-5678", "malformed"),
        ("1" * 33, "malformed"),
    ):
        response = lotus.post(f"/v1/cards/{card}/replacement", {"number": number})
        assert (code(response), pointers(problem(response))) == (expected, ["/number"]), number
    assert status(shared, card) == "active"


def test_a_card_is_replaced_once_by_all_who_ask_at_once(shared: Alliance, card: str) -> None:
    callers = [shared.caller(shared.participant("LOTUS").key) for _ in range(6)]
    answers = at_once([partial(caller.post, f"/v1/cards/{card}/replacement") for caller in callers])
    assert len({good(answer)["number"] for answer in answers}) == 1


def test_a_number_is_given_to_one_of_all_who_ask_for_it_at_once(shared: Alliance) -> None:
    numbers = [f"770000010{number}" for number in range(5)]
    for number in numbers:
        shared.enrol("LOTUS", number)
    callers = [shared.caller(shared.participant("LOTUS").key) for _ in numbers]

    body = {"number": "7700000200"}
    answers = at_once(
        [
            partial(caller.post, f"/v1/cards/{number}/replacement", body)
            for caller, number in zip(callers, numbers, strict=True)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert {code(answer) for answer in answers if answer.status_code == 409} == {"already_exists"}


def test_a_posting_that_waits_for_a_block_is_refused_when_it_is_committed(
    shared: Alliance, card: str
) -> None:
    """The block holds the wallet's row; a redemption that arrives meanwhile sees it, not what was before."""
    desk = shared.caller(shared.merchant("JADE-1").key)
    before, locked = shared.sums(), Barrier(2)

    def block() -> Any:
        with shared.services.engine.begin() as connection:
            outcome = change_card(connection, card, OPERATOR, {"status": "blocked"})
            locked.wait()
            connection.execute(text("SELECT pg_sleep(0.3)"))
            return outcome

    def redeem_meanwhile() -> Any:
        locked.wait()
        return redeem(desk, card)

    _, answer = at_once([block, redeem_meanwhile])
    assert code(answer) == "card_blocked"
    assert shared.sums() == before


def test_redemptions_and_a_block_at_once_leave_no_redemption_after_the_block(
    shared: Alliance, card: str
) -> None:
    lotus = shared.caller(shared.participant("LOTUS").key)
    desks = [shared.caller(shared.merchant("JADE-1").key) for _ in range(6)]

    def redeem_five_times(desk: Caller) -> list[Any]:
        return [redeem(desk, card) for _ in range(5)]

    def block() -> list[Any]:
        return [lotus.patch(f"/v1/cards/{card}", {"status": "blocked"})]

    acts: list[Callable[[], list[Any]]] = [partial(redeem_five_times, desk) for desk in desks]
    acts.insert(3, block)
    answers = [answer for found in at_once(acts) for answer in found]
    assert {answer.json.get("code") for answer in answers} <= {None, "card_blocked"}
    assert code(redeem(shared.merchant("JADE-1"), card)) == "card_blocked"
    spent = 10 * sum(answer.status_code == 201 for answer in answers)
    wallet = good(shared.operator.get(f"/v1/wallets/{shared.wallet(card)}"))
    assert wallet["points"]["available"] == 1000 - spent
