"""Who takes part and by which rules: participants, merchants, alliance settings, fee rules, keys, members."""

import re
import time
from typing import Any

import pytest

from api import keyring
from support.alliance import LI, WANG, Alliance
from support.api import Caller, code, detail, good, refused
from support.statements import statements_of


def test_a_participant_is_admitted_with_defaults_and_read_back(shared: Alliance) -> None:
    made = good(shared.operator.post("/v1/participants", {"code": "OAK", "name": "Oak 橡树"}))
    assert made["admitted_at"]
    assert made | {"admitted_at": ""} == {
        "code": "OAK",
        "name": "Oak 橡树",
        "status": "active",
        "earn_rate": "1",
        "expiry": {"kind": "rolling", "months": 24},
        "tiers": [],
        "stored_value_enabled": False,
        "stored_value_permit": None,
        "conversion_ratio": "1",
        "registered_name": None,
        "address": None,
        "tax_number": None,
        "net_debit_cap": None,
        "net_debit": 0,
        "admitted_at": "",
    }
    assert good(shared.operator.get("/v1/participants/OAK")) == made
    codes = [one["code"] for one in good(shared.operator.get("/v1/participants"))["data"]]
    assert codes == sorted(codes)
    assert "OAK" in codes


def test_no_participant_has_a_path_for_a_code(shared: Alliance) -> None:
    """`/settlements/{period}/{participant}` of a participant `payments` would be the list of payments."""
    beside = re.compile(r"/v1/(?:settlements/<period>|participants)/([a-z-]+)")
    words = {found[1] for rule in shared.app.url_map.iter_rules() if (found := beside.fullmatch(rule.rule))}
    assert words >= {"payments", "liabilities"}
    for word in words | {"Payments"}:
        refused = shared.operator.post("/v1/participants", {"code": word, "name": "Maple"})
        assert (refused.status_code, code(refused)) == (400, "malformed"), word
        assert detail(refused) == f"/code: {word!r} is an address beside codes; choose another."


@pytest.mark.parametrize("taken", ["JADE", "HUB"])
def test_a_code_is_given_once(shared: Alliance, taken: str) -> None:
    before = shared.row_counts()
    refused = shared.operator.post("/v1/participants", {"code": taken, "name": "X"})
    assert (refused.status_code, code(refused)) == (409, "already_exists")
    assert shared.row_counts() == before
    merchant = shared.operator.post("/v1/participants/PINE/merchants", {"code": "JADE-1", "name": "X"})
    assert code(merchant) == "already_exists"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "New"},
        {"earn_rate": "0.5"},
        {"expiry": {"kind": "fixed", "month": 2, "day": 30}},
        {"expiry": {"kind": "never"}},
        {"expiry": {"kind": "rolling", "months": 1}},
        {"tiers": ["Silver", "Gold"]},
        {"stored_value_enabled": True, "stored_value_permit": "licence 7"},
        {},
    ],
)
def test_a_participant_changes_in_what_is_sent_and_in_nothing_else(
    shared: Alliance, change: dict[str, Any]
) -> None:
    before = good(shared.operator.get("/v1/participants/PINE"))
    after = good(shared.operator.patch("/v1/participants/PINE", change))
    assert after == before | change
    assert good(shared.operator.get("/v1/participants/PINE")) == after


def test_stored_value_is_enabled_only_with_a_permit_on_record(alliance: Alliance) -> None:
    refused = alliance.operator.patch("/v1/participants/LOTUS", {"stored_value_enabled": True})
    assert code(refused) == "malformed"
    assert refused.json["errors"][0]["pointer"] == "/stored_value_permit"  # type: ignore[index]
    permit = {"stored_value_enabled": True, "stored_value_permit": "licence 7"}
    good(alliance.operator.patch("/v1/participants/LOTUS", permit))
    good(alliance.operator.patch("/v1/participants/LOTUS", {"stored_value_enabled": False}))
    good(alliance.operator.patch("/v1/participants/LOTUS", {"stored_value_enabled": True}))


