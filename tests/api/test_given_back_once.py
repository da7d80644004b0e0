"""What a dispute has given back in money is not given back once more by undoing at the desk, nor the other
way round; in whatever order things are undone, the same is left.
"""

from typing import Any

import pytest

from clearing.core.commands import Scope
from support.alliance import WANG, Alliance
from support.api import code, detail, good
from support.disputes import Closed, path
from support.people import make_user, reader, second_reader

#: Of each line: who disputes it, its own unit, how much there is, and what all of it moves in the nets.
LINES = {
    "redemption": ("JADE", "points", 2500, {"JADE": 2500, "LOTUS": -2450, "HUB": -50}),
    "spend": ("JADE", "amount", 30_000, {"JADE": 30_000, "PINE": -29_820, "HUB": -180}),
    "load": ("LOTUS", "amount", 5_000, {"LOTUS": 5_000, "JADE": -5_000, "HUB": 0}),
    "visit": ("LOTUS", "amount", 68_000, {"LOTUS": 680, "HUB": -680}),
}


@pytest.fixture
def closed(alliance: Alliance) -> Closed:
    return Closed(alliance)


def disputed(closed: Closed, line: str, much: int | None = None, reason: str = "duplicate") -> Any:
    """Open a dispute of a line, or of a part, and accept it in money; its correction."""
    opener, unit, *_ = LINES[line]
    transaction = getattr(closed, line)["id"]
    more = {} if much is None else {"amount" if reason == "wrong_fee" else unit: much}
    if line == "visit":
        statement = closed.statement(opener)
        shown = next(
            one for one in closed.lines(opener) if (one["transaction"], one["kind"]) == (transaction, "visit")
        )
        body = {"statement": statement, "line": shown["line"], "reason": reason, "text": "wrong", **more}
        opened = good(closed.alliance.finance(opener).post("/v1/disputes", body))
    else:
        opened = closed.open(opener, transaction, reason, **more)
    if opened["counterparty"] != "HUB":
        other = closed.alliance.finance(opened["counterparty"])
        return good(other.post(path(opened, "accept")))["correction"]
    return good(closed.operator.post(path(opened, "accept")))["correction"]


def undone(closed: Closed, line: str, much: int | None = None) -> Any:
    transaction, (_, unit, *_) = getattr(closed, line)["id"], LINES[line]
    body = {"reason": "mistake"} | ({} if much is None else {unit: much})
    quoted = good(
        closed.operator.post("/v1/quotes", {"kind": "reversal", "transaction": transaction, **body})
    )
    booked = good(closed.operator.post(f"/v1/transactions/{transaction}/reversals", body))
    assert (quoted["obligation"], quoted["fee"]) == (
        sum(leg["obligation"] for leg in booked["legs"]),
        sum(leg["fee"] for leg in booked["legs"]),
    )
    assert [leg["reason"] for leg in quoted["legs"]] == [leg["reason"] for leg in booked["legs"]]
    return booked


def holdings(closed: Closed) -> Any:
    card = good(closed.operator.get(f"/v1/cards/{WANG}?merchant=JADE-1"))
    return card["points"]["available"], {one["issuer"]: one["available"] for one in card["stored_value"]}


@pytest.mark.parametrize("line", LINES)
def test_what_a_dispute_gave_back_goes_back_to_the_member_and_is_owed_to_nobody(
    closed: Closed, line: str
) -> None:
    """The redemption has a part of LOTUS's own too; of that nothing was owed."""
    disputed(closed, line)
    assert closed.nets() == LINES[line][3]
    before = holdings(closed)
    booked = undone(closed, line)
    assert closed.nets() == LINES[line][3]
    assert holdings(closed) != before
    crossing = [leg for leg in booked["legs"] if leg["cross_system"]]
    assert [(leg["obligation"], leg["fee"], leg["reason"]) for leg in crossing] == [(0, 0, "corrected")]
    closed.adds_up()


@pytest.mark.parametrize("line", LINES)
def test_what_was_undone_is_not_left_to_be_disputed(closed: Closed, line: str) -> None:
    undone(closed, line)
    assert closed.nets() == LINES[line][3]
    left = holdings(closed)
    with pytest.raises(AssertionError, match="not_disputable"):
        disputed(closed, line)
    closed.adds_up()
    again = closed.operator.post(
        f"/v1/transactions/{getattr(closed, line)['id']}/reversals", {"reason": "mistake"}
    )
    assert code(again) == "exceeds_reversible"
    assert holdings(closed) == left


