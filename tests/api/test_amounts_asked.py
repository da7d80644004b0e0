"""What is asked for by amount is what is quoted, held, booked and given back, through the API."""

from typing import Any

from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import WANG, Alliance
from support.api import code, good

#: 1,500 points of LOTUS are worth 499.5 fen and 32 of JADE 10.656: each rounded by itself, 511 fen.
POINT_VALUE, ASKED, PARTS = "0.333", 510, [("LOTUS", 1500), ("JADE", 32)]


def shown(transaction: dict[str, Any]) -> tuple[int, int, int]:
    """(points, amount, sum of the legs' amounts)."""
    return transaction["points"], transaction["amount"], sum(leg["amount"] for leg in transaction["legs"])


def test_an_amount_that_two_issuers_pay_is_not_a_fen_more(alliance: Alliance) -> None:
    good(alliance.operator.put("/v1/alliance", {"point_value": POINT_VALUE}))
    pine = alliance.merchant("PINE-1")
    body = {"card": WANG, "merchant": "PINE-1", "amount": ASKED}
    quoted = good(pine.post("/v1/quotes", {"kind": "redemption", **body}))
    assert sum(leg["amount"] for leg in quoted["legs"]) == quoted["amount"] == ASKED
    held = good(pine.post("/v1/redemptions", {**body, "capture": False}))
    assert shown(held) == (1532, ASKED, ASKED)
    assert [(leg["issuer"], leg["points"]) for leg in held["legs"]] == PARTS
    refused = pine.post(f"/v1/holds/{held['hold']}/capture", {"amount": ASKED + 1})
    assert code(refused) == "exceeds_held"
    good(pine.post(f"/v1/holds/{held['hold']}/capture", {"amount": ASKED}))
    taken = good(pine.get(f"/v1/transactions/{held['id']}"))
    assert shown(taken) == (1532, ASKED, ASKED)
    assert sum(leg["obligation"] for leg in taken["legs"]) == ASKED
    back = good(pine.post(f"/v1/transactions/{taken['id']}/reversals", {"amount": 100, "reason": "one less"}))
    assert shown(back)[1:] == (-100, -100)
    rest = good(pine.post(f"/v1/transactions/{taken['id']}/reversals", {"reason": "all of it"}))
    assert shown(rest)[1:] == (-410, -410)
    assert back["points"] + rest["points"] == -1532
    with frozen(alliance.services.engine) as connection:
        assert list(verify(connection)) == []
