"""The worked example of the domain, through the API, to the fen."""

from collections.abc import Callable
from typing import Any

import pytest

from support.api import Caller, good, wait_for_import

CARD = "62000001"


@pytest.fixture
def alliance(operator: Caller) -> None:
    for code, merchant in (("JADE", "JADE-BJ"), ("LOTUS", "LOTUS-HZ"), ("PINE", "PINE-SH")):
        good(operator.post("/v1/participants", {"code": code, "name": code.title()}))
        good(operator.post(f"/v1/participants/{code}/merchants", {"code": merchant, "name": merchant}))
    permit = {"stored_value_enabled": True, "stored_value_permit": "custodian 1"}
    good(operator.patch("/v1/participants/JADE", permit))
    for kind, rate in (("visit", "0.01"), ("redemption", "0.02"), ("spend", "0.006")):
        good(operator.post("/v1/fee-rules", {"kind": kind, "payer": "acceptor", "rate": rate}))
    member = {"participant": "JADE", "name": "Wang", "phone": "13800000001", "tier": "Gold", "card": CARD}
    good(operator.post("/v1/members", member))
    lots = [
        "card,issuer,asset,quantity,expires_on",
        f"{CARD},JADE,points,3000,2027-01-31",
        f"{CARD},JADE,points,2000,2027-06-30",
        f"{CARD},LOTUS,points,1500,2026-12-31",
        f"{CARD},JADE,stored_value,50000,",
    ]
    done = wait_for_import(operator, "balances", "\n".join(lots))
    assert (done["accepted"], done["refused"]) == (4, 0), done


def test_nets_tie_out_to_the_fen(
    alliance: None, operator: Caller, as_caller: Callable[[str], Caller]
) -> None:
    def key(merchant: str) -> Caller:
        made = good(operator.post("/v1/api-keys", {"scope": "merchant", "merchant": merchant}))
        return as_caller(made["key"])

    jade, lotus, pine = key("JADE-BJ"), key("LOTUS-HZ"), key("PINE-SH")
    redeemed = good(lotus.post("/v1/redemptions", {"card": CARD, "merchant": "LOTUS-HZ", "points": 4000}))
    own, crossing = redeemed["legs"]
    assert (own["issuer"], own["points"], own["fee"], own["reason"]) == ("LOTUS", 1500, 0, "own_system")
    assert (crossing["issuer"], crossing["obligation"], crossing["fee"]) == ("JADE", 2500, 50)
    assert crossing["draws"][0]["expires_on"] == "2027-01-31"
    accrued = good(lotus.post("/v1/accruals", {"card": CARD, "merchant": "LOTUS-HZ", "amount": 68000}))
    assert (accrued["points"], sum(leg["fee"] for leg in accrued["legs"])) == (680, 680)
    good(pine.post("/v1/spends", {"card": CARD, "merchant": "PINE-SH", "amount": 30000}))
    good(jade.post("/v1/redemptions", {"card": CARD, "merchant": "JADE-BJ", "points": 500}))

    period = redeemed["period"]
    settlement = good(operator.post(f"/v1/periods/{period}/close", {"early": True}))
    nets = {one["code"]: one["net"] for one in settlement["participants"]}
    assert nets == {"JADE": -32500, "LOTUS": 1770, "PINE": 29820}
    assert settlement["hub"] == {"fees": 910, "rebates": 0, "carried_forward": 0, "net": 910}
    assert settlement["checks"] == {"zero_sum": True, "recomputed": True}
    assert _matrix(settlement) == {("JADE", "LOTUS", "redemption", 2500), ("JADE", "PINE", "spend", 30000)}

    check = good(jade.get(f"/v1/cards/{CARD}"))
    assert {(one["issuer"], one["points"], one["expires_on"]) for one in check["lots"]} >= {
        ("JADE", 2000, "2027-06-30")
    }
    assert check["points"]["available"] == 2680


def _matrix(settlement: dict[str, Any]) -> set[tuple[str, str, str, int]]:
    return {(row["debtor"], row["creditor"], row["kind"], row["amount"]) for row in settlement["matrix"]}
