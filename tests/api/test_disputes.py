"""Disputes through the API: the ways of both parties and of the operator, and what is booked at the end."""

import json
from typing import Any

import pytest

from support.alliance import LI, WANG, Alliance
from support.api import Caller, code, detail, good, pointers, problem
from support.disputes import PATH, Closed, path


@pytest.fixture
def closed(alliance: Alliance) -> Closed:
    return Closed(alliance)


@pytest.fixture(scope="module")
def looked_at(shared: Alliance) -> Closed:
    """For tests that change nothing."""
    return Closed(shared)


def told(caller: Caller) -> list[tuple[str, str]]:
    """What a participant was told of disputes, the earliest first."""
    found = good(caller.get("/v1/events"))["data"]
    return [(one["type"], one["data"]["status"]) for one in reversed(found) if "dispute" in one["data"]]


def test_a_line_is_disputed_and_the_counterparty_gives_in(closed: Closed) -> None:
    own, theirs = (closed.line(code_, closed.redemption["id"]) for code_ in ("JADE", "LOTUS"))
    opened = closed.open("JADE", closed.redemption["id"])
    assert (opened["status"], opened["late"], opened["correction"]) == ("needs_response", False, None)
    assert (opened["participant"], opened["counterparty"], opened["waits_for"]) == ("JADE", "LOTUS", "LOTUS")
    assert (opened["points"], opened["amount"], opened["obligation"], opened["fee"]) == (2500, None, 2500, 0)
    assert (opened["line"], opened["member"]) == (own["line"], own["member"])
    assert [(one["by"], one["act"], one["text"]) for one in opened["messages"]] == [
        ("JADE", "open", "Booked twice")
    ]
    [seen] = good(closed.lotus.get(f"{PATH}?waits_for=LOTUS"))["data"]
    assert (seen["statement"], seen["line"]) == (closed.statement("LOTUS"), theirs["line"])
    assert (seen["member"], seen["fee"]) == (theirs["member"], 50)
    assert closed.nets() == {"HUB": 0}
    accepted = good(closed.lotus.post(path(opened, "accept"), {"text": "You are right"}))
    assert (accepted["status"], accepted["waits_for"], accepted["ended_by"]) == ("accepted", None, "LOTUS")
    assert accepted["correction"].items() >= {"by": "money", "obligation": 2500, "fee": 50}.items()
    assert closed.nets() == {"JADE": 2500, "LOTUS": -2450, "HUB": -50}
    assert good(closed.lotus.post(path(opened, "accept"))) == accepted
    assert closed.nets() == {"JADE": 2500, "LOTUS": -2450, "HUB": -50}
    assert told(closed.lotus) == [("dispute.opened", "needs_response")]
    assert told(closed.jade) == [("dispute.closed", "accepted")]
    closed.adds_up()


def test_each_party_sees_the_corrections_that_concern_it(closed: Closed) -> None:
    opened = closed.open("JADE", closed.redemption["id"])
    principal, fee = good(closed.lotus.post(path(opened, "accept")))["correction"]["transactions"]
    assert good(closed.jade.get(path(opened)))["correction"] == {
        "by": "money",
        "obligation": 2500,
        "fee": 0,
        "transactions": [principal],
    }
    assert code(closed.jade.get(f"/v1/transactions/{fee}")) == "transaction_unknown"
    booked = good(closed.jade.get(f"/v1/transactions/{principal}"))
    assert (booked["kind"], booked["amount"], booked["acceptor"]) == ("adjustment", 2500, "JADE")


def test_the_correction_stands_on_the_next_statement_and_the_disputed_one_stays_as_it_is(
    closed: Closed,
) -> None:
    id_ = closed.statement("JADE")
    before = [closed.operator.get(f"/v1/statements/{id_}.{kind}").data for kind in ("json", "csv", "xlsx")]
    opened = closed.open("JADE", closed.redemption["id"])
    good(closed.lotus.post(path(opened, "accept")))
    after = [closed.operator.get(f"/v1/statements/{id_}.{kind}").data for kind in ("json", "csv", "xlsx")]
    assert before == after
    period = closed.open_period()
    settled = closed.close(period)
    assert {one["code"]: one["net"] for one in settled["participants"]}["JADE"] == 2500
    [line] = closed.lines("JADE", period)
    assert (line["kind"], line["obligation"], line["direction"]) == ("adjustment", 2500, "receivable")
    assert (line["prior_period"], line["reference"]) == (True, "POS-1")
    booked = good(closed.operator.get(f"/v1/transactions/{line['transaction']}"))
    assert booked["purpose"] == f"dispute {opened['id']}: duplicate"
    assert booked["metadata"] == {"dispute": opened["id"], "transaction": closed.redemption["id"]}
    closed.adds_up()


