"""A key sees its own participant's data, and of others only what an exchange with it needs."""

from typing import Any, NamedTuple

import pytest

from support.alliance import CHEN, LI, NOBODY, WANG, Alliance
from support.api import Caller, code, detail, good, pointers, problem, wait_for_import


class Acts(NamedTuple):
    """One redemption of Wang's (JADE and LOTUS points) at LOTUS-1, and one accrual of Li's at LOTUS-1."""

    redemption: dict[str, Any]
    accrual: dict[str, Any]


@pytest.fixture(scope="module")
def acts(shared: Alliance) -> Acts:
    desk = shared.merchant("LOTUS-1")
    redeem = {
        "card": WANG,
        "merchant": "LOTUS-1",
        "points": 4000,
        "reference": "POS-1",
        "metadata": {"till": "7"},
    }
    accrue = {"card": LI, "merchant": "LOTUS-1", "amount": 10_000}
    return Acts(good(desk.post("/v1/redemptions", redeem)), good(desk.post("/v1/accruals", accrue)))


def missing(caller: Caller, path: str) -> bool:
    """Whether the thing does not exist for the caller: not even its existence is told."""
    return caller.get(path).status_code == 404


def test_an_issuer_that_is_not_acceptor_sees_its_own_legs_and_a_masked_card(
    shared: Alliance, acts: Acts
) -> None:
    seen = good(shared.participant("JADE").get(f"/v1/transactions/{acts.redemption['id']}"))
    assert seen["card"] == "****0001"
    assert [(leg["issuer"], leg["points"]) for leg in seen["legs"]] == [("JADE", 2500)]
    assert (seen["points"], seen["amount"], seen["metadata"]) == (2500, 2500, {})
    whole = good(shared.participant("LOTUS").get(f"/v1/transactions/{acts.redemption['id']}"))
    assert whole == acts.redemption
    assert [leg["issuer"] for leg in whole["legs"]] == ["LOTUS", "JADE"]


def test_a_participant_without_a_part_in_it_does_not_see_a_transaction(shared: Alliance, acts: Acts) -> None:
    pine, jade = shared.participant("PINE"), shared.participant("JADE")
    assert missing(pine, f"/v1/transactions/{acts.redemption['id']}")
    assert missing(jade, f"/v1/transactions/{acts.accrual['id']}")
    assert good(pine.get("/v1/transactions"))["data"] == []
    seen = {one["id"] for one in good(jade.get("/v1/transactions"))["data"]}
    assert acts.redemption["id"] in seen
    assert acts.accrual["id"] not in seen


def test_a_merchant_sees_its_own_transactions_only(shared: Alliance, acts: Acts) -> None:
    own, other = shared.merchant("LOTUS-1"), shared.merchant("LOTUS-2")
    assert good(own.get(f"/v1/transactions/{acts.redemption['id']}")) == acts.redemption
    assert missing(other, f"/v1/transactions/{acts.redemption['id']}")
    assert {one["merchant"] for one in good(other.get("/v1/transactions"))["data"]} <= {"LOTUS-2"}
    assert good(other.get("/v1/transactions?merchant=LOTUS-1"))["data"] == []
    assert {one["merchant"] for one in good(own.get("/v1/transactions"))["data"]} == {"LOTUS-1"}


def test_operator_and_auditor_see_everything(shared: Alliance, acts: Acts) -> None:
    for caller in (shared.operator, shared.auditor):
        assert good(caller.get(f"/v1/transactions/{acts.redemption['id']}")) == acts.redemption
        seen = {one["id"] for one in good(caller.get("/v1/transactions"))["data"]}
        assert {acts.redemption["id"], acts.accrual["id"]} <= seen


@pytest.mark.parametrize("below", ["", "/lots", "/transactions"])
def test_only_a_participant_with_a_member_in_it_sees_a_wallet(shared: Alliance, below: str) -> None:
    path = f"/v1/wallets/{shared.wallet(WANG)}{below}"
    good(shared.participant("JADE").get(path))
    good(shared.auditor.get(path))
    # LOTUS points lie in it, and still the person is JADE's member.
    assert missing(shared.participant("LOTUS"), path)
    assert shared.merchant("JADE-1").get(path).status_code == 403
    assert shared.finance("JADE").get(path).status_code == 403


def test_a_member_is_seen_by_its_own_participant_and_masked_by_the_hub(shared: Alliance) -> None:
    body = {"participant": "JADE", "name": "Zhao Lei", "phone": "13900000009", "tier": "Gold"}
    made = good(shared.participant("JADE").post("/v1/members", body))
    assert (made["name"], made["phone"]) == ("Zhao Lei", "13900000009")
    path = f"/v1/members/{made['id']}"
    assert good(shared.participant("JADE").get(path)) == made
    assert missing(shared.participant("PINE"), path)
    for caller in (shared.operator, shared.auditor):
        masked = good(caller.get(path))
        assert (masked["name"], masked["phone"], masked["tier"]) == ("Z*******", None, "Gold")


def test_a_visited_merchant_sees_a_masked_name_and_number_and_no_contact_data(shared: Alliance) -> None:
    check = shared.merchant("PINE-1").get(f"/v1/cards/{WANG}")
    assert good(check)["number"] == "****0001"
    assert good(check)["holder"] == "W************"
    assert "Xiaoming" not in check.text
    assert "1380000000" not in check.text


