"""What is kept of a person: handed out whole, erased for good, and masked for everybody else."""

import json
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select, text, update
from structlog.testing import capture_logs

from api import export as export_module
from clearing import ids
from clearing.tables import holds, members
from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import LI, WANG, Alliance
from support.api import Caller, code, detail, good, pointers, problem, refused, wait_for_import

numbers = count(1)


class Guest:
    """A new member of JADE, Zhou Lan, with 900 JADE points and 600 LOTUS points."""

    def __init__(self, alliance: Alliance) -> None:
        number = next(numbers)
        self.card, self.phone = f"71{number:06d}", f"1370000{number:04d}"
        self.member = good(
            alliance.participant("JADE").post(
                "/v1/members",
                {
                    "participant": "JADE",
                    "name": "Zhou Lan",
                    "phone": self.phone,
                    "card": self.card,
                    "tier": "Gold",
                },
            )
        )
        self.id: str = self.member["id"]
        alliance.open_points(self.card, "JADE", 900)
        alliance.open_points(self.card, "LOTUS", 600)


@pytest.fixture
def guest(shared: Alliance) -> Guest:
    return Guest(shared)


def exported(caller: Caller, guest: Guest) -> dict[str, Any]:
    found: dict[str, Any] = good(caller.get(f"/v1/members/{guest.id}/export"))
    return found


def erase(caller: Caller, guest: Guest):  # type: ignore[no-untyped-def]
    return caller.post(f"/v1/members/{guest.id}/erasure", {"reason": "the guest asked for it"})


def redeem(alliance: Alliance, guest: Guest, at: str, points: int, **more: Any) -> dict[str, Any]:
    body = {"card": guest.card, "merchant": at, "points": points, **more}
    found: dict[str, Any] = good(alliance.merchant(at).post("/v1/redemptions", body))
    return found


# ---- export -------------------------------------------------------------------------------------


def test_an_export_holds_all_that_is_kept_of_a_person(shared: Alliance, guest: Guest) -> None:
    own = redeem(shared, guest, "JADE-1", 100)
    abroad = redeem(shared, guest, "LOTUS-1", 1000, metadata={"till": "7"})
    body = {"card": guest.card, "merchant": "LOTUS-1", "amount": 5000}
    visit = good(shared.merchant("LOTUS-1").post("/v1/accruals", body))
    hold = redeem(shared, guest, "JADE-1", 30, capture=False)
    good(shared.operator.post(f"/v1/transactions/{own['id']}/reversals", {"points": 40, "reason": "late"}))
    response = shared.participant("JADE").get(f"/v1/members/{guest.id}/export")
    found = good(response)
    assert response.headers["Content-Disposition"] == f'attachment; filename="{guest.id}.json"'
    assert found["member"] == guest.member
    assert (found["member"]["name"], found["member"]["phone"]) == ("Zhou Lan", guest.phone)
    assert found["wallet"] == guest.member["wallet"]
    [card] = found["cards"]
    assert (card["number"], card["issuer"], card["status"]) == (guest.card, "JADE", "active")
    wallet = good(shared.participant("JADE").get(f"/v1/wallets/{found['wallet']}"))
    lots = good(shared.participant("JADE").get(f"/v1/wallets/{found['wallet']}/lots"))["data"]
    assert (found["points"], found["stored_value"]) == (wallet["points"], wallet["stored_value"])
    assert found["lots"] == lots
    assert found["arrears"] == []
    [shown] = found["holds"]
    assert (shown["id"], shown["status"], shown["points"]) == (hold["hold"], "held", 30)
    seen = {one["id"]: one for one in found["transactions"]}
    assert {own["id"], abroad["id"], visit["id"]} <= seen.keys()
    assert [one["kind"] for one in found["transactions"]].count("opening") == 2
    assert (seen[own["id"]]["card"], seen[own["id"]]["reversed"]) == (guest.card, 40)