ORDERS = [
    ("dispute", "undo", "undo rest"),
    ("undo", "dispute", "undo rest"),
    ("undo", "undo rest", "dispute"),
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("order", ORDERS, ids=" then ".join)
def test_in_parts_and_any_order_the_same_is_left(closed: Closed, line: str, order: tuple[str, ...]) -> None:
    """Two fifths are disputed, and all is undone at the desk in two parts."""
    _, unit, whole, nets = LINES[line]
    assert closed.nets() == {"HUB": 0}
    for step in order:
        if step == "dispute":
            if order[-1] == "dispute":
                with pytest.raises(AssertionError, match="not_disputable"):
                    disputed(closed, line, whole * 2 // 5)
            else:
                disputed(closed, line, whole * 2 // 5)
        else:
            undone(closed, line, whole // 2 if step == "undo" else None)
        closed.adds_up()
    assert closed.nets() == nets
    shown = good(closed.operator.get(f"/v1/transactions/{getattr(closed, line)['id']}"))
    assert shown["reversed"] == shown["points" if unit == "points" else "amount"]


def test_a_wrong_fee_is_given_back_once(closed: Closed) -> None:
    """Of ¥1.80 on a spend ¥1.00 was given back; undoing all of it gives back the other ¥0.80."""
    opener = closed.alliance.finance("PINE")
    body = closed.body("PINE", closed.spend["id"], "wrong_fee", amount=100)
    opened = good(opener.post("/v1/disputes", body))
    good(closed.operator.post(path(opened, "accept")))
    assert closed.nets() == {"PINE": 100, "HUB": -100}
    booked = undone(closed, "spend")
    assert [(leg["obligation"], leg["fee"]) for leg in booked["legs"]] == [(-30_000, -80)]
    assert closed.nets() == LINES["spend"][3]
    closed.adds_up()


def test_a_wrong_fee_of_a_visit_in_part_and_then_the_visit_in_parts(closed: Closed) -> None:
    disputed(closed, "visit", 500, "wrong_fee")
    first = undone(closed, "visit", 30_000)
    second = undone(closed, "visit")
    fees = [sum(leg["fee"] for leg in one["legs"]) for one in (first, second)]
    assert fees == [-180, 0]
    assert closed.nets() == LINES["visit"][3]
    closed.adds_up()


def test_the_transaction_says_what_was_given_back_and_the_desk_too(closed: Closed) -> None:
    disputed(closed, "load")
    shown = good(closed.operator.get(f"/v1/transactions/{closed.load['id']}"))
    [leg] = shown["legs"]
    assert leg["corrected"] == {"points": 0, "amount": 5_000, "obligation": 5_000, "fee": 0}
    assert shown["reversed"] == 0
    listed = good(closed.operator.get(f"/v1/transactions?merchant=LOTUS-1&card={WANG}"))["data"]
    assert [one["legs"][0]["corrected"] for one in listed if one["id"] == closed.load["id"]] == [
        leg["corrected"]
    ]
    finance = reader(closed.alliance, "operator").get(f"/finance/transactions/{closed.load['id']}").text
    assert "disputes have given back an obligation of ¥50.00" in finance


def test_the_desk_is_told_before_it_undoes(closed: Closed) -> None:
    """A load of JADE's at LOTUS is undone by LOTUS's clerk."""
    disputed(closed, "load")
    with closed.alliance.services.engine.begin() as connection:
        make_user(connection, "clerk", Scope.MERCHANT, "LOTUS-1")
    shown = second_reader(closed.alliance, "clerk").get(
        f"/desk/transactions/{closed.load['id']}/undo?idempotency_key=a"
    )
    assert "a dispute has already given back ¥50.00 and a fee of ¥0.00" in shown.text
    assert "already given back by a dispute" in shown.text


def test_a_reversal_that_was_corrected_gives_nothing_back_twice_either(closed: Closed) -> None:
    """The reversal's own line is disputed: its money is restored once, and what it undid stays undone."""
    booked = undone(closed, "load")
    second = closed.open_period()
    closed.close(second)
    statement = closed.statement("JADE", second)
    [line] = [one for one in closed.lines("JADE", second) if one["transaction"] == booked["id"]]
    body = {"statement": statement, "line": line["line"], "reason": "not_ours", "text": "was right"}
    opened = good(closed.jade.post("/v1/disputes", body))
    good(closed.lotus.post(path(opened, "accept")))
    assert closed.nets() == {"JADE": 5_000, "LOTUS": -5_000, "HUB": 0}
    again = closed.operator.post(f"/v1/transactions/{closed.load['id']}/reversals", {"reason": "mistake"})
    assert code(again) == "exceeds_reversible"
    assert "reversed before" in detail(again)
    closed.adds_up()


@pytest.mark.parametrize("order", [("dispute", "undo"), ("undo", "dispute")], ids=" then ".join)
@pytest.mark.parametrize("much", [{"points": 701}, {"amount": 333}, {"amount": 1_101}])
def test_the_share_of_an_amount_that_was_asked_for_is_given_back_once(
    closed: Closed, order: tuple[str, ...], much: dict[str, int]
) -> None:
    """¥11.01 at 0.7 fen a point: LOTUS' 1,500 points and 73 of JADE's have shares of it, and no worth of
    their own that would add up to it.
    """
    good(closed.operator.put("/v1/alliance", {"point_value": "0.7"}))
    body = {"card": WANG, "merchant": "PINE-1", "amount": 1_101}
    booked = good(closed.operator.post("/v1/redemptions", body))
    assert sum(leg["amount"] for leg in booked["legs"]) == 1_101
    closed.close(booked["period"])
    [statement] = good(closed.operator.get(f"/v1/statements?period={booked['period']}&participant=PINE"))[
        "data"
    ]
    detail = good(closed.operator.get(f"/v1/statements/{statement['id']}.json"))["detail"]
    line = next(one for one in detail if (one["transaction"], one["issuer"]) == (booked["id"], "LOTUS"))
    for step in order:
        if step == "dispute":
            claim = {
                "statement": statement["id"],
                "line": line["line"],
                "reason": "duplicate",
                "text": "twice",
            }
            opened = good(closed.alliance.finance("PINE").post("/v1/disputes", claim | {"points": 500}))
            good(closed.alliance.finance("LOTUS").post(path(opened, "accept")))
        else:
            good(
                closed.operator.post(
                    f"/v1/transactions/{booked['id']}/reversals", {"reason": "mistake"} | much
                )
            )
        closed.adds_up()
        if step == "undo" and much == {"amount": 1_101}:
            break  # nothing is left to be disputed
    closed.operator.post(f"/v1/transactions/{booked['id']}/reversals", {"reason": "the rest"})
    closed.adds_up()
    owed = {leg["issuer"]: leg["obligation"] for leg in booked["legs"]}
    fees = sum(leg["fee"] for leg in booked["legs"])
    nets = {code_: net for code_, net in owed.items() if net}
    assert closed.nets() == nets | {"PINE": fees - sum(owed.values()), "HUB": -fees}


@pytest.mark.parametrize(
    ("line", "reason"),
    [("redemption", "duplicate"), ("spend", "duplicate"), ("visit", "duplicate"), ("visit", "wrong_fee")],
)
def test_a_simulation_prices_a_reversal_without_what_a_dispute_gave_back(
    closed: Closed, line: str, reason: str
) -> None:
    """With the rules that are in force it comes to what was charged, whatever was corrected."""
    whole, fee = LINES[line][2], LINES[line][3]["HUB"]
    undone(closed, line, whole // 10)
    disputed(closed, line, whole // 2 if reason == "duplicate" else -fee // 2, reason)
    undone(closed, line, whole // 5)
    booked = undone(closed, line)
    body = {"period": booked["period"], "rules": []}
    found = good(closed.operator.post("/v1/fee-simulations", body))
    assert found["changed"] == 0
    assert found["charged"] == found["simulated"] < 0
    # At half the rate a reversal gives back half as much, of what was not given back before.
    rate = {"redemption": "0.01", "spend": "0.003", "visit": "0.005"}[line]
    body["rules"] = [{"kind": line, "rate": rate}]
    halved = good(closed.operator.post("/v1/fee-simulations", body))
    if reason == "duplicate":
        assert abs(2 * halved["simulated"] - found["charged"]) <= 4, "each of them is rounded"