def test_after_an_answer_the_operator_decides(closed: Closed) -> None:
    opened = closed.open("JADE", closed.redemption["id"])
    assert code(closed.operator.post(path(opened, "accept"))) == "response_awaited"
    refused = closed.operator.post(path(opened, "reject"), {"text": "No"})
    assert (code(refused), opened["due_on"] in detail(refused)) == ("response_awaited", True)
    body = {"text": "The guest was here", "proposes": "reject"}
    answered = good(closed.lotus.post(path(opened, "answers"), body))
    assert (answered["status"], answered["waits_for"], answered["due_on"]) == ("open", "HUB", None)
    assert [one["id"] for one in good(closed.operator.get(f"{PATH}?waits_for=HUB"))["data"]] == [opened["id"]]
    assert code(closed.lotus.post(path(opened, "reject"), {"text": "No"})) == "forbidden"
    good(closed.jade.post(path(opened, "answers"), {"text": "He was not"}))
    good(closed.operator.post(path(opened, "answers"), {"text": "Please send the folio"}))
    rejected = good(closed.operator.post(path(opened, "reject"), {"text": "The folio is signed"}))
    assert (rejected["status"], rejected["ended_by"], rejected["correction"]) == ("rejected", "HUB", None)
    assert [(one["by"], one["act"], one["proposes"]) for one in rejected["messages"]] == [
        ("JADE", "open", None),
        ("LOTUS", "answer", "reject"),
        ("JADE", "answer", None),
        ("HUB", "answer", None),
        ("HUB", "reject", None),
    ]
    assert told(closed.jade) == [
        ("dispute.answered", "open"),
        ("dispute.answered", "open"),
        ("dispute.closed", "rejected"),
    ]
    assert [type_ for type_, _ in told(closed.lotus)] == [
        "dispute.opened",
        "dispute.answered",
        "dispute.answered",
        "dispute.closed",
    ]
    for act, caller in (("accept", closed.lotus), ("answers", closed.jade), ("withdraw", closed.jade)):
        assert code(caller.post(path(opened, act), {"text": "Still"})) == "dispute_closed"
    assert closed.nets() == {"HUB": 0}


def test_after_the_time_to_answer_the_operator_decides_alone(closed: Closed) -> None:
    opened = closed.open("JADE", closed.spend["id"])
    closed.let_time_pass()
    accepted = good(closed.operator.post(path(opened, "accept")))
    assert (accepted["status"], accepted["ended_by"]) == ("accepted", "HUB")
    assert accepted["correction"].items() >= {"obligation": 30_000, "fee": 180}.items()
    assert closed.nets() == {"JADE": 30_000, "PINE": -29_820, "HUB": -180}
    closed.let_time_pass(-30)
    closed.adds_up()


def test_of_a_load_the_issuer_pays_back(closed: Closed) -> None:
    opened = closed.open("LOTUS", closed.load["id"])
    assert (opened["counterparty"], opened["amount"], opened["obligation"]) == ("JADE", 5_000, 5_000)
    good(closed.jade.post(path(opened, "accept")))
    assert closed.nets() == {"LOTUS": 5_000, "JADE": -5_000, "HUB": 0}
    closed.adds_up()


def test_a_fee_is_disputed_with_the_hub(closed: Closed) -> None:
    opened = closed.open("LOTUS", closed.redemption["id"], "wrong_fee", amount=20)
    assert (opened["counterparty"], opened["waits_for"], opened["fee"]) == ("HUB", "HUB", 20)
    assert code(closed.jade.get(path(opened))) == "not_found"
    good(closed.operator.post(path(opened, "accept")))
    assert closed.nets() == {"LOTUS": 20, "HUB": -20}
    beyond = closed.body("LOTUS", closed.redemption["id"], "wrong_fee", amount=31)
    refused = closed.lotus.post(PATH, beyond)
    assert (code(refused), "30 fen" in detail(refused)) == ("exceeds_disputable", True)
    # The line itself is taken back: only what is left of the fee goes with it.
    whole = closed.open("JADE", closed.redemption["id"])
    good(closed.lotus.post(path(whole, "accept")))
    assert closed.nets() == {"JADE": 2500, "LOTUS": -2450, "HUB": -50}
    closed.adds_up()