def test_of_what_concerns_others_an_export_shows_no_more_than_ever(shared: Alliance, guest: Guest) -> None:
    abroad = redeem(shared, guest, "LOTUS-1", 1000, metadata={"till": "7"})
    body = {"card": guest.card, "merchant": "LOTUS-1", "amount": 5000}
    load = good(shared.merchant("LOTUS-1").post("/v1/loads", body))
    part = {"amount": 2000, "reason": "late"}
    good(shared.merchant("LOTUS-1").post(f"/v1/transactions/{load['id']}/reversals", part))
    hold = redeem(shared, guest, "LOTUS-1", 80, capture=False, metadata={"room": "7"})
    jade = shared.participant("JADE")
    found = exported(jade, guest)
    seen = {one["id"]: one for one in found["transactions"]}
    assert seen[abroad["id"]] == good(jade.get(f"/v1/transactions/{abroad['id']}"))
    assert [leg["issuer"] for leg in seen[abroad["id"]]["legs"]] == ["JADE"]
    # LOTUS sold its own stored value: that it happened is kept of the person, how much is LOTUS' to know.
    assert jade.get(f"/v1/transactions/{load['id']}").status_code == 404
    shown = seen[load["id"]]
    assert (shown["legs"], shown["amount"], shown["reversed_amount"]) == ([], 0, 0)
    assert (shown["kind"], shown["merchant"]) == ("load", "LOTUS-1")
    [shown] = found["holds"]
    assert (shown["id"], shown["merchant"], shown["points"]) == (hold["hold"], "LOTUS-1", 80)
    assert (shown["card"], shown["metadata"]) == ("*" * 4 + guest.card[-4:], {})
    whole = exported(shared.operator, guest)
    assert {one["id"]: one for one in whole["transactions"]}[abroad["id"]] == abroad
    assert (whole["holds"][0]["card"], whole["holds"][0]["metadata"]) == (guest.card, {"room": "7"})
    assert whole["member"]["name"] == "Zhou Lan"


def test_a_hold_that_others_issued_is_shown_without_its_points(shared: Alliance) -> None:
    guest = Guest(shared)
    redeem(shared, guest, "LOTUS-1", 100, capture=False)  # own first: LOTUS points at LOTUS
    [shown] = exported(shared.participant("JADE"), guest)["holds"]
    assert (shown["points"], shown["amount"], shown["captured"]) == (0, 0, 0)
    taken = good(shared.merchant("LOTUS-1").post(f"/v1/holds/{shown['id']}/capture"))
    assert taken["captured"] == 100
    [shown] = exported(shared.participant("JADE"), guest)["holds"]
    assert (shown["status"], shown["captured"]) == ("captured", 0)


def test_an_export_is_complete_however_many_portions_it_takes(
    shared: Alliance, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "PORTION", 2)
    done = [redeem(shared, guest, "JADE-1", 10)["id"] for _ in range(4)]
    held = [redeem(shared, guest, "JADE-1", 10, capture=False)["hold"] for _ in range(3)]
    found = exported(shared.participant("JADE"), guest)
    assert [one["id"] for one in found["transactions"]][:4] == done[::-1]
    assert len(found["transactions"]) == 6
    assert [one["id"] for one in found["holds"]] == held[::-1]


def test_an_export_is_logged_with_who_took_it(shared: Alliance, guest: Guest) -> None:
    with capture_logs() as logs:
        exported(shared.participant("JADE"), guest)
    [event] = [one for one in logs if one["event"] == "member_exported"]
    assert event["member"] == guest.id
    assert event["by"]
    assert "Zhou" not in str(logs)


def test_a_replaced_card_is_exported_with_its_replacement(shared: Alliance, guest: Guest) -> None:
    new = good(shared.participant("JADE").post(f"/v1/cards/{guest.card}/replacement"))["number"]
    cards = exported(shared.participant("JADE"), guest)["cards"]
    assert [(one["number"], one["replaced_by"], one["replaces"]) for one in cards] == [
        (guest.card, new, None),
        (new, None, guest.card),
    ]


def test_exports_and_erasures_are_for_the_members_participant_and_the_operator(
    shared: Alliance, guest: Guest
) -> None:
    for other in (shared.participant("LOTUS"), shared.participant("PINE")):
        assert code(other.get(f"/v1/members/{guest.id}/export")) == "not_found"
        assert code(erase(other, guest)) == "not_found"
    for caller in (shared.merchant("JADE-1"), shared.finance("JADE"), shared.auditor):
        assert code(caller.get(f"/v1/members/{guest.id}/export")) == "forbidden"
        assert code(erase(caller, guest)) == "forbidden"
    assert exported(shared.operator, guest)["member"]["phone"] == guest.phone


@pytest.mark.parametrize("weird", ["x", "mem_zzzzzzzzzzzzz", "mem_7zzzzzzzzzzzz", "%FF", "wal_0000000000001"])
def test_a_member_that_does_not_exist_is_neither_exported_nor_erased(shared: Alliance, weird: str) -> None:
    refused(shared.operator.get(f"/v1/members/{weird}/export"), "not_found")
    refused(shared.operator.post(f"/v1/members/{weird}/erasure", {"reason": "asked"}), "not_found")


# ---- erasure ------------------------------------------------------------------------------------


