"""A closed period with one line of each kind, and what tests of disputes do with it."""

from typing import Any

from sqlalchemy import text

from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import WANG, Alliance
from support.api import good

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

    def open_period(self) -> str:
        return str(good(self.operator.get("/v1/periods"))["data"][-1]["period"])

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
        found = good(self.operator.get(f"/v1/settlements/{self.open_period()}"))
        nets = {one["code"]: one["net"] for one in found["participants"]}
        return {code_: net for code_, net in nets.items() if net} | {"HUB": found["hub"]["net"]}

    def let_time_pass(self, days: int = 30) -> None:
        """So many days, as far as disputes and statements are concerned; `verify` wants them taken back."""
        self.change(f"UPDATE disputes SET due_on = due_on - {days}")
        self.change(f"UPDATE statements SET issued_at = issued_at - interval '{days} days'")

    def change(self, statement: str) -> None:
        with self.alliance.services.engine.begin() as connection:
            connection.execute(text(statement))

    def adds_up(self) -> None:
        with frozen(self.alliance.services.engine) as connection:
            found = list(verify(connection))
            assert found == [], found


def path(dispute: dict[str, Any], act: str = "") -> str:
    return f"{PATH}/{dispute['id']}{'/' if act else ''}{act}"
