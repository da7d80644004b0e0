"""Disputes through the API: both parties' and the operator's way, and what is booked at the end of it."""

import threading
from typing import Any

import pytest
from sqlalchemy import text

from clearing.verify import frozen
from settlement.disputes import acceptance
from settlement.verify import verify
from support.alliance import LI, WANG, Alliance
from support.api import Caller, code, detail, good, pointers, problem

PATH = "/v1/disputes"


class Closed:
    """A closed period: Wang's redemption of 4,000 points at LOTUS (JADE owes 2,500), ¥300 of JADE's stored
    value spent at PINE, ¥50 of it loaded at LOTUS, and a visit of ¥680 to LOTUS.
    """

    def __init__(self, alliance: Alliance) -> None:
        self.alliance, self.operator = alliance, alliance.operator
        self.jade, self.lotus = alliance.finance("JADE"), alliance.finance("LOTUS")
        self.redemption = self._post("redemptions", "LOTUS-1", points=4000, reference="POS-1")
        self.spend = self._post("spends", "PINE-1", amount=30_000)
        self.load = self._post("loads", "LOTUS-1", amount=5_000, issuer="JADE")
        self.visit = self._post("accruals", "LOTUS-1", amount=68_000)
        self.period = self.redemption["period"]
        self.settlement = self.close(self.period)

    def _post(self, kind: str, merchant: str, **body: Any) -> Any:
        body |= {"card": WANG, "merchant": merchant}
        return good(self.operator.post(f"/v1/{kind}", body))

    def close(self, period: str) -> Any:
        return good(self.operator.post(f"/v1/periods/{period}/close", {"early": True}))

    def statement(self, participant: str, period: str | None = None) -> str:
        query = f"period={period or self.period}&participant={participant}"
        [found] = good(self.operator.get(f"/v1/statements?{query}"))["data"]
        return str(found["id"])

    def lines(self, participant: str, period: str | None = None) -> list[dict[str, Any]]:
        """The detail of a statement, as its participant downloads it."""
        id_ = self.statement(participant, period)
        found: list[dict[str, Any]] = good(self.operator.get(f"/v1/statements/{id_}.json"))["detail"]
        return found

    def line(self, participant: str, transaction: str, issuer: str = "JADE") -> dict[str, Any]:
        [found] = [
            one
            for one in self.lines(participant)
            if (one["transaction"], one["issuer"]) == (transaction, issuer)
        ]
        return found

    def body(self, participant: str, transaction: str, reason: str = "duplicate", **more: Any) -> Any:
        line = self.line(participant, transaction)["line"]
        statement = self.statement(participant)
        return {"statement": statement, "line": line, "reason": reason, "text": "Booked twice", **more}

    def open(self, participant: str, transaction: str, reason: str = "duplicate", **more: Any) -> Any:
        body = self.body(participant, transaction, reason, **more)
        return good(self.alliance.finance(participant).post(PATH, body))

    def nets(self) -> dict[str, int]:
        """Of the open period."""
        period = good(self.operator.get("/v1/periods"))["data"][-1]["period"]
        found = good(self.operator.get(f"/v1/settlements/{period}"))
        nets = {one["code"]: one["net"] for one in found["participants"]}
        return {code_: net for code_, net in nets.items() if net} | {"HUB": found["hub"]["net"]}

    def expire(self, dispute: dict[str, Any]) -> None:
        """Let the time to answer be over."""
        self.change("UPDATE disputes SET due_on = due_on - 30")

    def change(self, statement: str) -> None:
        with self.alliance.services.engine.begin() as connection:
            connection.execute(text(statement))

    def adds_up(self) -> None:
        with frozen(self.alliance.services.engine) as connection:
            assert list(verify(connection)) == []


@pytest.fixture
def closed(alliance: Alliance) -> Closed:
    return Closed(alliance)


def path(dispute: dict[str, Any], act: str = "") -> str:
    return f"{PATH}/{dispute['id']}{'/' if act else ''}{act}"


def events(caller: Caller) -> list[tuple[str, str]]:
    found = good(caller.get("/v1/events"))["data"]
    return [(one["type"], one["data"]["status"]) for one in found if one["type"].startswith("dispute.")]


def test_a_line_is_disputed_and_the_acceptor_gives_in(closed: Closed) -> None:
    own = closed.line("JADE", closed.redemption["id"])
    opened = closed.open("JADE", closed.redemption["id"])
    assert opened["status"] == "needs_response"
    assert (opened["participant"], opened["counterparty"], opened["waits_for"]) == ("JADE", "LOTUS", "LOTUS")
    assert (opened["points"], opened["amount"], opened["obligation"], opened["fee"]) == (2500, None, 2500, 0)
    assert (opened["line"], opened["member"]) == (own["line"], own["member"])
    assert (opened["late"], opened["correction"]) == (False, None)
    assert [(one["by"], one["act"], one["text"]) for one in opened["messages"]] == [
        ("JADE", "open", "Booked twice")
    ]
    theirs = closed.line("LOTUS", closed.redemption["id"])
    [seen] = good(closed.lotus.get(f"{PATH}?waits_for=LOTUS"))["data"]
    assert (seen["statement"], seen["line"]) == (closed.statement("LOTUS"), theirs["line"])
    assert (seen["member"], seen["fee"]) == (theirs["member"], 50)
    assert seen["member"] != opened["member"]
    assert closed.nets() == {"HUB": 0}
    accepted = good(closed.lotus.post(path(opened, "accept"), {"text": "You are right"}))
    assert (accepted["status"], accepted["waits_for"], accepted["ended_by"]) == ("accepted", None, "LOTUS")
    assert accepted["correction"].items() >= {"by": "money", "obligation": 2500, "fee": 50}.items()
    assert len(accepted["correction"]["transactions"]) == 2
    assert closed.nets() == {"JADE": 2500, "LOTUS": -2450, "HUB": -50}
    assert good(closed.lotus.post(path(opened, "accept"))) == accepted
    assert closed.nets() == {"JADE": 2500, "LOTUS": -2450, "HUB": -50}
    closed.adds_up()