def test_a_visit_costs_only_a_fee_so_it_is_disputed_with_the_hub(closed: Closed) -> None:
    opened = closed.open("LOTUS", closed.visit["id"], amount=34_000)
    assert (opened["counterparty"], opened["obligation"], opened["fee"]) == ("HUB", 0, 340)
    good(closed.operator.post(path(opened, "reject"), {"text": "One visit it was"}))
    refused = closed.jade.post(PATH, closed.body("JADE", closed.visit["id"]))
    assert (code(refused), "Nothing is owed" in detail(refused)) == ("not_disputable", True)


def test_a_part_is_disputed_and_then_the_rest(closed: Closed) -> None:
    first = closed.open("JADE", closed.redemption["id"], "wrong_amount", points=1_000)
    assert (first["points"], first["obligation"]) == (1_000, 1_000)
    good(closed.lotus.post(path(first, "accept")))
    assert closed.nets() == {"JADE": 1_000, "LOTUS": -980, "HUB": -20}
    refused = closed.jade.post(PATH, closed.body("JADE", closed.redemption["id"], points=1_501))
    assert (code(refused), "1500 points" in detail(refused)) == ("exceeds_disputable", True)
    by_value = closed.open("JADE", closed.redemption["id"], amount=499)
    assert (by_value["points"], by_value["obligation"]) == (499, 499)
    good(closed.lotus.post(path(by_value, "accept")))
    rest = closed.open("JADE", closed.redemption["id"])
    assert rest["points"] == 1_001
    good(closed.lotus.post(path(rest, "accept")))
    assert closed.nets() == {"JADE": 2500, "LOTUS": -2450, "HUB": -50}
    refused = closed.jade.post(PATH, closed.body("JADE", closed.redemption["id"]))
    assert (code(refused), "already" in detail(refused)) == ("not_disputable", True)
    closed.adds_up()


def test_one_at_a_time_and_again_after_withdrawing(closed: Closed) -> None:
    opened = closed.open("JADE", closed.redemption["id"])
    body = closed.body("JADE", closed.redemption["id"], "other")
    assert code(closed.jade.post(PATH, body)) == "already_exists"
    # The other side may think so too.
    closed.open("LOTUS", closed.redemption["id"])
    assert code(closed.lotus.post(path(opened, "withdraw"))) == "forbidden"
    withdrawn = good(closed.jade.post(path(opened, "withdraw"), {"text": "Found it"}))
    assert (withdrawn["status"], withdrawn["ended_by"]) == ("withdrawn", "JADE")
    assert good(closed.jade.post(path(opened, "withdraw"))) == withdrawn
    assert code(closed.lotus.post(path(opened, "accept"))) == "dispute_closed"
    again = good(closed.jade.post(PATH, body))
    assert (again["status"], again["id"] != opened["id"]) == ("needs_response", True)


def test_what_the_counterparty_has_rejected_goes_to_the_operator_when_it_is_disputed_again(
    closed: Closed,
) -> None:
    opened = closed.open("JADE", closed.redemption["id"])
    assert code(closed.lotus.post(path(opened, "reject"))) == "malformed"
    rejected = good(closed.lotus.post(path(opened, "reject"), {"text": "It is right"}))
    assert (rejected["status"], rejected["ended_by"]) == ("rejected", "LOTUS")
    again = closed.open("JADE", closed.redemption["id"])
    assert (again["status"], again["waits_for"], again["due_on"]) == ("open", "HUB", None)
    assert code(closed.lotus.post(path(again, "reject"), {"text": "It is right"})) == "forbidden"
    good(closed.operator.post(path(again, "accept")))
    assert closed.nets()["JADE"] == 2500