def test_a_merchant_key_acts_for_its_own_merchant_only(shared: Alliance) -> None:
    desk, body = shared.merchant("LOTUS-1"), {"card": WANG, "merchant": "LOTUS-2", "amount": 100}
    for path in ("/v1/accruals", "/v1/spends", "/v1/loads", "/v1/redemptions"):
        refused = desk.post(path, body)
        assert (refused.status_code, code(refused)) == (403, "forbidden")
        assert pointers(problem(refused)) == ["/merchant"]
    assert code(desk.get(f"/v1/cards/{WANG}?merchant=LOTUS-2")) == "forbidden"
    assert code(desk.post("/v1/quotes", body | {"kind": "accrual"})) == "forbidden"
    good(shared.participant("LOTUS").post("/v1/accruals", body))


def test_a_participant_key_acts_for_its_own_merchants_only(shared: Alliance) -> None:
    refused = shared.participant("JADE").post(
        "/v1/accruals", {"card": WANG, "merchant": "LOTUS-1", "amount": 1}
    )
    assert code(refused) == "forbidden"
    assert code(shared.participant("JADE").post("/v1/members", {"participant": "PINE"})) == "forbidden"


@pytest.mark.parametrize("scope", ["finance", "auditor"])
def test_finance_and_auditor_cannot_post(shared: Alliance, scope: str) -> None:
    caller = shared.auditor if scope == "auditor" else shared.finance("LOTUS")
    before = shared.row_counts()
    for path in ("accruals", "redemptions", "loads", "spends", "quotes", "members", "imports?kind=accruals"):
        refused = caller.post(f"/v1/{path}", {"card": WANG, "merchant": "LOTUS-1", "amount": 1})
        assert (path, refused.status_code) == (path, 403)
        assert "it takes" in detail(refused)
    assert shared.row_counts() == before


def test_an_import_is_seen_by_its_sender_and_the_hub(shared: Alliance) -> None:
    jade = shared.participant("JADE")
    done = wait_for_import(jade, "accruals", f"card,merchant,amount\n{NOBODY},JADE-1,100\n")
    for below in ("", "/errors.csv"):
        path = f"/v1/imports/{done['id']}{below}"
        assert jade.get(path).status_code == 200
        assert shared.auditor.get(path).status_code == 200
        assert shared.operator.get(path).status_code == 200
        assert missing(shared.participant("LOTUS"), path)


def test_a_row_of_an_import_cannot_act_for_another_participant(shared: Alliance) -> None:
    rows = f"card,merchant,amount\n{WANG},LOTUS-1,100\n{WANG},JADE-1,100\n"
    done = wait_for_import(shared.participant("JADE"), "accruals", rows)
    assert (done["accepted"], done["refused"]) == (1, 1)
    errors = shared.participant("JADE").get(f"/v1/imports/{done['id']}/errors.csv").text
    assert "forbidden" in errors
    balances = f"card,issuer,asset,quantity\n{CHEN},PINE,points,5\n"
    done = wait_for_import(shared.participant("JADE"), "balances", balances)
    assert (done["accepted"], done["refused"]) == (0, 1)


def test_settlements_and_statements_of_others_are_not_shown(shared: Alliance, acts: Acts) -> None:
    period = acts.redemption["period"]
    jade = shared.finance("JADE")
    own = good(jade.get(f"/v1/settlements/{period}/JADE"))
    assert own["participant"]["code"] == "JADE"
    assert all("JADE" in (row["debtor"], row["creditor"]) for row in own["matrix"])
    assert code(jade.get(f"/v1/settlements/{period}/LOTUS")) == "forbidden"
    assert code(jade.get(f"/v1/settlements/{period}")) == "forbidden"
    good(shared.auditor.get(f"/v1/settlements/{period}"))
    assert code(shared.merchant("JADE-1").get("/v1/statements")) == "forbidden"


def test_a_participant_lists_and_manages_its_own_keys_only(shared: Alliance) -> None:
    jade = shared.participant("JADE")
    own = good(jade.post("/v1/api-keys", {"scope": "merchant", "merchant": "JADE-1", "name": "till 1"}))
    listed = good(jade.get("/v1/api-keys?limit=200"))["data"]
    assert {key["participant"] for key in listed} == {"JADE"}
    assert own["id"] in {key["id"] for key in listed}
    for body in (
        {"scope": "operator"},
        {"scope": "auditor"},
        {"scope": "merchant", "merchant": "LOTUS-1"},
        {"scope": "finance", "participant": "LOTUS"},
    ):
        assert code(jade.post("/v1/api-keys", body)) == "forbidden"
    foreign = good(shared.operator.post("/v1/api-keys", {"scope": "merchant", "merchant": "LOTUS-1"}))
    assert missing_key(jade, foreign["id"])
    good(jade.delete(f"/v1/api-keys/{own['id']}"))


def missing_key(caller: Caller, key_id: str) -> bool:
    answers = caller.delete(f"/v1/api-keys/{key_id}"), caller.post(f"/v1/api-keys/{key_id}/rotate")
    return [one.status_code for one in answers] == [404, 404]


def test_a_permit_for_stored_value_is_not_a_secret_but_keys_never_leave(shared: Alliance) -> None:
    listed = shared.operator.get("/v1/api-keys?limit=200").text
    assert "secret" not in listed
    assert all("key" not in key for key in good(shared.operator.get("/v1/api-keys"))["data"])
