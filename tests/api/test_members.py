"""Members listed, searched and changed by those whose members they are."""

import threading
from typing import Any

import pytest
from sqlalchemy import text

from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import LI, WANG, Alliance
from support.api import Caller, code, good, problem, refused


def enrol(alliance: Alliance, participant: str, **more: Any) -> Any:
    body = {"participant": participant, **more}
    return good(alliance.participant(participant).post("/v1/members", body))


def listed(caller: Caller, query: str = "") -> list[str]:
    return [one["id"] for one in good(caller.get(f"/v1/members?limit=200{query}"))["data"]]


def adds_up(alliance: Alliance) -> None:
    with frozen(alliance.services.engine) as connection:
        assert list(verify(connection)) == []


def acts(alliance: Alliance, member: str) -> list[Any]:
    found = good(alliance.operator.get(f"/v1/audit-log?about=member:{member}"))
    return list(found["data"])


# ---- Lists ----


def test_a_participant_lists_its_own_members_and_the_hub_all_of_them_masked(alliance: Alliance) -> None:
    jade = [
        enrol(alliance, "JADE", name=f"Guest {number}", phone=f"1390000100{number}") for number in range(3)
    ]
    pine = enrol(alliance, "PINE", name="Zhao Lei")
    found = good(alliance.participant("JADE").get("/v1/members"))["data"]
    assert [one["id"] for one in found[:3]] == [one["id"] for one in reversed(jade)]
    assert (found[0]["name"], found[0]["phone"]) == ("Guest 2", "13900001002")
    assert {one["participant"] for one in found} == {"JADE"}
    assert pine["id"] not in listed(alliance.participant("JADE"))
    for hub in (alliance.operator, alliance.auditor):
        all_of_them = good(hub.get("/v1/members?limit=200"))["data"]
        assert {one["participant"] for one in all_of_them} == {"JADE", "LOTUS", "PINE"}
        shown = next(one for one in all_of_them if one["id"] == pine["id"])
        assert (shown["name"], shown["phone"]) == ("Z*******", None)
        assert {one["participant"] for one in good(hub.get("/v1/members?participant=PINE"))["data"]} == {
            "PINE"
        }
    assert listed(alliance.participant("JADE"), "&participant=PINE") == []
    assert listed(alliance.operator, "&participant=NONE") == []
    for scope in (alliance.merchant("JADE-1"), alliance.finance("JADE")):
        assert code(scope.get("/v1/members")) == "forbidden"


def test_pages_follow_each_other_without_a_gap(alliance: Alliance) -> None:
    for number in range(5):
        enrol(alliance, "JADE", name=f"Guest {number}")
    jade, whole = alliance.participant("JADE"), listed(alliance.participant("JADE"))
    seen: list[str] = []
    cursor = ""
    while True:
        found = good(jade.get(f"/v1/members?limit=2{cursor}"))
        seen += [one["id"] for one in found["data"]]
        if found["next_cursor"] is None:
            break
        cursor = f"&cursor={found['next_cursor']}"
    assert seen == whole
    assert len(set(seen)) == len(seen) >= 6


def test_own_members_are_searched_by_phone_card_and_tier(alliance: Alliance) -> None:
    jade = alliance.participant("JADE")
    made = enrol(alliance, "JADE", phone="15400200002", tier="Gold", card="71000001")
    enrol(alliance, "JADE", phone="15400200003", tier="Silver")
    for written in ("15400200002", "8615400200002", "%2B86%20(0)154-0020-0002"):
        assert listed(jade, f"&phone={written}") == [made["id"]]
        # Whose it is, another participant does not learn.
        assert listed(alliance.participant("LOTUS"), f"&phone={written}") == []
    assert listed(jade, "&tier=Gold") == [made["id"]]
    assert listed(jade, "&card=71000001") == [made["id"]]
    good(jade.post("/v1/cards/71000001/replacement", {"number": "71000002"}))
    assert listed(jade, "&card=71000001") == listed(jade, "&card=71000002") == [made["id"]]
    assert good(jade.get("/v1/members?card=71000001"))["data"][0]["card"]["number"] == "71000002"
    assert listed(jade, f"&card={LI}") == []
    assert listed(alliance.operator, "&card=71000001") == [made["id"]]
    for hub in (alliance.operator, alliance.auditor):
        found = problem(hub.get("/v1/members?phone=15400200002"))
        assert (found["code"], found["errors"][0]["pointer"]) == ("forbidden", "?phone")
    assert refused(jade.get("/v1/members?phone=1540020"))["errors"][0]["pointer"] == "?phone"
    assert refused(jade.get("/v1/members?name=Wang"))["errors"][0]["pointer"] == "?name"


# ---- Changes ----


def test_name_phone_and_tier_are_changed_and_it_is_written_down(alliance: Alliance) -> None:
    jade = alliance.participant("JADE")
    made = enrol(alliance, "JADE", name="Zhao Lei", phone="15400200002", tier="Silver")
    path = f"/v1/members/{made['id']}"
    changed = good(jade.patch(path, {"name": "赵磊", "phone": "+86 154-0020-0009", "tier": "Gold"}))
    assert (changed["name"], changed["phone"], changed["tier"]) == ("赵磊", "15400200009", "Gold")
    assert changed["card"] == made["card"]
    assert good(jade.get(path)) == changed
    assert listed(jade, "&phone=15400200009") == [made["id"]]
    [act] = acts(alliance, made["id"])
    assert act["what"] == "member.changed"
    assert act["data"] == {
        "fields": ["name", "phone", "tier"],
        "tier": {"before": "Silver", "after": "Gold"},
    }
    # The same again, and what changes nothing, is no change.
    good(jade.patch(path, {"name": "赵磊", "phone": "8615400200009", "tier": "Gold"}))
    good(jade.patch(path, {}))
    assert len(acts(alliance, made["id"])) == 1
    # The old phone is free, the new one is not.
    assert good(
        alliance.participant("LOTUS").post("/v1/members", {"participant": "LOTUS", "phone": "15400200002"})
    )
    body = {"participant": "PINE", "phone": "0154 0020 0009"}
    assert code(alliance.participant("PINE").post("/v1/members", body)) == "enrolled_elsewhere"
    gone = good(jade.patch(path, {"name": None, "phone": None, "tier": None}))
    assert (gone["name"], gone["phone"], gone["tier"]) == (None, None, None)
    assert enrol(alliance, "PINE", phone="15400200009")
    adds_up(alliance)