def test_a_suspended_participant_keeps_its_own_business_and_takes_no_part_in_exchanges(
    alliance: Alliance,
) -> None:
    good(alliance.operator.patch("/v1/participants/LOTUS", {"status": "suspended"}))
    own, other = alliance.merchant("LOTUS-1"), alliance.merchant("JADE-1")
    good(own.post("/v1/accruals", {"card": LI, "merchant": "LOTUS-1", "amount": 100}))
    for caller, card, merchant in ((own, WANG, "LOTUS-1"), (other, LI, "JADE-1")):
        refused = caller.post("/v1/accruals", {"card": card, "merchant": merchant, "amount": 100})
        assert (refused.status_code, code(refused)) == (409, "participant_suspended")
        assert "LOTUS is suspended" in detail(refused)
    # Its points are not usable elsewhere either, and the check tells so.
    assert good(other.get(f"/v1/cards/{WANG}"))["points"]["available"] == 5000
    assert code(alliance.participant("LOTUS").post("/v1/members", {"participant": "LOTUS"})) == (
        "participant_suspended"
    )
    good(alliance.operator.patch("/v1/participants/LOTUS", {"status": "active"}))
    good(other.post("/v1/accruals", {"card": LI, "merchant": "JADE-1", "amount": 100}))


def test_a_merchant_is_admitted_changed_and_suspended(alliance: Alliance) -> None:
    body = {"code": "JADE-2", "name": "Jade 2", "category": "hotel", "benefits": {"Gold": ["Tea"]}}
    made = good(alliance.operator.post("/v1/participants/JADE/merchants", body))
    assert made.items() >= (body | {"participant": "JADE", "status": "active"}).items()
    path = "/v1/participants/JADE/merchants/JADE-2"
    assert good(alliance.operator.patch(path, {"category": None}))["category"] is None
    good(alliance.operator.patch(path, {"status": "suspended"}))
    refused = alliance.operator.post("/v1/accruals", {"card": WANG, "merchant": "JADE-2", "amount": 1})
    assert code(refused) == "merchant_suspended"
    good(alliance.operator.post("/v1/accruals", {"card": WANG, "merchant": "JADE-1", "amount": 1}))
    listed = good(alliance.operator.get("/v1/participants/JADE/merchants"))["data"]
    assert [one["code"] for one in listed] == ["JADE-1", "JADE-2"]
    assert (
        code(alliance.operator.patch("/v1/participants/PINE/merchants/JADE-2", {"name": "X"})) == "not_found"
    )


def test_alliance_settings_make_a_new_version_each_time_and_keep_the_old(alliance: Alliance) -> None:
    first = good(alliance.operator.get("/v1/alliance"))
    assert first["point_value"] == "1"
    second = good(
        alliance.operator.put("/v1/alliance", {"point_value": "0.50", "draw_order": "earliest_first"})
    )
    assert second["version"] == first["version"] + 1
    assert (second["point_value"], second["draw_order"]) == ("0.5", "earliest_first")
    assert second["grace_days"] == first["grace_days"]
    history = good(alliance.auditor.get("/v1/alliance/history"))["data"]
    assert [one["version"] for one in history] == list(range(second["version"], 0, -1))
    assert history[1] == first
    posted = good(
        alliance.operator.post("/v1/redemptions", {"card": WANG, "merchant": "LOTUS-1", "points": 9})
    )
    assert posted["legs"][0]["rule_version"] == second["version"]
    assert (posted["amount"], posted["legs"][0]["issuer"]) == (5, "LOTUS")


def fee(alliance: Alliance, merchant: str = "LOTUS-1", card: str = WANG) -> tuple[int, dict[str, int]]:
    body = {"kind": "accrual", "card": card, "merchant": merchant, "amount": 10_000}
    quoted = good(alliance.operator.post("/v1/quotes", body))
    return quoted["fee"], quoted["legs"][0]["fee_shares"]


def add(alliance: Alliance, **rule: Any) -> dict[str, Any]:
    made: dict[str, Any] = good(alliance.operator.post("/v1/fee-rules", {"kind": "visit"} | rule))
    return made


def test_the_most_specific_fee_rule_wins(alliance: Alliance) -> None:
    assert fee(alliance) == (100, {"LOTUS": 100})
    add(alliance, issuer="JADE", rate="0.03")
    assert fee(alliance)[0] == 300
    add(alliance, acceptor="LOTUS", rate="0.04")
    assert fee(alliance)[0] == 400
    add(alliance, issuer="JADE", acceptor="LOTUS", rate="0.05")
    assert fee(alliance)[0] == 500
    add(alliance, issuer="JADE", rate="0.06")
    assert fee(alliance)[0] == 500
    assert fee(alliance, "PINE-1")[0] == 600
    assert fee(alliance, "PINE-1", LI)[0] == 100