def test_of_a_fee_only_the_hub_s_rejection_counts(closed: Closed) -> None:
    opened = closed.open("LOTUS", closed.redemption["id"])
    good(closed.jade.post(path(opened, "reject"), {"text": "It is right"}))
    fee = closed.open("LOTUS", closed.redemption["id"], "wrong_fee")
    assert (fee["status"], fee["waits_for"]) == ("needs_response", "HUB")
    good(closed.operator.post(path(fee, "reject"), {"text": "It is as agreed"}))
    again = closed.open("LOTUS", closed.redemption["id"], "wrong_fee")
    assert (again["status"], again["waits_for"]) == ("open", "HUB")
    good(closed.operator.post(path(again, "reject"), {"text": "It still is"}))


def test_a_late_dispute_is_flagged_and_goes_its_way(closed: Closed) -> None:
    [before] = good(closed.jade.get("/v1/statements"))["data"]
    days = good(closed.operator.put("/v1/alliance", {"dispute_window_days": 40}))["dispute_window_days"]
    closed.let_time_pass()
    [after] = good(closed.jade.get("/v1/statements"))["data"]
    assert (days, after["dispute_until"] < before["dispute_until"]) == (40, True)
    opened = closed.open("JADE", closed.redemption["id"])
    assert opened["late"], "the window published with the statement counts"
    good(closed.lotus.post(path(opened, "accept")))
    assert closed.nets()["JADE"] == 2500


def test_the_days_are_the_alliance_s(closed: Closed) -> None:
    settings = good(closed.operator.get("/v1/alliance"))
    assert (settings["dispute_window_days"], settings["dispute_response_days"]) == (10, 7)
    wrong = problem(closed.operator.put("/v1/alliance", {"dispute_response_days": 0}))
    assert pointers(wrong) == ["/dispute_response_days"]
    good(closed.operator.put("/v1/alliance", {"dispute_response_days": 3}))
    short = closed.open("JADE", closed.redemption["id"])
    good(closed.operator.put("/v1/alliance", {"dispute_response_days": 10}))
    assert closed.open("JADE", closed.spend["id"])["due_on"] > short["due_on"]


def test_nothing_is_held_up_and_the_settlement_shows_what_is_disputed(closed: Closed) -> None:
    def disputed() -> dict[str, tuple[int, int, int]]:
        found = good(closed.operator.get(f"/v1/settlements/{closed.period}"))
        assert found["hub"] == closed.settlement["hub"]
        assert [one["net"] for one in found["participants"]] == nets
        return {one["code"]: tuple(one["disputed"].values()) for one in found["participants"]}

    nets = [one["net"] for one in closed.settlement["participants"]]
    assert disputed() == {"JADE": (0, 0, 0), "LOTUS": (0, 0, 0), "PINE": (0, 0, 0)}
    redemption = closed.open("JADE", closed.redemption["id"])
    closed.open("JADE", closed.spend["id"], amount=10_000)
    closed.open("LOTUS", closed.visit["id"], "wrong_fee")
    expected = {"JADE": (2, 12_500, 0), "LOTUS": (2, 2_500, 730), "PINE": (1, 10_000, 60)}
    assert disputed() == expected
    own = good(closed.lotus.get(f"/v1/settlements/{closed.period}/LOTUS"))
    assert own["participant"]["disputed"] == {"count": 2, "amount": 2_500, "fees": 730}
    settled = closed.close(closed.open_period())
    assert settled["checks"] == {"zero_sum": True, "recomputed": True}
    good(closed.jade.post(path(redemption, "withdraw")))
    assert disputed()["JADE"] == (1, 10_000, 0)


def test_the_acceptor_reverses_and_the_member_has_the_value_again(closed: Closed) -> None:
    opened = closed.open("JADE", closed.spend["id"], amount=10_000)
    finance, participant = closed.alliance.finance("PINE"), closed.alliance.participant("PINE")
    by = {"by": "reversal"}
    refused = finance.post(path(opened, "accept"), by)
    assert (code(refused), pointers(problem(refused))) == ("forbidden", ["/by"])
    accepted = good(participant.post(path(opened, "accept"), by))
    assert accepted["correction"].items() >= {"by": "reversal", "obligation": 10_000, "fee": 60}.items()
    [reversal] = accepted["correction"]["transactions"]
    booked = good(closed.operator.get(f"/v1/transactions/{reversal}"))
    assert (booked["kind"], booked["reverses"], booked["amount"]) == (
        "reversal",
        closed.spend["id"],
        -10_000,
    )
    assert booked["late"]
    assert closed.nets() == {"JADE": 10_000, "PINE": -9_940, "HUB": -60}
    rest = closed.open("JADE", closed.spend["id"])
    assert rest["amount"] == 20_000
    good(finance.post(path(rest, "accept")))
    assert closed.nets() == {"JADE": 30_000, "PINE": -29_820, "HUB": -180}
    closed.adds_up()


