"""Adjustments by hand: two operators agree, the books stay whole, and statements show it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import NOBODY, WANG, Alliance
from support.api import Caller, code, good, pointers, problem
from support.core import SHANGHAI

GOODWILL = {"kind": "points", "card": WANG, "issuer": "PINE", "points": 500, "reason": "goodwill: cold room"}


@pytest.fixture
def second(alliance: Alliance) -> Caller:
    """Another operator."""
    return alliance.key("operator")


def propose(alliance: Alliance, **body: Any) -> str:
    proposed = good(alliance.operator.post("/v1/adjustments", body))
    assert (proposed["status"], proposed["transaction"]) == ("proposed", None)
    return f"/v1/adjustments/{proposed['id']}"


def points(alliance: Alliance) -> int:
    available: int = good(alliance.merchant("PINE-1").get(f"/v1/cards/{WANG}"))["points"]["available"]
    return available


def adds_up(alliance: Alliance) -> None:
    with frozen(alliance.services.engine) as connection:
        assert list(verify(connection)) == []


def test_points_are_given_once_another_operator_has_approved(alliance: Alliance, second: Caller) -> None:
    path = propose(alliance, **GOODWILL)
    assert points(alliance) == 6500
    assert code(alliance.operator.post(f"{path}/approve")) == "forbidden"
    assert [one["status"] for one in good(second.get("/v1/adjustments?status=proposed"))["data"]] == [
        "proposed"
    ]
    approved = good(second.post(f"{path}/approve"))
    assert (approved["status"], approved["refusal"]) == ("approved", None)
    assert approved["decided_by"] != approved["proposed_by"]
    assert points(alliance) == 7000
    again = good(second.post(f"{path}/approve"))
    assert (again["transaction"], points(alliance)) == (approved["transaction"], 7000)
    booked = good(alliance.operator.get(f"/v1/transactions/{approved['transaction']}"))
    assert (booked["kind"], booked["points"], booked["purpose"]) == ("adjustment", 500, "goodwill: cold room")
    assert (booked["legs"][0]["issuer"], booked["legs"][0]["fee"]) == ("PINE", 0)
    adds_up(alliance)


def test_points_that_would_have_ended_are_not_even_proposed(alliance: Alliance) -> None:
    yesterday = (datetime.now(SHANGHAI) - timedelta(days=1)).date().isoformat()
    refused = problem(alliance.operator.post("/v1/adjustments", GOODWILL | {"expires_on": yesterday}))
    assert (refused["code"], pointers(refused)) == ("amount_invalid", ["/expires_on"])
    assert "would have ended" in refused["detail"]
    assert good(alliance.operator.get("/v1/adjustments"))["data"] == []
    propose(alliance, **GOODWILL, expires_on=(datetime.now(SHANGHAI) + timedelta(days=1)).date().isoformat())


def test_a_proposal_whose_day_has_passed_is_approved_in_vain(alliance: Alliance, second: Caller) -> None:
    path = propose(alliance, **GOODWILL, expires_on="2099-12-31")
    with alliance.services.engine.begin() as connection:
        connection.execute(text("UPDATE adjustments SET expires_on = '2025-12-31'"))
    approved = good(second.post(f"{path}/approve"))
    assert approved["transaction"] is None
    assert "would have ended on 2025-12-31" in approved["refusal"]
    assert points(alliance) == 6500
    adds_up(alliance)


def test_points_are_taken_from_the_issuers_lots_and_never_too_many(
    alliance: Alliance, second: Caller
) -> None:
    body = GOODWILL | {"issuer": "JADE", "points": -3500, "reason": "typed twice"}
    good(second.post(f"{propose(alliance, **body)}/approve"))
    assert points(alliance) == 3000
    refused = good(second.post(f"{propose(alliance, **body)}/approve"))
    assert (refused["transaction"], "1500 points" in refused["refusal"]) == (None, True)
    adds_up(alliance)


def test_money_between_participants_enters_nets_and_statements(alliance: Alliance, second: Caller) -> None:
    money = {"kind": "money", "reason": "flood of 3 May"}
    for debtor, creditor, amount in (("JADE", "PINE", 12_345), ("LOTUS", "HUB", 700), ("HUB", "PINE", 200)):
        body = money | {"debtor": debtor, "creditor": creditor, "amount": amount}
        approved = good(second.post(f"{propose(alliance, **body)}/approve"))
    period = good(alliance.operator.get(f"/v1/transactions/{approved['transaction']}"))["period"]
    adds_up(alliance)
    settled = good(alliance.operator.post(f"/v1/periods/{period}/close", {"early": True}))
    nets = {one["code"]: one["net"] for one in settled["participants"]}
    assert nets == {"JADE": -12_345, "LOTUS": -700, "PINE": 12_545}
    assert settled["hub"]["net"] == 500
    assert settled["checks"] == {"zero_sum": True, "recomputed": True}
    assert [(row["debtor"], row["creditor"], row["kind"], row["amount"]) for row in settled["matrix"]] == [
        ("JADE", "PINE", "adjustment", 12_345)
    ]
    for participant, expected in (("PINE", "12345"), ("LOTUS", "HUB")):
        finance = alliance.finance(participant)
        listed = good(finance.get(f"/v1/statements?period={period}"))["data"][0]
        for suffix in ("csv", "json", "xlsx"):
            response = finance.get(f"/v1/statements/{listed['id']}.{suffix}")
            assert response.status_code == 200
            if suffix != "xlsx":
                assert expected in response.get_data(as_text=True)
    adds_up(alliance)


def test_a_proposal_can_be_rejected_also_by_who_made_it_and_is_then_done_with(
    alliance: Alliance, second: Caller
) -> None:
    path = propose(alliance, **GOODWILL)
    assert good(alliance.operator.post(f"{path}/reject"))["status"] == "rejected"
    assert good(second.post(f"{path}/reject"))["status"] == "rejected"
    assert code(second.post(f"{path}/approve")) == "already_exists"
    approved = propose(alliance, **GOODWILL)
    good(second.post(f"{approved}/approve"))
    assert code(second.post(f"{approved}/reject")) == "already_exists"
    assert points(alliance) == 7000


def test_only_operators_adjust_and_auditors_look(alliance: Alliance) -> None:
    path = propose(alliance, **GOODWILL)
    good(alliance.auditor.get(path))
    for caller in (alliance.auditor, alliance.participant("JADE"), alliance.finance("JADE")):
        assert code(caller.post("/v1/adjustments", GOODWILL)) == "forbidden"
        assert code(caller.post(f"{path}/approve")) == "forbidden"
    assert code(alliance.participant("JADE").get(path)) == "forbidden"
    assert code(alliance.operator.get("/v1/adjustments/adj_nonsense")) == "not_found"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"points": 0}, "/points"),
    ({"points": 10**13}, "/points"),
    ({"points": None}, "/points"),
    ({"amount": 5}, "/amount"),
    ({"issuer": "NOBODY"}, "/issuer"),
    ({"issuer": "HUB"}, "/issuer"),
    ({"reason": ""}, "/reason"),
    ({"kind": "gift"}, "/kind"),
    ({"kind": "money"}, "/debtor"),
]


@pytest.mark.parametrize(("changes", "pointer"), WRONG)
def test_a_wrong_field_is_pointed_at(shared: Alliance, changes: dict[str, Any], pointer: str) -> None:
    response = shared.operator.post("/v1/adjustments", GOODWILL | changes)
    assert (code(response), pointer in pointers(problem(response))) == ("malformed", True)


def test_money_needs_two_and_a_card_must_be_known(shared: Alliance) -> None:
    money = {"kind": "money", "debtor": "JADE", "creditor": "JADE", "amount": 5, "reason": "x"}
    assert pointers(problem(shared.operator.post("/v1/adjustments", money))) == ["/creditor"]
    assert code(shared.operator.post("/v1/adjustments", GOODWILL | {"card": NOBODY})) == "card_unknown"