def test_what_the_desk_shows_follows_the_change(alliance: Alliance) -> None:
    jade = alliance.participant("JADE")
    made = enrol(alliance, "JADE", name="Zhao", tier="Silver", card="71000003")
    good(jade.patch(f"/v1/members/{made['id']}", {"name": "Qian"}))
    check = good(alliance.merchant("LOTUS-1").get("/v1/cards/71000003"))
    assert check["holder"] == "Q***"


def test_the_phone_of_anothers_member_is_refused_and_nothing_is_changed(alliance: Alliance) -> None:
    jade, lotus = alliance.participant("JADE"), alliance.participant("LOTUS")
    enrol(alliance, "JADE", phone="15400200002")
    own = enrol(alliance, "LOTUS", name="Zhao", phone="15400200003")
    path = f"/v1/members/{own['id']}"
    found = problem(lotus.patch(path, {"name": "Qian", "phone": "8615400200002"}))
    assert (found["code"], found["errors"][0]["pointer"]) == ("enrolled_elsewhere", "/phone")
    enrol(alliance, "LOTUS", phone="15400200004")
    assert code(lotus.patch(path, {"phone": "15400200004"})) == "already_exists"
    assert refused(lotus.patch(path, {"phone": "15400200002.0"}))["errors"][0]["pointer"] == "/phone"
    assert refused(lotus.patch(path, {"card": WANG}))["errors"][0]["pointer"] == "/card"
    assert good(lotus.get(path)) == own
    assert acts(alliance, own["id"]) == []
    # Others' members do not exist, and nobody else may.
    assert code(jade.patch(path, {"name": "Sun"})) == "not_found"
    for caller in (alliance.merchant("LOTUS-1"), alliance.finance("LOTUS"), alliance.auditor):
        assert code(caller.patch(path, {"name": "Sun"})) == "forbidden"
    assert good(alliance.operator.patch(path, {"tier": "Gold"}))["tier"] == "Gold"


def test_of_an_erased_member_nothing_is_changed(alliance: Alliance) -> None:
    jade = alliance.participant("JADE")
    made = enrol(alliance, "JADE", name="Zhao", phone="15400200002")
    good(jade.post(f"/v1/members/{made['id']}/erasure", {"reason": "asked for it"}))
    found = problem(jade.patch(f"/v1/members/{made['id']}", {"name": "Zhao"}))
    assert (found["code"], "erased" in found["detail"]) == ("not_found", True)


def test_linked_members_may_have_one_phone(alliance: Alliance) -> None:
    first = enrol(alliance, "JADE", phone="15400200002")
    second = enrol(alliance, "LOTUS", phone="15400200003")
    wallet = "(SELECT wallet_id FROM cards WHERE number = :first)"
    with alliance.services.engine.begin() as connection:
        # As after a link: one person, one wallet.
        for statement in (
            f"UPDATE members SET wallet_id = {wallet}"
            " WHERE id = (SELECT member_id FROM cards WHERE number = :second)",
            f"UPDATE cards SET wallet_id = {wallet} WHERE number = :second",
        ):
            numbers = {"first": first["card"]["number"], "second": second["card"]["number"]}
            connection.execute(text(statement), numbers)
    lotus = alliance.participant("LOTUS")
    changed = good(lotus.patch(f"/v1/members/{second['id']}", {"phone": "15400200002"}))
    assert changed["phone"] == "15400200002"
    assert listed(lotus, "&phone=15400200002") == [second["id"]]
    assert listed(alliance.participant("JADE"), "&phone=15400200002") == [first["id"]]
    body = {"participant": "PINE", "phone": "15400200002"}
    assert code(alliance.participant("PINE").post("/v1/members", body)) == "enrolled_elsewhere"


def test_of_two_that_take_a_phone_at_once_one_gets_it(alliance: Alliance) -> None:
    members = [enrol(alliance, "JADE", phone=f"1540020010{number}") for number in range(4)]
    answers: list[int] = []
    key = alliance.participant("JADE").key

    def take(member: str) -> None:
        caller = alliance.caller(key)
        answers.append(caller.patch(f"/v1/members/{member}", {"phone": "15400200002"}).status_code)

    threads = [threading.Thread(target=take, args=(one["id"],)) for one in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409, 409, 409]
    assert len(listed(alliance.participant("JADE"), "&phone=15400200002")) == 1
    adds_up(alliance)


@pytest.mark.parametrize("field", ["name", "phone", "tier"])
def test_a_body_that_is_not_there_takes_nothing_away(shared: Alliance, field: str) -> None:
    made = enrol(shared, "JADE", name="Zhao", tier="Gold")
    jade = shared.participant("JADE")
    headers = {"Authorization": f"Bearer {jade.key}"}
    answer = jade.client.patch(f"/v1/members/{made['id']}", headers=headers)
    refused(answer)
    assert good(jade.get(f"/v1/members/{made['id']}"))[field] == made[field]