def test_what_disputes_have_corrected_in_money_is_not_reversed_as_well(closed: Closed) -> None:
    participant = closed.alliance.participant("PINE")
    first = closed.open("JADE", closed.spend["id"], amount=10_000)
    good(participant.post(path(first, "accept")))
    rest = closed.open("JADE", closed.spend["id"])
    assert code(participant.post(path(rest, "accept"), {"by": "reversal"})) == "not_reversible"
    good(participant.post(path(rest, "accept")))
    closed.adds_up()


def test_a_transaction_of_several_issuers_is_corrected_in_money_only(closed: Closed) -> None:
    opened = closed.open("JADE", closed.redemption["id"])
    refused = closed.alliance.participant("LOTUS").post(path(opened, "accept"), {"by": "reversal"})
    assert (code(refused), "money only" in detail(refused)) == ("not_reversible", True)
    assert good(closed.jade.get(path(opened)))["status"] == "needs_response"


def test_what_the_ledger_does_not_reverse_leaves_the_dispute_as_it_was(closed: Closed) -> None:
    spent = {"card": WANG, "merchant": "JADE-1", "amount": 22_000}
    good(closed.operator.post("/v1/spends", spent))
    opened = closed.open("JADE", closed.load["id"])
    refused = closed.alliance.participant("LOTUS").post(path(opened, "accept"), {"by": "reversal"})
    assert code(refused) == "exceeds_reversible"
    assert good(closed.jade.get(path(opened)))["status"] == "needs_response"
    assert closed.nets() == {"HUB": 0}
    good(closed.lotus.post(path(opened, "accept")))
    assert closed.nets() == {"JADE": -5_000, "LOTUS": 5_000, "HUB": 0}
    closed.adds_up()


def test_what_the_desk_has_reversed_meanwhile_is_not_corrected_again(closed: Closed) -> None:
    opened = closed.open("JADE", closed.spend["id"])
    reversals = f"/v1/transactions/{closed.spend['id']}/reversals"
    good(closed.operator.post(reversals, {"amount": 29_000, "reason": "Typed wrong"}))
    accepted = good(closed.alliance.finance("PINE").post(path(opened, "accept")))
    assert accepted["correction"].items() >= {"by": "money", "obligation": 1_000, "fee": 6}.items()
    assert closed.nets() == {"JADE": 30_000, "PINE": -29_820, "HUB": -180}
    closed.adds_up()


@pytest.mark.parametrize("amount", [29_000, None])
def test_what_was_reversed_in_another_wallet_counts_as_well(closed: Closed, amount: int | None) -> None:
    alliance = closed.alliance
    link = {"card": LI}
    good(closed.operator.post(f"/v1/wallets/{alliance.wallet(WANG)}/links", link))
    good(alliance.participant("JADE").post(f"/v1/cards/{WANG}/unlink"))
    opened = closed.open("JADE", closed.spend["id"])
    body = {"amount": amount, "reason": "Typed wrong"} if amount else {"reason": "Typed wrong"}
    good(closed.operator.post(f"/v1/transactions/{closed.spend['id']}/reversals", body))
    accepted = good(closed.alliance.finance("PINE").post(path(opened, "accept")))
    left = {"by": "money", "obligation": 1_000, "fee": 6} if amount else {"by": "none", "obligation": 0}
    assert accepted["correction"].items() >= left.items()
    assert closed.nets() == {"JADE": 30_000, "PINE": -29_820, "HUB": -180}
    closed.adds_up()