def test_fee_rules_are_dated_and_the_newest_in_force_wins(alliance: Alliance) -> None:
    add(alliance, rate="0.02", valid_from="2026-01-01")
    assert fee(alliance)[0] == 200
    add(alliance, rate="0.09", valid_from="2199-12-31")
    assert fee(alliance)[0] == 200
    add(alliance, rate="0.03", valid_from="2025-01-01")
    assert fee(alliance)[0] == 200
    add(alliance, rate="0.04", valid_from="2026-01-01")
    assert fee(alliance)[0] == 400


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"rate": "0.01", "flat": 30}, (130, {"LOTUS": 130})),
        ({"rate": "0.01", "min": 500}, (500, {"LOTUS": 500})),
        ({"rate": "0.5", "max": 70}, (70, {"LOTUS": 70})),
        ({"rate": "0.01", "payer": "issuer"}, (100, {"JADE": 100})),
        ({"rate": "0.0101", "payer": {"acceptor": "0.5", "issuer": "0.5"}}, (101, {"LOTUS": 51, "JADE": 50})),
        ({"rate": "0"}, (0, {})),
    ],
)
def test_a_fee_is_what_its_rule_says(
    alliance: Alliance, rule: dict[str, Any], expected: tuple[int, dict[str, int]]
) -> None:
    made = add(alliance, **rule)
    assert fee(alliance) == expected
    listed = good(alliance.merchant("JADE-1").get("/v1/fee-rules"))["data"]
    assert listed[-1] == made
    assert made["payer"] == rule.get("payer", "acceptor")


def test_a_load_is_paid_by_its_issuer_unless_told_otherwise(shared: Alliance) -> None:
    made = good(shared.operator.post("/v1/fee-rules", {"kind": "load", "rate": "0.01"}))
    assert made["payer"] == "issuer"


def test_a_key_is_shown_once_and_works_until_it_is_revoked(shared: Alliance) -> None:
    body = {"scope": "merchant", "merchant": "JADE-1", "name": "till 1"}
    made = good(shared.operator.post("/v1/api-keys", body))
    assert made["key"].startswith(f"tdk_live_{made['id']}_")
    assert (made["participant"], made["merchant"], made["name"]) == ("JADE", "JADE-1", "till 1")
    assert good(shared.caller(made["key"]).get("/v1/alliance"))
    listed = {key["id"]: key for key in good(shared.operator.get("/v1/api-keys?limit=200"))["data"]}
    assert listed[made["id"]] == {name: value for name, value in made.items() if name != "key"}
    revoked = good(shared.operator.delete(f"/v1/api-keys/{made['id']}"))
    assert revoked["revoked_at"] is not None
    assert shared.caller(made["key"]).get("/v1/alliance").status_code == 401
    assert good(shared.operator.delete(f"/v1/api-keys/{made['id']}")) == revoked


def pages(caller: Caller, path: str) -> list[list[dict[str, Any]]]:
    """All pages of a list, one row on each."""
    found, cursor = [], ""
    while cursor is not None:
        page = good(caller.get(f"{path}&limit=1&cursor={cursor}" if cursor else f"{path}&limit=1"))
        found.append(page["data"])
        cursor = page["next_cursor"]
    return found


def test_participants_are_narrowed_by_status_before_they_are_paged(alliance: Alliance) -> None:
    good(alliance.operator.patch("/v1/participants/JADE", {"status": "suspended"}))
    suspended = pages(alliance.operator, "/v1/participants?status=suspended")
    assert [[one["code"] for one in page] for page in suspended] == [["JADE"]]
    active = pages(alliance.operator, "/v1/participants?status=active")
    everybody = pages(alliance.operator, "/v1/participants?")
    assert all(len(page) == 1 for page in active) and len(active) == len(everybody) - 1
    assert "JADE" not in {page[0]["code"] for page in active}
    refused(alliance.operator.get("/v1/participants?status=gone"), "malformed")


def test_keys_are_narrowed_by_whether_they_are_revoked_before_they_are_paged(alliance: Alliance) -> None:
    body = {"scope": "finance", "participant": "JADE", "name": "f"}
    made = [good(alliance.operator.post("/v1/api-keys", body))["id"] for _ in range(4)]
    for one in made[:2]:
        good(alliance.operator.delete(f"/v1/api-keys/{one}"))
    revoked = pages(alliance.operator, "/v1/api-keys?revoked=true")
    assert {page[0]["id"] for page in revoked} == set(made[:2]) and len(revoked) == 2
    in_use = pages(alliance.operator, "/v1/api-keys?revoked=false")
    assert all(len(page) == 1 for page in in_use)
    ids = {page[0]["id"] for page in in_use}
    assert set(made[2:]) <= ids and not set(made[:2]) & ids
    assert len(pages(alliance.operator, "/v1/api-keys?")) == len(revoked) + len(in_use)
    refused(alliance.operator.get("/v1/api-keys?revoked=perhaps"), "malformed")


