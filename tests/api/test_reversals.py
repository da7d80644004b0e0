"""Reversals through the API: new opposite entries, in parts or whole, never more than there was."""

import threading
from typing import Any

from clearing.verify import frozen
from settlement.verify import verify
from support.alliance import LI, WANG, Alliance
from support.api import Caller, code, good, wait_for_import


def redeem(alliance: Alliance, points: int = 4000) -> dict[str, Any]:
    body = {"card": WANG, "merchant": "LOTUS-1", "points": points}
    done: dict[str, Any] = good(alliance.merchant("LOTUS-1").post("/v1/redemptions", body))
    return done


def reverse(caller: Caller, transaction: dict[str, Any], **body: Any) -> Any:
    path = f"/v1/transactions/{transaction['id']}/reversals"
    return caller.post(path, {"reason": "guest left early", **body})


def lots(alliance: Alliance) -> list[tuple[str, int, str]]:
    found = good(alliance.merchant("PINE-1").get(f"/v1/cards/{WANG}"))["lots"]
    return sorted((lot["issuer"], lot["points"], lot["expires_on"]) for lot in found)


def adds_up(alliance: Alliance) -> None:
    with frozen(alliance.services.engine) as connection:
        assert list(verify(connection)) == []


def test_a_whole_reversal_leaves_the_world_as_it_was(alliance: Alliance) -> None:
    before = lots(alliance)
    booked = redeem(alliance)
    desk = alliance.merchant("LOTUS-1")
    undone = good(reverse(desk, booked))
    assert (undone["kind"], undone["points"], undone["amount"]) == ("reversal", -4000, -4000)
    assert (undone["reverses"], undone["purpose"]) == (booked["id"], "guest left early")
    assert [(leg["issuer"], leg["points"], leg["obligation"], leg["fee"]) for leg in undone["legs"]] == [
        ("LOTUS", -1500, 0, 0),
        ("JADE", -2500, -2500, -50),
    ]
    assert lots(alliance) == before
    assert alliance.sums()["obligation"] == 0
    original = good(desk.get(f"/v1/transactions/{booked['id']}"))
    assert (original["points"], original["reversed"]) == (4000, 4000)
    assert code(reverse(desk, booked)) == "exceeds_reversible"
    assert code(reverse(desk, undone)) == "not_reversible"
    adds_up(alliance)


def test_parts_go_back_last_drawn_first_and_the_fee_with_them(alliance: Alliance) -> None:
    booked = redeem(alliance)
    desk = alliance.merchant("LOTUS-1")
    first = good(reverse(desk, booked, points=2400))
    assert [(leg["issuer"], leg["points"], leg["fee"]) for leg in first["legs"]] == [("JADE", -2400, -48)]
    assert code(reverse(desk, booked, points=1601)) == "exceeds_reversible"
    second = good(reverse(desk, booked, amount=1000))
    assert [(leg["issuer"], leg["points"], leg["fee"]) for leg in second["legs"]] == [
        ("LOTUS", -900, 0),
        ("JADE", -100, -2),
    ]
    assert good(desk.get(f"/v1/transactions/{booked['id']}"))["reversed"] == 3400
    issuers_view = good(alliance.participant("JADE").get(f"/v1/transactions/{booked['id']}"))
    assert (issuers_view["points"], issuers_view["reversed"]) == (2500, 2500)
    in_wallet = good(alliance.operator.get(f"/v1/wallets/{alliance.wallet(WANG)}/transactions"))["data"]
    assert {one["reversed"] for one in in_wallet if one["id"] == booked["id"]} == {3400}
    adds_up(alliance)


def test_an_accrual_whose_points_are_spent_leaves_arrears_that_the_next_one_pays(alliance: Alliance) -> None:
    pine = alliance.merchant("PINE-1")
    body = {"card": LI, "merchant": "PINE-1"}
    earned = good(pine.post("/v1/accruals", {**body, "amount": 50000}))
    good(pine.post("/v1/redemptions", {**body, "points": 450}))
    undone = good(reverse(pine, earned))
    assert (undone["points"], undone["amount"]) == (-500, -50000)
    adds_up(alliance)

    def available() -> int:
        points: int = good(pine.get(f"/v1/cards/{LI}"))["points"]["available"]
        return points

    assert available() == 0
    good(pine.post("/v1/accruals", {**body, "amount": 40000}))
    assert available() == 0
    good(pine.post("/v1/accruals", {**body, "amount": 10000}))
    assert available() == 50
    adds_up(alliance)


def test_a_load_goes_back_as_long_as_it_is_not_spent(alliance: Alliance) -> None:
    jade, pine = alliance.merchant("JADE-1"), alliance.merchant("PINE-1")
    loaded = good(
        pine.post("/v1/loads", {"card": LI, "merchant": "PINE-1", "amount": 10000, "issuer": "JADE"})
    )
    good(jade.post("/v1/spends", {"card": LI, "merchant": "JADE-1", "amount": 4000}))
    assert code(reverse(pine, loaded)) == "exceeds_reversible"
    undone = good(reverse(pine, loaded, amount=6000))
    assert [(leg["amount"], leg["obligation"]) for leg in undone["legs"]] == [(-6000, -6000)]
    adds_up(alliance)