def test_the_acceptor_reverses_in_the_wallet_that_the_card_has_now(closed: Closed) -> None:
    alliance = closed.alliance
    good(closed.operator.post(f"/v1/wallets/{alliance.wallet(WANG)}/links", {"card": LI}))
    good(alliance.participant("JADE").post(f"/v1/cards/{WANG}/unlink"))
    opened = closed.open("JADE", closed.spend["id"])
    by = {"by": "reversal"}
    accepted = good(alliance.participant("PINE").post(path(opened, "accept"), by))
    assert accepted["correction"].items() >= {"by": "reversal", "obligation": 30_000, "fee": 180}.items()
    [reversal] = accepted["correction"]["transactions"]
    assert good(closed.operator.get(f"/v1/transactions/{reversal}"))["reverses"] == closed.spend["id"]
    closed.adds_up()


def test_accepting_what_is_reversed_already_books_nothing(closed: Closed) -> None:
    opened = closed.open("JADE", closed.spend["id"])
    good(closed.operator.post(f"/v1/transactions/{closed.spend['id']}/reversals", {"reason": "Typed wrong"}))
    accepted = good(closed.alliance.finance("PINE").post(path(opened, "accept")))
    assert accepted["correction"] == {"by": "none", "obligation": 0, "fee": 0, "transactions": []}
    assert closed.nets() == {"JADE": 30_000, "PINE": -29_820, "HUB": -180}
    closed.adds_up()


def test_a_reversal_s_own_line_can_be_disputed(closed: Closed) -> None:
    good(closed.operator.post(f"/v1/transactions/{closed.spend['id']}/reversals", {"reason": "Typed wrong"}))
    period = closed.open_period()
    closed.close(period)
    [line] = closed.lines("PINE", period)
    body = {"statement": closed.statement("PINE", period), "line": line["line"], "reason": "not_ours"}
    opened = good(closed.alliance.finance("PINE").post(PATH, {**body, "text": "Not our till", "amount": 100}))
    assert (opened["counterparty"], opened["amount"], opened["obligation"]) == ("JADE", 100, -100)
    good(closed.jade.post(path(opened, "accept")))
    assert closed.nets() == {"JADE": -100, "PINE": 99, "HUB": 1}
    closed.adds_up()


def test_a_correction_can_be_disputed_like_any_line(closed: Closed) -> None:
    opened = closed.open("JADE", closed.redemption["id"])
    good(closed.lotus.post(path(opened, "accept")))
    period = closed.open_period()
    closed.close(period)
    lines = {line["acceptor"]: line["line"] for line in closed.lines("LOTUS", period)}
    statement = closed.statement("LOTUS", period)
    for acceptor, counterparty in (("JADE", "JADE"), ("HUB", "HUB")):
        body = {"statement": statement, "line": lines[acceptor], "reason": "other", "text": "Too hasty"}
        if acceptor == "HUB":
            assert code(closed.lotus.post(PATH, body | {"amount": 51})) == "exceeds_disputable"
        opened = good(closed.lotus.post(PATH, body))
        assert opened["counterparty"] == counterparty
        caller = closed.jade if counterparty == "JADE" else closed.operator
        good(caller.post(path(opened, "accept")))
    assert closed.nets() == {"JADE": -2500, "LOTUS": 2450, "HUB": 50}
    closed.adds_up()


def test_a_line_is_named_by_its_number_or_by_transaction_and_issuer(looked_at: Closed) -> None:
    named = {"transaction": looked_at.redemption["id"], "issuer": "JADE"}
    common = {"statement": looked_at.statement("JADE"), "reason": "other", "text": "See mail of 3 May"}
    opened = good(looked_at.jade.post(PATH, {**common, **named}))
    assert opened["line"] == looked_at.line("JADE", looked_at.redemption["id"])["line"]
    good(looked_at.jade.post(path(opened, "withdraw")))
    for wrong in (
        {"line": 999},
        {**named, "issuer": "LOTUS"},
        {**named, "transaction": "txn_none"},
        {"statement": looked_at.statement("LOTUS"), "line": 1},
        {"statement": "stm_none", "line": 1},
    ):
        assert code(looked_at.jade.post(PATH, {**common, **wrong})) == "not_found", wrong


