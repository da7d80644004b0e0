"""Reading the books: transactions with their filters and pages, wallets and lots."""

from typing import Any

import pytest

from support.alliance import LI, WANG, Alliance
from support.api import Caller, code, good


@pytest.fixture(scope="module")
def posted(shared: Alliance) -> list[dict[str, Any]]:
    """Seven transactions, oldest first: accruals of Wang and Li at JADE-1 and LOTUS-1 by turns."""
    found = []
    for number in range(7):
        card, merchant = (WANG, LI)[number % 2], ("JADE-1", "LOTUS-1", "LOTUS-1")[number % 3]
        body = {"card": card, "merchant": merchant, "amount": 1000 + number, "reference": f"R-{number}"}
        found.append(good(shared.operator.post("/v1/accruals", body)))
    return found


def ids(listed: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in listed]


def walk(caller: Caller, path: str, limit: int) -> list[dict[str, Any]]:
    """Everything, page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = good(caller.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}"))
        assert len(page["data"]) <= limit
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        assert len(page["data"]) == limit
        cursor = f"&cursor={page['next_cursor']}"


def test_transactions_are_listed_newest_first(shared: Alliance, posted: list[dict[str, Any]]) -> None:
    listed = good(shared.operator.get("/v1/transactions?limit=7"))["data"]
    assert listed == posted[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
def test_pages_of_any_size_show_everything_once(
    shared: Alliance, posted: list[dict[str, Any]], limit: int
) -> None:
    listed = walk(shared.operator, "/v1/transactions", limit)
    assert ids(listed)[:7] == ids(posted)[::-1]
    assert len(listed) == len(set(ids(listed)))


def test_a_page_is_not_shifted_by_what_comes_meanwhile(alliance: Alliance) -> None:
    lotus, body = alliance.participant("LOTUS"), {"card": LI, "merchant": "LOTUS-2", "amount": 1}
    for _ in range(4):
        good(lotus.post("/v1/accruals", body))
    first = good(lotus.get("/v1/transactions?limit=2"))
    good(lotus.post("/v1/accruals", body))
    second = good(lotus.get(f"/v1/transactions?limit=2&cursor={first['next_cursor']}"))
    assert not set(ids(first["data"])) & set(ids(second["data"]))


def test_filters_confine(shared: Alliance, posted: list[dict[str, Any]]) -> None:
    def found(query: str) -> list[str]:
        return ids(walk(shared.operator, f"/v1/transactions?{query}", 3))

    of_wang = [one["id"] for one in posted if one["card"] == WANG][::-1]
    at_jade = [one["id"] for one in posted if one["merchant"] == "JADE-1"][::-1]
    assert found(f"card={WANG}")[: len(of_wang)] == of_wang
    assert found("merchant=JADE-1") == at_jade
    assert found("reference=R-3") == [posted[3]["id"]]
    assert found("reference=R-3&merchant=LOTUS-2") == []
    both = [one["id"] for one in posted if one["merchant"] == "JADE-1" and one["card"] == WANG][::-1]
    assert found(f"card={WANG}&merchant=JADE-1&period={posted[0]['period']}") == both
    assert found("period=2020-01") == []
    assert found("card=00000000") == found("merchant=NOWHERE") == found("reference=none") == []


def test_a_transaction_is_read_back_as_it_was_answered(
    shared: Alliance, posted: list[dict[str, Any]]
) -> None:
    for one in posted:
        assert good(shared.operator.get(f"/v1/transactions/{one['id']}")) == one


def test_a_transaction_tells_its_lots_fees_and_reasons(alliance: Alliance) -> None:
    redeemed = good(
        alliance.operator.post("/v1/redemptions", {"card": WANG, "merchant": "PINE-1", "points": 1600})
    )
    own, other = redeemed["legs"]
    assert [(leg["issuer"], leg["points"], leg["fee"], leg["reason"]) for leg in (own, other)] == [
        ("LOTUS", 1500, 30, "exchange"),
        ("JADE", 100, 2, "exchange"),
    ]
    assert own["draws"][0] | {"lot": ""} == {"lot": "", "expires_on": "2036-12-31", "points": 1500}
    assert (own["fee_payer"], own["fee_shares"]) == ("PINE", {"PINE": 30})
    lots = good(alliance.operator.get(f"/v1/wallets/{alliance.wallet(WANG)}/lots"))["data"]
    assert own["draws"][0]["lot"] not in {lot["id"] for lot in lots}, "it is used up"
    assert other["draws"][0]["lot"] in {lot["id"] for lot in lots}


def test_an_empty_list_has_no_next_page(shared: Alliance) -> None:
    assert good(shared.merchant("PINE-1").get("/v1/transactions?period=2020-01")) == {
        "data": [],
        "next_cursor": None,
    }


def test_a_wallet_pools_points_of_all_issuers(alliance: Alliance) -> None:
    path = f"/v1/wallets/{alliance.wallet(WANG)}"
    wallet = good(alliance.participant("JADE").get(path))
    assert wallet["points"] == {"available": 6500, "held": 0, "value": 6500}
    assert wallet["stored_value"] == {"available": 50000, "held": 0}
    assert wallet["cards"] == [{"number": WANG, "issuer": "JADE", "status": "active"}]
    lots = good(alliance.participant("JADE").get(f"{path}/lots"))["data"]
    assert [(lot["issuer"], lot["asset"], lot["available"], lot["expires_on"]) for lot in lots] == [
        ("LOTUS", "points", 1500, "2036-12-31"),
        ("JADE", "points", 3000, "2037-01-31"),
        ("JADE", "points", 2000, "2037-06-30"),
        ("JADE", "stored_value", 50000, None),
    ]
    good(alliance.operator.put("/v1/alliance", {"point_value": "0.5"}))
    assert good(alliance.participant("JADE").get(path))["points"]["value"] == 3250


def test_a_wallets_transactions_are_those_that_concern_the_caller(alliance: Alliance) -> None:
    path = f"/v1/wallets/{alliance.wallet(WANG)}/transactions"
    good(alliance.operator.post("/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "points": 1000}))
    good(alliance.operator.post("/v1/redemptions", {"card": WANG, "merchant": "PINE-1", "points": 1000}))
    of_jade = walk(alliance.participant("JADE"), path, 2)
    everything = walk(alliance.operator, path, 2)
    assert (len(of_jade), len(everything)) == (4, 6)
    # LOTUS points at LOTUS or PINE are none of JADE's business beyond its own legs.
    assert {leg["issuer"] for one in of_jade for leg in one["legs"]} == {"JADE"}


def test_an_unknown_transaction_has_a_code_of_its_own(shared: Alliance) -> None:
    assert (
        code(shared.operator.get("/v1/transactions/txn_00000000000010000000000001")) == "transaction_unknown"
    )