def test_erasure_leaves_no_name_and_no_phone_and_all_that_was_booked(shared: Alliance, guest: Guest) -> None:
    jade = shared.participant("JADE")
    done = redeem(shared, guest, "LOTUS-1", 1000)
    before, sums = exported(jade, guest), shared.sums()
    with capture_logs() as logs:
        erased = good(erase(jade, guest))
    assert (erased["name"], erased["phone"], erased["card"]["status"]) == (None, None, "blocked")
    assert erased["erased_at"] is not None
    [event] = [one for one in logs if one["event"] == "member_erased"]
    assert (event["member"], event["reason"]) == (guest.id, "the guest asked for it")
    assert good(jade.get(f"/v1/members/{guest.id}")) == erased
    after = exported(jade, guest)
    for name in ("lots", "points", "stored_value", "transactions", "holds", "wallet"):
        assert after[name] == before[name], name
    assert done["id"] in {one["id"] for one in after["transactions"]}
    for caller in (jade, shared.operator):
        told = json.dumps(exported(caller, guest), ensure_ascii=False)
        assert "Zhou" not in told
        assert guest.phone not in told
    assert shared.sums() == sums
    with shared.services.engine.connect() as connection:
        row = connection.execute(select(members).where(members.c.id == _number(guest))).one()
    assert (row.name_cipher, row.phone_cipher, row.phone_index) == (None, None, None)


def test_after_an_erasure_nothing_can_be_used_and_no_card_made_good_or_replaced(
    shared: Alliance, guest: Guest
) -> None:
    jade = shared.participant("JADE")
    good(erase(jade, guest))
    body = {"card": guest.card, "merchant": "JADE-1", "points": 10}
    assert code(shared.merchant("JADE-1").post("/v1/redemptions", body)) == "card_blocked"
    for response in (
        jade.patch(f"/v1/cards/{guest.card}", {"status": "active"}),
        jade.post(f"/v1/cards/{guest.card}/replacement"),
    ):
        assert (response.status_code, code(response)) == (409, "card_blocked")
        assert "erased" in detail(response)
    check = good(shared.merchant("PINE-1").get(f"/v1/cards/{guest.card}"))
    assert (check["status"], check["holder"]) == ("blocked", "")


def test_to_erase_again_changes_nothing(shared: Alliance, guest: Guest) -> None:
    jade = shared.participant("JADE")
    first = good(erase(jade, guest))
    with capture_logs() as logs:
        assert good(erase(jade, guest)) == first
        assert good(erase(shared.operator, guest)) == first
    assert [one for one in logs if one["event"] == "member_erased"] == []


def test_a_phone_freed_by_erasure_can_be_enrolled_anew_by_anybody(shared: Alliance, guest: Guest) -> None:
    lotus = shared.participant("LOTUS")
    body = {"participant": "LOTUS", "name": "Zhou Lan", "phone": guest.phone}
    assert code(lotus.post("/v1/members", body)) == "enrolled_elsewhere"
    good(erase(shared.participant("JADE"), guest))
    anew = good(lotus.post("/v1/members", body))
    assert anew["wallet"] != guest.member["wallet"]
    assert good(lotus.get(f"/v1/wallets/{anew['wallet']}"))["points"]["available"] == 0


@pytest.mark.parametrize("at", ["JADE-1", "LOTUS-1"])
def test_a_member_with_an_open_hold_is_not_erased(shared: Alliance, guest: Guest, at: str) -> None:
    jade = shared.participant("JADE")
    hold = redeem(shared, guest, at, 50, capture=False)["hold"]
    response = erase(jade, guest)
    assert (response.status_code, code(response)) == (409, "hold_open")
    assert "hold" in detail(response)
    assert good(jade.get(f"/v1/members/{guest.id}"))["name"] == "Zhou Lan"
    good(shared.merchant(at).post(f"/v1/holds/{hold}/void"))
    good(erase(jade, guest))


def test_a_hold_whose_time_is_over_does_not_count_whether_it_was_swept_or_not(
    shared: Alliance, guest: Guest
) -> None:
    redeem(shared, guest, "LOTUS-1", 50, capture=False)
    with shared.services.engine.begin() as connection:
        wallet = ids.decode("wal", guest.member["wallet"])
        assert wallet is not None
        past = text("clock_timestamp()")
        connection.execute(update(holds).where(holds.c.wallet_id == wallet[0]).values(expires_at=past))
    good(erase(shared.participant("JADE"), guest))


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": None}, {"reason": "x" * 501}])
def test_an_erasure_says_why(shared: Alliance, guest: Guest, body: dict[str, Any]) -> None:
    response = shared.participant("JADE").post(f"/v1/members/{guest.id}/erasure", body)
    assert pointers(refused(response)) == ["/reason"]


def test_a_member_whose_key_is_lost_can_be_erased(shared: Alliance, guest: Guest) -> None:
    with shared.services.engine.begin() as connection:
        broken = update(members).where(members.c.id == _number(guest)).values(name_cipher=b"\xff" * 40)
        connection.execute(broken)
    good(erase(shared.participant("JADE"), guest))


def test_after_all_this_the_ledger_adds_up(shared: Alliance) -> None:
    with frozen(shared.services.engine) as connection:
        assert list(verify(connection)) == []