def test_own_business_cannot_be_disputed(looked_at: Closed) -> None:
    own = {"transaction": looked_at.redemption["id"], "issuer": "LOTUS"}
    body = {"statement": looked_at.statement("LOTUS"), "text": "Wrong", **own}
    for reason, words in (("duplicate", "Nothing is owed"), ("wrong_fee", "You pay no fee")):
        refused = looked_at.lotus.post(PATH, {**body, "reason": reason})
        assert (code(refused), words in detail(refused)) == ("not_disputable", True)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"line": 0}, "/line"),
        ({"line": None}, "/line"),
        ({"issuer": "JADE"}, "/issuer"),
        ({"reason": "ugly"}, "/reason"),
        ({"text": ""}, "/text"),
        ({"points": 5, "amount": 5}, "/points"),
        ({"points": 0}, "/points"),
        ({"amount": -5}, "/amount"),
    ],
)
def test_a_wrong_field_is_pointed_at(looked_at: Closed, change: dict[str, Any], pointer: str) -> None:
    body = {"statement": looked_at.statement("JADE"), "line": 1, "reason": "other", "text": "Wrong"}
    found = problem(looked_at.jade.post(PATH, body | change))
    assert (found["code"], pointers(found)) == ("malformed", [pointer])


def test_a_line_must_be_named_and_fen_are_fen(looked_at: Closed) -> None:
    body = {"statement": looked_at.statement("JADE"), "reason": "other", "text": "Wrong"}
    assert pointers(problem(looked_at.jade.post(PATH, body))) == ["/transaction"]
    named = {"transaction": looked_at.spend["id"], "issuer": "NOBODY"}
    assert pointers(problem(looked_at.jade.post(PATH, body | named))) == ["/issuer"]
    refused = looked_at.jade.post(PATH, body | named | {"issuer": "JADE", "points": 5})
    assert (code(refused), pointers(problem(refused))) == ("amount_invalid", ["/points"])


def test_only_the_parties_and_those_who_see_all_see_it(closed: Closed) -> None:
    opened = closed.open("JADE", closed.redemption["id"])
    alliance = closed.alliance
    stranger = alliance.finance("PINE")
    assert good(stranger.get(PATH))["data"] == []
    assert good(stranger.get(f"{PATH}?participant=JADE"))["data"] == []
    assert code(stranger.get(path(opened))) == "not_found"
    for act in ("answers", "accept", "reject", "withdraw"):
        assert code(stranger.post(path(opened, act), {"text": "Me too"})) == "not_found"
    for caller in (alliance.auditor, closed.operator, alliance.participant("JADE"), closed.lotus):
        assert good(caller.get(path(opened)))["status"] == "needs_response"
    for caller in (alliance.auditor, closed.operator):
        seen = good(caller.get(path(opened)))
        assert (seen["member"], seen["fee"]) == (None, 50)
    own = good(closed.lotus.get(path(opened)))
    assert WANG not in json.dumps(own)
    assert opened["member"] not in json.dumps(own)
    for caller in (alliance.auditor, alliance.merchant("JADE-1")):
        assert code(caller.post(path(opened, "answers"), {"text": "Hm"})) == "forbidden"
    assert code(closed.operator.post(path(opened, "withdraw"))) == "forbidden"
    assert code(closed.operator.get(f"{PATH}/dsp_none")) == "not_found"


def test_they_are_listed_by_state_period_and_participant_page_by_page(closed: Closed) -> None:
    first = closed.open("JADE", closed.redemption["id"])
    second = closed.open("JADE", closed.spend["id"])
    third = closed.open("LOTUS", closed.visit["id"])
    good(closed.jade.post(path(first, "withdraw")))

    def listed(query: str, caller: Caller = closed.operator) -> list[str]:
        return [one["id"] for one in good(caller.get(f"{PATH}?{query}"))["data"]]

    all_ = [one["id"] for one in (third, second, first)]
    assert listed("") == all_
    assert listed("status=withdrawn") == [first["id"]]
    assert listed("status=needs_response") == all_[:2]
    assert listed(f"period={closed.period}") == all_
    assert listed("period=2020-01") == []
    assert listed("participant=PINE") == [second["id"]]
    assert listed("participant=HUB") == [third["id"]]
    assert listed("participant=NOBODY") == []
    assert listed("waits_for=PINE") == [second["id"]]
    assert listed("waits_for=HUB") == [third["id"]]
    assert listed("", closed.jade) == all_[1:]
    page = good(closed.operator.get(f"{PATH}?limit=2"))
    assert [one["id"] for one in page["data"]] == all_[:2]
    assert listed(f"cursor={page['next_cursor']}") == all_[2:]
    assert pointers(problem(closed.operator.get(f"{PATH}?status=lost"))) == ["?status"]
