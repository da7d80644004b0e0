"""Disputes that several act on at the same moment, or that a crash cuts off: one act wins, and money moves
once.
"""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from settlement.disputes import acceptance
from settlement.disputes.lines import read_left
from support.alliance import Alliance
from support.api import Caller, code, good
from support.crowd import at_once
from support.disputes import PATH, Closed, path

ROUNDS = 4


@pytest.fixture
def closed(alliance: Alliance) -> Closed:
    return Closed(alliance)


def own(closed: Closed, caller: Caller) -> Caller:
    """A client for a thread of its own."""
    return closed.alliance.caller(caller.key)


def test_of_accepting_and_withdrawing_at_once_one_wins(closed: Closed) -> None:
    pine = closed.alliance.finance("PINE")
    taken = 0
    for _ in range(ROUNDS):
        opened = closed.open("JADE", closed.spend["id"], amount=1_000)
        acts = [(own(closed, pine), "accept"), (own(closed, closed.jade), "withdraw")]
        answers = at_once([partial(caller.post, path(opened, act)) for caller, act in acts])
        won = [one for one in answers if one.status_code == 200]
        lost = [one for one in answers if one.status_code != 200]
        assert (len(won), [code(one) for one in lost]) == (1, ["dispute_closed"])
        status = good(closed.jade.get(path(opened)))["status"]
        assert status == good(won[0])["status"]
        taken += 1_000 * (status == "accepted")
        assert closed.nets().get("JADE", 0) == taken
    closed.adds_up()


def test_accepted_by_several_at_once_it_is_corrected_once(closed: Closed) -> None:
    opened = closed.open("JADE", closed.redemption["id"])
    good(closed.lotus.post(path(opened, "answers"), {"text": "We look into it"}))
    callers = [own(closed, one) for one in (closed.lotus, closed.lotus, closed.operator, closed.operator)]
    answers = at_once([partial(caller.post, path(opened, "accept")) for caller in callers])
    corrections = [good(one)["correction"] for one in answers]
    assert len({tuple(one["transactions"]) for one in corrections}) == 1
    assert closed.nets() == {"JADE": 2500, "LOTUS": -2450, "HUB": -50}
    closed.adds_up()


@pytest.mark.parametrize("by", ["money", "reversal"])
def test_disputes_of_both_sides_accepted_at_once_correct_the_line_once(closed: Closed, by: str) -> None:
    pine = closed.alliance.participant("PINE")
    issuers = closed.open("JADE", closed.spend["id"])
    acceptors = closed.open("PINE", closed.spend["id"])
    accepter, other = own(closed, pine), own(closed, closed.jade)
    answers = at_once(
        [
            lambda: accepter.post(path(issuers, "accept"), {"by": by}),
            lambda: other.post(path(acceptors, "accept")),
        ]
    )
    # If money came first, the line is no longer one for a reversal.
    assert {code(one) for one in answers if one.status_code != 200} <= {"not_reversible"}
    assert closed.nets() == {"JADE": 30_000, "PINE": -29_820, "HUB": -180}
    closed.adds_up()


@pytest.mark.parametrize("line", ["load", "spend"])
def test_accepting_and_undoing_at_once_gives_back_once(closed: Closed, line: str) -> None:
    opener, other = ("LOTUS", "JADE") if line == "load" else ("JADE", "PINE")
    transaction = getattr(closed, line)["id"]
    opened = closed.open(opener, transaction)
    accepter, desk = own(closed, closed.alliance.finance(other)), own(closed, closed.operator)
    answers = at_once(
        [
            lambda: accepter.post(path(opened, "accept")),
            lambda: desk.post(f"/v1/transactions/{transaction}/reversals", {"reason": "mistake"}),
        ]
    )
    assert [one.status_code < 300 for one in answers] == [True, True]
    spend = {"JADE": 30_000, "PINE": -29_820, "HUB": -180}
    assert closed.nets() == ({"LOTUS": 5_000, "JADE": -5_000, "HUB": 0} if line == "load" else spend)
    closed.adds_up()


def test_a_line_disputed_twice_at_once_is_disputed_once(closed: Closed) -> None:
    body = closed.body("JADE", closed.redemption["id"])
    callers = [own(closed, closed.jade) for _ in range(3)]
    answers = at_once([partial(caller.post, PATH, body) for caller in callers])
    assert sorted(one.status_code for one in answers) == [201, 409, 409]
    assert len(good(closed.jade.get(PATH))["data"]) == 1


class Crash(BaseException):
    """The end of the process, as far as the request is concerned."""


def test_a_crash_before_the_end_leaves_neither_decision_nor_correction(
    closed: Closed, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = closed.open("JADE", closed.redemption["id"])

    def crash(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(acceptance, "_write_corrections", crash)
        with pytest.raises(Crash):
            closed.lotus.post(path(opened, "accept"))
    assert good(closed.jade.get(path(opened)))["status"] == "needs_response"
    assert closed.nets() == {"HUB": 0}
    closed.adds_up()
    good(closed.lotus.post(path(opened, "accept")))
    assert closed.nets() == {"JADE": 2500, "LOTUS": -2450, "HUB": -50}
    closed.adds_up()


def test_what_is_reversed_while_a_correction_is_prepared_is_seen(
    closed: Closed, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = closed.open("JADE", closed.spend["id"])
    reversals = f"/v1/transactions/{closed.spend['id']}/reversals"
    reads: list[int] = []

    def read_and_let_the_desk_reverse(connection: Connection, line: Any) -> Any:
        left = read_left(connection, line)
        if not reads:
            good(closed.operator.post(reversals, {"amount": 29_000, "reason": "Typed wrong"}))
        reads.append(left.quantity)
        return left

    monkeypatch.setattr(acceptance, "read_left", read_and_let_the_desk_reverse)
    accepted = good(closed.alliance.finance("PINE").post(path(opened, "accept")))
    assert accepted["correction"]["obligation"] == 1_000
    assert reads == [30_000, 1_000, 1_000, 1_000], (
        "planned, found to have moved, planned anew, found as planned"
    )
    assert closed.nets() == {"JADE": 30_000, "PINE": -29_820, "HUB": -180}
    closed.adds_up()