# ---- what others may see ------------------------------------------------------------------------


def test_no_answer_to_a_visited_host_names_a_person_or_tells_how_to_reach_one(
    shared: Alliance, guest: Guest
) -> None:
    """Every answer in which the member occurs, for the desk, the finance and the head of the host."""
    done = redeem(shared, guest, "LOTUS-1", 1000, reference=f"POS-{guest.card}")
    hold = redeem(shared, guest, "LOTUS-1", 20, capture=False)["hold"]
    body = {"card": guest.card, "merchant": "LOTUS-1"}
    answers = []
    for caller in (shared.merchant("LOTUS-1"), shared.participant("LOTUS")):
        answers += [
            caller.get(f"/v1/cards/{guest.card}?merchant=LOTUS-1"),
            caller.post("/v1/quotes", {**body, "kind": "redemption", "points": 10}),
            caller.post("/v1/accruals", {**body, "amount": 100}),
            caller.post("/v1/redemptions", {**body, "points": 10**7}),
            caller.get(f"/v1/transactions/{done['id']}"),
            caller.get(f"/v1/transactions?card={guest.card}"),
            caller.get(f"/v1/holds/{hold}"),
            caller.get(f"/v1/holds?card={guest.card}"),
            caller.get(f"/v1/members/{guest.id}"),
            caller.get(f"/v1/members/{guest.id}/export"),
            caller.get(f"/v1/wallets/{guest.member['wallet']}"),
            caller.get(f"/v1/wallets/{guest.member['wallet']}/lots"),
            caller.get(f"/v1/wallets/{guest.member['wallet']}/transactions"),
            caller.patch(f"/v1/cards/{guest.card}", {"status": "blocked"}),
            caller.post("/v1/members", {"participant": "LOTUS", "phone": guest.phone}),
        ]
    answers.append(shared.finance("LOTUS").get("/v1/transactions"))
    for answer in answers:
        assert "Zhou" not in answer.text, answer.request.path
        assert "Lan" not in answer.text, answer.request.path
        assert guest.phone not in answer.text, answer.request.path
        assert guest.id not in answer.text.replace(f"no member '{guest.id}'", ""), answer.request.path
    assert good(answers[0])["holder"] == "Z*******"


def test_wallets_and_members_of_others_are_not_found(shared: Alliance, guest: Guest) -> None:
    lotus, wallet = shared.participant("LOTUS"), guest.member["wallet"]
    redeem(shared, guest, "LOTUS-1", 10)
    for path in (f"/v1/members/{guest.id}", f"/v1/wallets/{wallet}", f"/v1/wallets/{wallet}/lots"):
        assert code(lotus.get(path)) == "not_found"
    for path in (f"/v1/members/{guest.id}", f"/v1/wallets/{wallet}"):
        assert code(shared.merchant("LOTUS-1").get(path)) == "forbidden"


def test_an_issuer_that_is_not_acceptor_sees_no_whole_card_number(shared: Alliance, guest: Guest) -> None:
    done = redeem(shared, guest, "PINE-1", 1000)
    seen = shared.participant("LOTUS").get(f"/v1/transactions/{done['id']}")
    assert good(seen)["card"] == "****" + guest.card[-4:]
    assert guest.card not in seen.text


def test_refused_members_of_an_import_are_named_for_who_sent_them_only(shared: Alliance) -> None:
    rows = "participant,name,phone,tier\nPINE,Zhou Lan,13612345678,Gold\nJADE,Zhou Lan,call me,Gold\n"
    jade = shared.participant("JADE")
    done = wait_for_import(jade, "members", rows)
    assert done["refused"] == 2
    path = f"/v1/imports/{done['id']}/errors.csv"
    own = jade.get(path).text
    assert own.count("Zhou Lan") == 2
    assert "13612345678" in own
    for caller in (shared.operator, shared.auditor):
        seen = caller.get(path).text
        assert "forbidden" in seen
        assert "Gold" in seen
        for name in ("Zhou", "13612345678", "call me"):
            assert name not in seen
    done = wait_for_import(shared.operator, "members", "participant,name\nNOBODY,Zhou Lan\n")
    path = f"/v1/imports/{done['id']}/errors.csv"
    assert "Zhou Lan" in shared.operator.get(path).text
    assert "Zhou" not in shared.auditor.get(path).text


def test_a_taken_number_tells_nothing_of_whose_card_it_is(shared: Alliance) -> None:
    response = shared.participant("LOTUS").post(f"/v1/cards/{LI}/replacement", {"number": WANG})
    assert problem(response)["code"] == "already_exists"
    for told in ("JADE", "Wang", "W***"):
        assert told not in response.text


def _number(guest: Guest) -> int:
    found = ids.decode("mem", guest.id)
    assert found is not None
    return found[0]