def test_a_rotated_key_has_the_same_rights_and_the_old_one_works_until_it_is_revoked(
    shared: Alliance,
) -> None:
    old = good(shared.operator.post("/v1/api-keys", {"scope": "finance", "participant": "JADE", "name": "f"}))
    new = good(shared.operator.post(f"/v1/api-keys/{old['id']}/rotate"))
    assert new["id"] != old["id"]
    assert {**new, "id": "", "key": "", "made_at": ""} == {**old, "id": "", "key": "", "made_at": ""}
    for key in (old, new):
        assert shared.caller(key["key"]).get("/v1/statements").status_code == 200
    good(shared.operator.delete(f"/v1/api-keys/{old['id']}"))
    assert shared.caller(old["key"]).get("/v1/statements").status_code == 401
    assert shared.caller(new["key"]).get("/v1/statements").status_code == 200


def test_a_revoked_key_is_not_rotated(shared: Alliance) -> None:
    old = good(shared.operator.post("/v1/api-keys", {"scope": "finance", "participant": "JADE"}))
    good(shared.operator.delete(f"/v1/api-keys/{old['id']}"))
    refused = shared.operator.post(f"/v1/api-keys/{old['id']}/rotate")
    assert code(refused) == "not_found"
    assert "make a new one" in detail(refused)


def test_another_process_notices_a_revoked_key_within_a_second(
    shared: Alliance, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [time.monotonic()]
    other = keyring.Keyring(shared.services.engine, lambda: now[0])
    made = good(shared.operator.post("/v1/api-keys", {"scope": "auditor"}))
    assert other.open(made["key"]) is not None
    good(shared.operator.delete(f"/v1/api-keys/{made['id']}"))
    now[0] += keyring.SECONDS_KEPT + 0.1
    assert other.open(made["key"]) is None


def test_all_keys_in_use_are_read_again_at_once(shared: Alliance) -> None:
    now = [time.monotonic()]
    ring = keyring.Keyring(shared.services.engine, lambda: now[0])
    made = [good(shared.operator.post("/v1/api-keys", {"scope": "auditor"}))["key"] for _ in range(3)]

    def asked() -> int:
        with statements_of(shared.services.engine) as statements:
            assert all(ring.open(key) for key in made)
            assert ring.open("tdk_live_nobody_0123456789abcdef") is None
        return sum("api_keys" in one for one in statements)

    assert (asked(), asked()) == (4, 0)
    now[0] += keyring.SECONDS_KEPT + 0.1
    assert asked() == 2  # all that were good together, and the one that was not
    now[0] += keyring.SECONDS_KEPT + 0.1
    assert ring.open(made[0])
    now[0] += keyring.SECONDS_KEPT + 0.1
    assert asked() == 4  # two that nobody had used for a while, and the one that was not


def test_members_are_enrolled_with_a_wallet_and_a_card(shared: Alliance) -> None:
    jade = shared.participant("JADE")
    made = good(jade.post("/v1/members", {"participant": "JADE", "name": "Wu", "phone": "13900000123"}))
    assert made["id"].startswith("mem_")
    assert made["wallet"].startswith("wal_")
    assert (len(made["card"]["number"]), made["card"]["status"]) == (16, "active")
    assert good(jade.get(f"/v1/wallets/{made['wallet']}"))["points"]["available"] == 0
    again = jade.post("/v1/members", {"participant": "JADE", "phone": "+86 139-0000-0123"})
    assert (again.status_code, code(again)) == (409, "already_exists")
    elsewhere = shared.participant("PINE").post(
        "/v1/members", {"participant": "PINE", "phone": "13900000123"}
    )
    assert (elsewhere.status_code, code(elsewhere)) == (409, "enrolled_elsewhere")
    assert "JADE" not in detail(elsewhere), "whose member it is, is nobody else's business"


def test_a_person_without_a_phone_can_be_enrolled_any_number_of_times(shared: Alliance) -> None:
    jade = shared.participant("JADE")
    made = [good(jade.post("/v1/members", {"participant": "JADE"})) for _ in range(3)]
    assert len({one["card"]["number"] for one in made}) == 3
    assert made[0]["name"] is None


def test_names_and_phones_are_not_in_the_database_in_clear(shared: Alliance) -> None:
    body = {"participant": "JADE", "name": "Secretname", "phone": "13987654321"}
    good(shared.participant("JADE").post("/v1/members", body))
    with shared.services.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT members::text FROM members").scalars().all()
    stored = "".join(rows)
    assert b"Secretname".hex() not in stored
    assert b"13987654321".hex() not in stored