def test_a_reversal_of_a_closed_month_is_booked_in_the_open_one_and_names_it(alliance: Alliance) -> None:
    booked = redeem(alliance)
    good(alliance.operator.post(f"/v1/periods/{booked['period']}/close", {"early": True}))
    undone = good(reverse(alliance.merchant("LOTUS-1"), booked))
    assert (undone["reverses_period"], undone["period"] > booked["period"]) == (booked["period"], True)
    adds_up(alliance)
    later = good(alliance.operator.post(f"/v1/periods/{undone['period']}/close", {"early": True}))
    assert {one["code"]: one["net"] for one in later["participants"]} == {
        "JADE": 2500,
        "LOTUS": -2450,
        "PINE": 0,
    }
    assert later["hub"]["net"] == -50
    assert later["checks"] == {"zero_sum": True, "recomputed": True}
    listed = good(alliance.finance("LOTUS").get(f"/v1/statements?period={undone['period']}"))["data"][0]
    text = alliance.finance("LOTUS").get(f"/v1/statements/{listed['id']}.csv").get_data(as_text=True)
    assert booked["id"] in text
    adds_up(alliance)


def test_only_the_merchant_itself_undoes_what_it_did(alliance: Alliance) -> None:
    booked = redeem(alliance)
    for stranger in (alliance.merchant("LOTUS-2"), alliance.participant("JADE"), alliance.merchant("PINE-1")):
        assert code(reverse(stranger, booked)) == "transaction_unknown"
    assert code(reverse(alliance.operator, {"id": "txn_nonsense"})) == "transaction_unknown"
    assert code(reverse(alliance.finance("LOTUS"), booked)) == "forbidden"
    good(reverse(alliance.participant("LOTUS"), booked, points=1))
    good(reverse(alliance.operator, booked, points=1))


def test_what_is_asked_must_make_sense(alliance: Alliance) -> None:
    booked, desk = redeem(alliance), alliance.merchant("LOTUS-1")
    path = f"/v1/transactions/{booked['id']}/reversals"
    for body in ({}, {"reason": "x", "points": 1, "amount": 1}, {"reason": "x", "colour": 1}):
        assert code(desk.post(path, body)) == "malformed"
    for points in (0, -1, 10**13):
        assert code(reverse(desk, booked, points=points)) == "amount_invalid"
    body = {"card": WANG, "merchant": "LOTUS-1", "points": 10, "capture": False}
    held = good(desk.post("/v1/redemptions", body))
    assert code(reverse(desk, held)) == "not_reversible"


def test_fifty_reversals_at_once_never_exceed_the_transaction(alliance: Alliance) -> None:
    booked = redeem(alliance, 1000)
    clients = [alliance.caller(alliance.merchant("LOTUS-1").key) for _ in range(50)]
    found: list[str] = []

    def undo(index: int) -> None:
        response = reverse(clients[index], booked, points=100)
        found.append("done" if response.status_code == 201 else code(response))

    threads = [threading.Thread(target=undo, args=(index,)) for index in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found.count("done"), found.count("exceeds_reversible")) == (10, 40)
    adds_up(alliance)


def test_reversals_come_as_a_file_too(alliance: Alliance) -> None:
    booked = redeem(alliance)
    rows = [
        "transaction,points,amount,reason,key",
        f"{booked['id']},1000,,night audit,r1",
        f"{booked['id']},9999,,too much,r2",
        "txn_nonsense,,,unknown,r3",
        f"{booked['id']},1,,,r4",
    ]
    done = wait_for_import(alliance.participant("LOTUS"), "reversals", "\n".join(rows))
    assert (done["accepted"], done["refused"]) == (1, 3), done
    errors = alliance.participant("LOTUS").get(f"/v1/imports/{done['id']}/errors.csv").get_data(as_text=True)
    for expected in ("exceeds_reversible", "transaction_unknown", "malformed"):
        assert expected in errors
    adds_up(alliance)


def test_a_number_of_the_merchant_s_own_is_taken_once(alliance: Alliance) -> None:
    booked, desk = redeem(alliance), alliance.merchant("LOTUS-1")
    first = good(reverse(desk, booked, points=10, reference="R-1"))
    assert first["reference"] == "R-1"
    assert code(reverse(desk, booked, points=20, reference="R-1")) == "duplicate_reference"
    [found] = good(desk.get("/v1/transactions?reference=R-1"))["data"]
    assert found["id"] == first["id"]
    elsewhere = {"card": WANG, "merchant": "LOTUS-2", "points": 100}
    other = good(alliance.operator.post("/v1/redemptions", elsewhere))
    good(reverse(alliance.operator, other, reference="R-1"))
    adds_up(alliance)
